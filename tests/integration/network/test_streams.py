"""Frames over sync streams, between real hosts."""

from __future__ import annotations

import os

import pytest
import trio

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import limits


@pytest.mark.trio
async def test_frames_of_every_size_come_back(open_nodes):
    """Empty, small, around the multiplexer's chunks, and a whole delta."""
    async with open_nodes(2) as (a, b):
        stream = await b.open_stream(a.peer_id)
        for size in (0, 1, 65_535, 65_536, 256 * 1024 + 1, 4 * 1024 * 1024):
            frame = os.urandom(size)
            await stream.send(frame)
            assert await stream.receive() == frame
        await stream.close()


@pytest.mark.trio
async def test_many_frames_keep_their_order(open_nodes):
    """Frames queued together share writes; their borders and their order stay."""
    async with open_nodes(2) as (a, b):
        stream = await b.open_stream(a.peer_id)
        frames = [b"%d" % number * (number % 50) for number in range(2000)]

        async def send() -> None:
            for frame in frames:
                await stream.send(frame)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            received = [await stream.receive() for _ in frames]
        assert received == frames


@pytest.mark.trio
async def test_both_directions_at_once_do_not_block_each_other(open_nodes):
    """Two nodes that both send megabytes must not wait for each other to read."""
    async with open_nodes(2) as (a, b):
        streams = [await b.open_stream(a.peer_id) for _ in range(4)]

        async def exchange(stream) -> None:
            for _ in range(3):
                await stream.send(bytes(3 * 1024 * 1024))
                assert len(await stream.receive()) == 3 * 1024 * 1024

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for stream in streams:
                    nursery.start_soon(exchange, stream)


@pytest.mark.trio
async def test_oversized_length_is_refused_before_it_is_read(open_node):
    """A peer that announces 4 GiB must not make this node reserve anything."""
    heard: list[object] = []
    ended = trio.Event()

    async def receive(peer, stream) -> None:
        try:
            await stream.receive()
        except ProtocolViolation as error:
            heard.append(error.code)
        ended.set()

    async with open_node(1, on_stream=receive) as a, open_node(2) as b:
        await b.dial(a.addresses[0])
        stream = await b.open_stream(a.peer_id)
        await stream._stream.write((limits.SYNC_FRAME_SIZE_BYTES_MAX + 1).to_bytes(4, "big"))
        with trio.fail_after(5):
            await ended.wait()
            with pytest.raises(PeerUnavailable):
                await stream.receive()
    assert heard == ["oversized"]


@pytest.mark.trio
async def test_sending_an_oversized_frame_is_a_bug_here(open_nodes):
    """The limit is asserted on both sides of the border."""
    async with open_nodes(2) as (a, b):
        stream = await b.open_stream(a.peer_id)
        with pytest.raises(AssertionError):
            await stream.send(bytes(limits.SYNC_FRAME_SIZE_BYTES_MAX + 1))


@pytest.mark.trio
@pytest.mark.slow
async def test_slow_reader_makes_the_writer_wait(open_node):
    """py-libp2p resets a stream whose reader takes nothing for 5 s. Real time: it is the point."""
    go = trio.Event()
    received: list[int] = []
    finished = trio.Event()

    async def lazy(peer, stream) -> None:
        await go.wait()
        for _ in range(6):
            received.append(len(await stream.receive()))  # noqa: PERF401 -- one by one
        finished.set()

    async with open_node(1, on_stream=lazy) as a, open_node(2) as b:
        await b.dial(a.addresses[0])
        stream = await b.open_stream(a.peer_id)
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                for _ in range(6):
                    await stream.send(bytes(4 * 1024 * 1024))

            nursery.start_soon(send)
            await trio.sleep(6)
            assert not finished.is_set()
            go.set()
            with trio.fail_after(20):
                await finished.wait()
    assert received == [4 * 1024 * 1024] * 6


@pytest.mark.trio
async def test_unread_bytes_are_bounded_and_the_sender_waits(open_node):
    """A reader that does nothing costs a window here, and the sender a queue, never more."""

    async def idle(peer, stream) -> None:
        await trio.sleep_forever()

    async with open_node(1, on_stream=idle) as a, open_node(2) as b:
        await b.dial(a.addresses[0])
        stream = await b.open_stream(a.peer_id)
        sent = 0
        with trio.move_on_after(1):
            while True:
                await stream.send(bytes(1024 * 1024))
                sent += 1
        bound = limits.STREAM_QUEUE_BYTES_MAX + limits.MUXER_WINDOW_BYTES + 4 * 1024 * 1024
        assert sent * 1024 * 1024 <= bound
        await stream.reset()


@pytest.mark.trio
async def test_cancelled_senders_do_not_tear_the_connection(open_nodes):
    """In py-libp2p a write cancelled half way corrupts every stream of the connection."""
    async with open_nodes(2) as (a, b):
        stream = await b.open_stream(a.peer_id)
        other = await b.open_stream(a.peer_id)
        for _ in range(20):
            with trio.move_on_after(0.002):
                for _ in range(40):
                    await other.send(os.urandom(300_000))
        await other.reset()
        with trio.fail_after(20):
            await stream.send(b"still whole")
            assert await stream.receive() == b"still whole"


@pytest.mark.trio
async def test_cancelled_receive_loses_nothing(open_nodes):
    """The sync driver receives with a deadline; a frame half there then comes with the next."""
    async with open_nodes(2) as (a, b):
        stream = await b.open_stream(a.peer_id)
        frame = os.urandom(4 * 1024 * 1024)
        await stream.send(frame)
        received = b""
        with trio.fail_after(20):
            while not received:
                with trio.move_on_after(0.001):
                    received = await stream.receive()
        assert received == frame


@pytest.mark.trio
async def test_close_lets_queued_frames_leave(open_node):
    """A goodbye that was queued before `close` arrives."""
    received: list[bytes] = []
    finished = trio.Event()

    async def collect(peer, stream) -> None:
        try:
            while True:
                received.append(await stream.receive())
        except PeerUnavailable:
            finished.set()

    async with open_node(1, on_stream=collect) as a, open_node(2) as b:
        await b.dial(a.addresses[0])
        stream = await b.open_stream(a.peer_id)
        for number in range(50):
            await stream.send(bytes([number]) * 20_000)
        await stream.close()
        await stream.close()
        with trio.fail_after(5):
            await finished.wait()
        with pytest.raises(PeerUnavailable):
            await stream.send(b"late")
    assert [frame[0] for frame in received] == list(range(50))


@pytest.mark.trio
async def test_stream_ends_with_the_handler(open_node):
    """A handler that returns has said all: the other side is told."""

    async def greet(peer, stream) -> None:
        await stream.send(b"hello and goodbye")

    async with open_node(1, on_stream=greet) as a, open_node(2) as b:
        await b.dial(a.addresses[0])
        stream = await b.open_stream(a.peer_id)
        with trio.fail_after(5):
            assert await stream.receive() == b"hello and goodbye"
            with pytest.raises(PeerUnavailable):
                await stream.receive()


@pytest.mark.trio
async def test_stream_to_nobody_is_unavailable(open_node):
    """An unknown peer, and one that has left, are nobody's fault."""
    async with open_node(1) as a:
        async with open_node(2) as b:
            await b.dial(a.addresses[0])
            stream = await b.open_stream(a.peer_id)
            gone = b.peer_id
        with pytest.raises(PeerUnavailable):
            await stream.receive()
        with pytest.raises(PeerUnavailable):
            await a.open_stream(gone)


@pytest.mark.trio
async def test_streams_beyond_the_limit_are_refused(open_nodes, monkeypatch):
    """A peer cannot make this node serve without bound."""
    monkeypatch.setattr(limits, "SYNC_STREAMS_MAX", 2)
    async with open_nodes(2) as (a, b):
        held = [await b.open_stream(a.peer_id) for _ in range(2)]
        for stream in held:
            await stream.send(b"in")
            await stream.receive()
        third = await b.open_stream(a.peer_id)
        with trio.fail_after(5), pytest.raises(PeerUnavailable):
            await third.receive()


@pytest.mark.trio
async def test_crash_of_a_handler_stops_the_network(open_node):
    """A bug in the sync driver is heard where the network was opened."""

    async def broken(peer, stream) -> None:
        raise ZeroDivisionError

    with trio.fail_after(10), pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block dies
        async with open_node(1, on_stream=broken) as a, open_node(2) as b:
            await b.dial(a.addresses[0])
            await b.open_stream(a.peer_id)
            await trio.sleep_forever()
