"""The yamux connection against a scripted peer: what no honest peer sends ends it, and only it."""

from __future__ import annotations

import contextlib
import struct

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.peer.id import ID
from libp2p.security.noise.transport import Transport
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable, MuxedStreamReset

from covey.model import limits
from covey.network.muxer import Muxer
from covey.network.unread import Unread

DATA, WINDOW, PING, GO_AWAY = range(4)
SYN, ACK, FIN, RST = 1, 2, 4, 8


def _frame(kind: int, flags: int, stream: int, length: int, body: bytes = b"") -> bytes:
    return struct.pack("!BBHII", 0, kind, flags, stream, length) + body


@pytest.fixture
async def peers(nursery):
    """Our connection (it accepted), and a bare Noise session as its peer."""
    ours, theirs = create_new_key_pair(b"a" * 32), create_new_key_pair(b"b" * 32)
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    dialled = await trio.testing.open_stream_to_socket_listener(listeners[0])
    accepted = await listeners[0].accept()
    await listeners[0].aclose()
    sessions: dict[str, object] = {}

    async def accept() -> None:
        transport = Transport(ours, create_noise_key_pair().private_key)
        raw = RawConnection(TrioTCPStream(accepted), False)
        sessions["ours"] = await transport.secure_inbound(raw)

    async with trio.open_nursery() as handshake:
        handshake.start_soon(accept)
        transport = Transport(theirs, create_noise_key_pair().private_key)
        raw = RawConnection(TrioTCPStream(dialled), True)
        sessions["theirs"] = await transport.secure_outbound(raw, ID.from_pubkey(ours.public_key))
    muxer = Muxer(sessions["ours"], ID.from_pubkey(theirs.public_key), Unread())
    nursery.start_soon(muxer.start)
    await muxer.event_started.wait()
    return muxer, sessions["theirs"]


@pytest.mark.trio
async def test_ping_is_answered(peers):
    """Other implementations keep their connections alive this way."""
    _, peer = peers
    await peer.write(_frame(PING, SYN, 0, 77))
    assert await peer.read(12) == _frame(PING, ACK, 0, 77)


@pytest.mark.trio
async def test_stream_of_the_peer_is_accepted_and_read(peers):
    """The stream, its bytes, and the half-closing that ends them."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0) + _frame(DATA, FIN, 1, 5, b"hello"))
    stream = await muxer.accept_stream()
    assert await stream.read(3) == b"hel"
    assert await stream.read() == b"lo"
    await stream.write(b"answer")
    assert await peer.read(12) == _frame(WINDOW, ACK, 1, 0)
    assert await peer.read(18) == _frame(DATA, 0, 1, 6, b"answer")


@pytest.mark.trio
async def test_frame_may_come_in_pieces(peers):
    """Noise packets and yamux frames have no common borders."""
    muxer, peer = peers
    for byte in _frame(WINDOW, SYN, 1, 0) + _frame(DATA, 0, 1, 2, b"ab"):
        await peer.write(bytes([byte]))
    stream = await muxer.accept_stream()
    received = await stream.read()
    while len(received) < 2:
        received += await stream.read()
    assert received == b"ab"


@pytest.mark.trio
@pytest.mark.parametrize(
    "sent",
    [
        _frame(9, 0, 0, 0),
        _frame(DATA, SYN, 2, 0),  # an id of our side
        _frame(WINDOW, SYN, 1, 0) + _frame(WINDOW, SYN, 1, 0),
        _frame(DATA, SYN, 1, 0xFFFFFFFF),
        _frame(DATA, SYN, 1, limits.MUXER_WINDOW_BYTES + 1),
        _frame(DATA, SYN, 1, 300 * 1024, bytes(300 * 1024)),  # beyond the first window
        _frame(GO_AWAY, 0, 0, 0),
    ],
    ids=[
        "unknown type",
        "wrong side",
        "opened twice",
        "4 GiB",
        "over any window",
        "over the window",
        "goodbye",
    ],
)
async def test_violation_or_goodbye_ends_the_connection(peers, sent):
    """One peer is lost, and nothing is raised into the swarm."""
    muxer, peer = peers
    await peer.write(sent)
    with trio.fail_after(5):
        await muxer.wait_closed()
    with pytest.raises(MuxedConnUnavailable):
        await muxer.open_stream()


@pytest.mark.trio
async def test_caller_that_tries_again_at_once_does_not_keep_a_connection_from_ending(peers):
    muxer, peer = peers
    await peer.write(_frame(GO_AWAY, 0, 0, 0))
    with trio.fail_after(5):
        await muxer.wait_closed()
    with trio.testing.assert_checkpoints(), pytest.raises(MuxedConnUnavailable):
        await muxer.open_stream()


@pytest.mark.trio
async def test_bytes_that_are_no_noise_end_the_connection(peers):
    """A flipped bit on the way fails authentication."""
    muxer, peer = peers
    await peer.conn.read_writer.read_write_closer.write(b"\x00\x20" + bytes(32))
    with trio.fail_after(5):
        await muxer.wait_closed()


@pytest.mark.trio
async def test_streams_beyond_the_bound_are_reset(peers, monkeypatch):
    """The others go on."""
    monkeypatch.setattr(limits, "MUXER_STREAMS_MAX", 2)
    muxer, peer = peers
    for stream_id in (1, 3, 5):
        await peer.write(_frame(WINDOW, SYN, stream_id, 0))
    answers = [await peer.read(12) for _ in range(3)]
    assert answers[:2] == [_frame(WINDOW, ACK, 1, 0), _frame(WINDOW, ACK, 3, 0)]
    assert answers[2] == _frame(WINDOW, RST, 5, 0)
    assert not muxer.is_closed


@pytest.mark.trio
async def test_many_streams_that_nobody_reads_end_the_connection(peers, monkeypatch):
    """Each within its window, all of them together could fill the memory."""
    monkeypatch.setattr(limits, "MUXER_UNREAD_BYTES_MAX", 2 * 1024 * 1024)
    muxer, peer = peers
    with trio.fail_after(10), contextlib.suppress(Exception):
        for stream_id in range(1, 33, 2):
            await peer.write(_frame(WINDOW, SYN, stream_id, 0))
            for _ in range(4):
                await peer.write(_frame(DATA, 0, stream_id, 60_000, bytes(60_000)))
    with trio.fail_after(5):
        await muxer.wait_closed()


@pytest.mark.trio
async def test_many_streams_that_are_read_do_not(peers, monkeypatch):
    """The bound is of what waits, not of what came."""
    monkeypatch.setattr(limits, "MUXER_UNREAD_BYTES_MAX", 1024 * 1024)
    muxer, peer = peers
    for stream_id in range(1, 33, 2):
        await peer.write(_frame(WINDOW, SYN, stream_id, 0))
        stream = await muxer.accept_stream()
        for _ in range(4):
            await peer.write(_frame(DATA, 0, stream_id, 60_000, bytes(60_000)))
            read = 0
            while read < 60_000:
                read += len(await stream.read())
    assert not muxer.is_closed


@pytest.mark.trio
async def test_flood_of_pings_without_reading_ends_the_connection(peers, monkeypatch):
    """Answers that nobody reads must not pile up here."""
    monkeypatch.setattr(limits, "MUXER_REPLIES_BYTES_MAX", 1200)
    muxer, peer = peers
    await peer.write(_frame(PING, SYN, 0, 1) * 2000)
    with trio.fail_after(5):
        await muxer.wait_closed()


@pytest.mark.trio
async def test_writer_without_window_waits_until_it_is_given(peers):
    """Not for 5 s and then an error, as py-libp2p does."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0))
    stream = await muxer.accept_stream()
    written = trio.Event()

    async def write() -> None:
        await stream.write(bytes(300 * 1024))
        written.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await peer.read(12 + 256 * 1024 + 12 * 4)  # The ack, the window in four frames or more.
        assert not written.is_set()
        await peer.write(_frame(WINDOW, 0, 1, 100 * 1024))
        with trio.fail_after(5):
            await written.wait()


@pytest.mark.trio
async def test_write_at_once_is_whole_or_not_at_all(peers, monkeypatch):
    """Half a gossip RPC that left ahead of the queue would tear the stream."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0))
    stream = await muxer.accept_stream()
    assert await peer.read(12) == _frame(WINDOW, ACK, 1, 0)
    assert not stream.write_now(bytes(256 * 1024 + 1))  # more than the window
    assert stream.write_now(b"a" * 100_000)
    received = await peer.read(100_000 + 2 * 12)
    kind, flags, stream_id, length = struct.unpack("!xBHII", received[:12])
    assert (kind, flags, stream_id) == (DATA, 0, 1)
    assert received[12 : 12 + length] == b"a" * length
    assert received[24 + length :] == b"a" * (100_000 - length)
    assert not stream.write_now(bytes(200_000))  # more than what is left of it
    monkeypatch.setattr(limits, "MUXER_OUT_BYTES_MAX", 0)
    assert stream.write_now(b"queued")
    assert not stream.write_now(b"too much is queued")
    await stream.close()
    assert not stream.write_now(b"closed")


@pytest.mark.trio
async def test_frames_larger_than_a_packet_and_smaller_arrive_whole(peers):
    """Both ways of cutting frames out of what arrived, and from one to the other."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0))
    stream = await muxer.accept_stream()
    sent = b""
    for number, size in enumerate([1, 70_000, 3, 3, 65_500, 100, 90_000, 20]):
        body = bytes([number]) * size
        sent += body
        await peer.write(_frame(DATA, 0, 1, size, body))
        await trio.testing.wait_all_tasks_blocked()
    received = b""
    with trio.fail_after(5):
        while len(received) < len(sent):
            received += await stream.read()
    assert received == sent


@pytest.mark.trio
async def test_reset_wakes_reader_and_writer(peers):
    """Nobody waits on a stream that is gone."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0))
    stream = await muxer.accept_stream()
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            with pytest.raises(MuxedStreamReset):
                await stream.read()

        async def write() -> None:
            with pytest.raises(MuxedStreamReset):
                await stream.write(bytes(1024 * 1024))

        nursery.start_soon(read)
        nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        await peer.write(_frame(WINDOW, RST, 1, 0))


@pytest.mark.trio
async def test_window_is_returned_by_halves(peers):
    """py-libp2p sends an update for every small read, even of one byte."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0) + _frame(DATA, 0, 1, 1000, bytes(1000)))
    stream = await muxer.accept_stream()
    for _ in range(1000):
        await stream.read(1)
    await peer.write(_frame(PING, SYN, 0, 5))
    assert await peer.read(12) == _frame(WINDOW, ACK, 1, 0)
    assert await peer.read(12) == _frame(PING, ACK, 0, 5)  # No update in between.
    await peer.write(_frame(DATA, 0, 1, 130 * 1024, bytes(130 * 1024)))
    read = 0
    while read < 130 * 1024:
        read += len(await stream.read())
    kind, flags, stream_id, increment = struct.unpack("!xBHII", await peer.read(12))
    assert (kind, flags, stream_id) == (WINDOW, 0, 1)
    assert increment >= 128 * 1024


@pytest.mark.trio
async def test_round_trip_of_the_last_ping_is_known(peers):
    """An answer to an older one says nothing of now."""
    muxer, peer = peers
    muxer.ping()
    muxer.ping()
    assert await peer.read(24) == _frame(PING, SYN, 0, 1) + _frame(PING, SYN, 0, 2)
    await peer.write(_frame(PING, ACK, 0, 1) + _frame(PING, SYN, 0, 9))
    assert await peer.read(12) == _frame(PING, ACK, 0, 9)  # So what came before it was seen.
    assert muxer.latency_s is None
    await peer.write(_frame(PING, ACK, 0, 2) + _frame(PING, SYN, 0, 9))
    assert await peer.read(12) == _frame(PING, ACK, 0, 9)
    assert 0 < muxer.latency_s < 10


async def _heard(peer) -> None:
    """What the peer sent before this has been dealt with."""
    await peer.write(_frame(PING, SYN, 0, 5))
    heard = b""
    while not heard.endswith(_frame(PING, ACK, 0, 5)):
        heard += await peer.read(12)


@pytest.mark.trio
async def test_what_arrives_after_the_answer_is_dropped(peers):
    """A stream of identify is closed here at once: 60 of them kept 15 MB that nobody would read."""
    muxer, peer = peers
    await peer.write(_frame(WINDOW, SYN, 1, 0) + _frame(DATA, 0, 1, 9, b"unwelcome"))
    stream = await muxer.accept_stream()
    assert await stream.read(2) == b"un"
    await stream.close()
    assert stream.unread_bytes == 0
    await peer.write(_frame(DATA, 0, 1, 60_000, bytes(60_000)))
    await _heard(peer)
    assert stream.unread_bytes == 0
    assert not muxer._unread._total
    assert not muxer.is_closed


@pytest.mark.trio
async def test_own_stream_that_is_half_closed_hears_the_answer(peers):
    """Who asks says first that the question is complete."""
    muxer, peer = peers
    stream = await muxer.open_stream()
    await stream.close()
    await peer.write(_frame(DATA, FIN, stream.stream_id, 6, b"answer"))
    assert await stream.read() == b"answer"


@pytest.mark.trio
async def test_unread_bytes_are_counted_exactly(peers):
    """What is read, reset or finished is given back: the bound is of what waits."""
    muxer, peer = peers
    for stream_id in (1, 3, 5):
        await peer.write(_frame(WINDOW, SYN, stream_id, 0))
        await peer.write(_frame(DATA, 0, stream_id, 1000, bytes(1000)))
    one, two, three = [await muxer.accept_stream() for _ in range(3)]
    await _heard(peer)
    assert muxer._unread._total == 3000
    await one.read(400)
    assert muxer._unread._total == 2600
    await two.reset()
    assert muxer._unread._total == 1600
    await peer.write(_frame(WINDOW, RST, 5, 0))
    await _heard(peer)
    assert muxer._unread._total == 600
    assert len(await three.read()) == 1000  # What came before the reset.
    assert muxer._unread._total == 600
    await muxer.close()
    assert muxer._unread._total == 0
