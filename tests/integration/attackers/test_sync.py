"""Attacks on the sync stream by somebody who knows the context, or is a member of it."""

from __future__ import annotations

import contextlib
import secrets
import time
import zlib
from collections.abc import Awaitable, Callable

import pytest
import trio

from covey.codec import (
    BlobWant,
    Credit,
    DeltasFrame,
    DigestFrame,
    FrontierFrame,
    Hello,
    Know,
    ShareFrame,
    SyncFrame,
    Want,
    encode_frame,
    pack,
    pack_batch,
)
from covey.model import Cid, Delta, DeltaId, DeviceId, Digest, Tip, limits
from tests.integration.attackers.conftest import rss_mb, until
from tests.integration.attackers.raw import ENDED, Attacker, open_attacker
from tests.integration.attackers.talk import SYNC, Talk

pytestmark = pytest.mark.trio

_LAST = 2**63 - 1
_BOUND_S = 5.0
"""An honest call's time under attack, on a busy machine; without one it is 0.05 s."""


def _digest() -> Digest:
    return Digest(secrets.token_bytes(32))


def _endless(talk: Talk, make: Callable[[], SyncFrame | bytes], at_once: int = 50):
    """An attack that sends frames as fast as they are taken, until the stream ends."""

    async def attack() -> None:
        with contextlib.suppress(*ENDED):
            while not talk.is_ended:
                await talk.send(*(make() for _ in range(at_once)))
                talk.heard.clear()

    return attack


def _many(delta: Delta) -> tuple[bytes, int]:
    """A frame with one delta as often as one may, and what it is without compression."""
    frames = [delta.frame] * limits.SYNC_BATCH_DELTAS_MAX
    return encode_frame(DeltasFrame(1, pack_batch(frames))), sum(map(len, frames))


def _endless_batches(talk: Talk, batch: bytes, size_bytes: int):
    """As above, within the credit."""

    async def attack() -> None:
        with contextlib.suppress(*ENDED):
            while not talk.is_ended:
                await talk.send_batch(batch, size_bytes)

    return attack


async def _refused(attacker: Attacker, again: Callable[[], Awaitable[object]]) -> None:
    """Do it again until the victim takes no further connection of this peer."""
    with trio.fail_after(60):
        while True:
            with contextlib.suppress(*ENDED, AssertionError, trio.TooSlowError):
                await again()
            with contextlib.suppress(*ENDED, trio.TooSlowError):
                await attacker.connect()
                await trio.sleep(0.1)
            if not attacker.is_connected:
                return


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff" * 64,
        bytes(4),
        b"\0\0\0\3\xc1\xc1\xc1",
        b"\0\0\0\3\x93\x07\x01\x01",
        b"\0\4\0\0" + bytes(99),
    ],
    ids=["too long", "empty", "no MessagePack", "before the greeting", "a stranger's large frame"],
)
async def test_garbage_on_the_sync_stream_ends_it_and_soon_the_peer_is_refused(siege, raw):
    async with siege() as s, open_attacker(s.address) as eve:

        async def again() -> None:
            stream = await eve.open(SYNC)
            await stream.write(raw)
            with trio.fail_after(10):
                while await stream.read(65_536):
                    pass

        await _refused(eve, again)
        assert s.score(eve) < -limits.GOSSIP_REJECTS_MAX
        assert await s.replicates() < _BOUND_S


async def test_peer_that_does_not_greet_is_dropped(siege):
    """Slowly written, too: a byte a second is no greeting."""
    async with siege() as s, open_attacker(s.address) as eve:
        stream = await eve.open(SYNC)
        with trio.fail_after(limits.SYNC_HELLO_S + 10), pytest.raises(ENDED):  # noqa: PT012
            hello = encode_frame(Hello(1, bytes(32)))
            for byte in len(hello).to_bytes(4, "big") + hello:
                await stream.write(bytes([byte]))
                await trio.sleep(1)
        assert await s.replicates() < _BOUND_S


async def test_many_streams_of_one_peer_leave_room_for_others(siege):
    """Each new one replaces the last, and all places could be held by those that end slowly."""
    async with siege() as s, open_attacker(s.address) as eve:
        for _ in range(limits.MUXER_STREAMS_MAX):
            with contextlib.suppress(*ENDED):
                await eve.open(SYNC)
        streams = s.ada._network._inbound_streams
        assert streams[eve.peer] <= limits.SYNC_STREAMS_PER_PEER_MAX
        assert await s.replicates() < _BOUND_S


async def test_slow_reader_holds_little_and_not_for_long(siege):
    """It asks and asks, and never reads the answers."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        talk.stop_listening()
        want = BlobWant(1, Cid(s.release))
        module = BlobWant(1, s.module)

        async def attack() -> None:
            with contextlib.suppress(*ENDED):
                while True:
                    await talk.send(*[want, module] * 20)
                    await trio.sleep(0.5)

        link = s.link(eve)
        async with s.under(attack):
            most_bytes = 0
            with trio.fail_after(2 * limits.STREAM_STALL_S + 20):
                while s.link(eve) is link:
                    held = link._outbox_bytes + link._stream._queued_bytes
                    most_bytes = max(most_bytes, held)
                    await trio.sleep(0.1)
            assert await s.replicates() < _BOUND_S
        mebibyte = 2**20
        assert 0 < most_bytes < limits.LINK_OUTBOX_BYTES_MAX + 2 * mebibyte
        nursery.cancel_scope.cancel()


async def test_digests_that_change_with_every_frame(siege):
    """Each would have the frontier told, in vain."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        async with s.under(_endless(talk, lambda: DigestFrame(1, _digest(), _digest()))):
            assert await s.replicates() < _BOUND_S
            before = talk.heard_bytes
            await trio.sleep(2)
            told = (talk.heard_bytes - before) / 2
            assert told < limits.SYNC_RANGES_BYTES_PER_S
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("devices", [1_000, 12_000])
async def test_frontiers_that_claim_the_impossible(siege, devices):
    """Sequences of 2^63 - 1, unknown devices, forged forks: a claim of that peer, no more."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        forged = {
            DeviceId(secrets.token_bytes(32)): (Tip(_LAST, DeltaId(_digest())),)
            for _ in range(devices)
        }
        for known in s.ledger.frontier:
            forged[known] = tuple(Tip(_LAST - i, DeltaId(_digest())) for i in range(99, -1, -1))
        frame = encode_frame(FrontierFrame(1, dict(sorted(forged.items())), _digest()))
        async with s.under(_endless(talk, lambda: frame, 1)):
            assert await s.replicates() < _BOUND_S
            await until(lambda: s.status().behind >= _LAST)
            await until(lambda: s.ben.peer_id in s.status().in_sync_with)
        nursery.cancel_scope.cancel()


async def test_shares_changed_and_everything_asked_for_in_a_loop(siege):
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        count = 0

        def frame() -> SyncFrame:
            nonlocal count
            count += 1
            if count % 3:
                return ShareFrame(1, count % 8, 8)
            return FrontierFrame(1, {}, _digest())

        async with s.under(_endless(talk, frame)):
            assert await s.replicates() < _BOUND_S
        nursery.cancel_scope.cancel()


async def test_known_deltas_again_and_again_are_a_flood(siege):
    """A kilobyte on the wire is a hundred of them: paid by time, then the stream ends."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, author = await s.join(eve, nursery)
        delta = author.write(bytes(10_000))
        await talk.send_deltas(delta.frame)
        await until(lambda: s.holds(delta.id))
        batch, size_bytes = _many(delta)
        assert len(batch) < size_bytes / 50
        async with s.under(_endless_batches(talk, batch, size_bytes)):
            assert await s.replicates() < _BOUND_S
            assert await talk.ended(60)
        await until(lambda: s.score(eve) < 0)
        nursery.cancel_scope.cancel()


async def test_delta_that_never_becomes_known_again_and_again(siege):
    """Its parent is nowhere: it was checked and delivered anew each time."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, author = await s.join(eve, nursery)
        orphan = author.orphan(bytes(10_000))
        async with s.under(_endless_batches(talk, *_many(orphan))):
            assert await s.replicates() < _BOUND_S
            assert await talk.ended(60)
        assert len(s.pending) <= 1
        nursery.cancel_scope.cancel()


async def test_deltas_without_parents_by_the_thousand(siege):
    """They wait within bounds, and the honest ones pass."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, author = await s.join(eve, nursery)

        async def attack() -> None:
            with contextlib.suppress(*ENDED):
                for _ in range(100):
                    await talk.send_deltas(*(author.orphan().frame for _ in range(50)))

        async with s.under(attack):
            assert await s.replicates() < _BOUND_S
        assert 0 < len(s.pending) <= limits.PENDING_PER_DEVICE_MAX
        nursery.cancel_scope.cancel()


async def test_flood_of_valid_deltas_by_a_member(siege):
    """They are kept, as promised; honest calls go on between them."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, author = await s.join(eve, nursery)
        written = []

        async def attack() -> None:
            for _ in range(20):
                deltas = [author.write() for _ in range(50)]
                written.extend(deltas)
                await talk.send_deltas(*(delta.frame for delta in deltas))

        async with s.under(attack):
            assert await s.replicates() < _BOUND_S
            await until(lambda: written and s.holds(written[-1].id))
        assert s.score(eve) == 0
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kind", ["bomb", "much", "nothing", "trailing"])
async def test_batches_that_decompress_to_gigabytes(siege, kind):
    """Never opened beyond the credit that is left, and the peer is soon refused."""
    if kind == "bomb":
        opener = zlib.compressobj(9)
        body = b"".join(opener.compress(bytes(2**20)) for _ in range(1024)) + opener.flush()
    elif kind == "much":
        body = zlib.compress(pack((bytes(limits.DELTA_SIZE_BYTES_MAX),) * 3), 9)
    elif kind == "nothing":
        body = zlib.compress(b"\x90")
    else:
        body = zlib.compress(pack((b"",))) + bytes(10_000)
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        frame = encode_frame(DeltasFrame(1, body))

        async def again() -> None:
            talk = await s.talk(eve, nursery)
            await talk.send(frame)
            assert await talk.ended()

        await _refused(eve, again)
        assert await s.replicates() < _BOUND_S
        nursery.cancel_scope.cancel()


def _pairs(size_bytes: int) -> bytes:
    count = (size_bytes - 64) // 2
    return b"\xdd" + count.to_bytes(4, "big") + count * b"\x91\xc0"


@pytest.mark.parametrize("kind", ["batch", "version", "blob", "frontier"])
async def test_frames_of_small_things_cost_little(siege, kind):
    """Eight kilobytes took a second and 265 MB; also what ends the stream without blame."""
    newer = b"\x92\x02" + _pairs(limits.DELTA_SIZE_BYTES_MAX)
    frame = {
        "batch": lambda: encode_frame(
            DeltasFrame(1, zlib.compress(_pairs(limits.SYNC_CREDIT_BYTES), 9))
        ),
        "version": lambda: encode_frame(DeltasFrame(1, zlib.compress(pack((newer, newer)), 9))),
        "blob": lambda: b"\x94\x0a\x01" + _pairs(limits.SYNC_FRAME_SIZE_BYTES_MAX) + b"\xc0",
        "frontier": lambda: b"\x94\x05\x01" + _pairs(limits.SYNC_TOLD_BYTES_MAX) + b"\xc0",
    }[kind]()
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        before_mb, began_s = rss_mb(), time.process_time()
        for _ in range(7):  # one fewer than lead to a ban
            talk = await s.talk(eve, nursery)
            await talk.send(frame)
            assert await talk.ended()
        assert time.process_time() - began_s < 2
        assert (s.score(eve) == 0) is (kind == "version")
        assert rss_mb() - before_mb < 64
        assert await s.replicates() < _BOUND_S
        nursery.cancel_scope.cancel()


async def test_credit_granted_beyond_what_there_is_ends_the_stream(siege):
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        for size_bytes in (1, _LAST):
            talk = await s.talk(eve, nursery)
            await talk.send(Credit(1, size_bytes))
            assert await talk.ended()
        assert s.score(eve) < -7
        nursery.cancel_scope.cancel()


async def test_credit_never_granted_holds_up_that_peer_alone(siege):
    """It asks for everything, again and again, and never gives room for more."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        ids = tuple(tip.id for tips in s.ledger.frontier.values() for tip in tips)
        async with s.under(_endless(talk, lambda: Want(1, ids), 5)):
            assert await s.replicates() < _BOUND_S
            await trio.sleep(2)
        assert talk.heard_bytes < 2 * limits.SYNC_CREDIT_BYTES
        nursery.cancel_scope.cancel()


async def test_guesses_of_contexts_tell_nothing_and_end(siege):
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk = await s.talk(eve, nursery)
        for number in range(2, limits.SYNC_CONTEXTS_MAX + 5):
            await talk.send(Know(number, secrets.token_bytes(32)))
        assert await talk.ended()
        nursery.cancel_scope.cancel()


async def test_wrong_signature_first_does_not_shut_out_the_true_delta(siege):
    """By stream; test_gossip.py has the same by gossip."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, author = await s.join(eve, nursery)
        delta = author.write()
        at = delta.frame.index(delta.signature)
        forged = delta.frame[: at + 5] + bytes([delta.frame[at + 5] ^ 1]) + delta.frame[at + 6 :]
        await talk.send_deltas(forged)
        assert await talk.ended()
        talk = await s.talk(eve, nursery, author.who)
        await talk.send_deltas(delta.frame)
        await until(lambda: s.holds(delta.id))
        nursery.cancel_scope.cancel()
