"""Attacks on gossip: garbage, floods of control, replays, envelopes that lie."""

from __future__ import annotations

import contextlib
import secrets
import zlib
from collections.abc import Callable

import pytest
import trio
from libp2p.abc import INetStream
from libp2p.pubsub.pb import rpc_pb2

from covey.codec import GOSSIP_DELTA, pack, pack_gossip, topic_key
from covey.crypto import NONCE_SIZE_BYTES, seal_envelope
from covey.model import Delta, DeltaId, limits
from covey.network.wire import Sealer
from covey.network.wire import pack as pack_rpc
from tests.integration.attackers.conftest import Siege, until
from tests.integration.attackers.raw import ENDED, Attacker, open_attacker, seed_below

pytestmark = pytest.mark.trio

_GOSSIP = "/meshsub/1.1.0"
_BOUND_S = 5.0


def _rpc(**parts: object) -> bytes:
    return pack_rpc(rpc_pb2.RPC(**parts))


def _control(**parts: object) -> bytes:
    return _rpc(control=rpc_pb2.ControlMessage(**parts))


def _subscribed(*topics: str) -> bytes:
    options = [rpc_pb2.RPC.SubOpts(subscribe=True, topicid=topic) for topic in topics]
    return _rpc(subscriptions=options)


def _sealer(s: Siege, eve: Attacker, number: int = 1) -> Sealer:
    seed = seed_below(s.address.rsplit("/", 1)[1], number)
    return Sealer(seed, eve.host.get_id().to_bytes(), secrets.randbits(62))


def _envelope(s: Siege, frame: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_SIZE_BYTES)
    return seal_envelope(topic_key(s.context), nonce, pack_gossip(GOSSIP_DELTA, frame))


def _endless(stream: INetStream, make: Callable[[], bytes]):
    async def attack() -> None:
        with contextlib.suppress(*ENDED):
            while True:
                await stream.write(make())

    return attack


async def _gossip(s: Siege, eve: Attacker) -> INetStream:
    """A stream towards the victim, on which the attacker takes part in the topic."""

    async def read(stream: INetStream) -> None:
        with contextlib.suppress(*ENDED):
            while await stream.read(65_536):
                pass

    eve.serve(_GOSSIP, read)
    stream = await eve.open(_GOSSIP)
    await stream.write(_subscribed(s.topic))
    return stream


@pytest.mark.parametrize(
    "raw", [b"\xff" * 99, b"\x05aaaaa", b"\xff\xff\xff\x7f"], ids=["endless", "garbage", "huge"]
)
async def test_garbage_on_gossip_is_held_against_the_peer_until_it_is_refused(siege, raw):
    async with siege() as s, open_attacker(s.address) as eve:
        with trio.fail_after(60):
            while not s.is_banned(eve):
                with contextlib.suppress(*ENDED, trio.TooSlowError):
                    stream = await eve.open(_GOSSIP)
                    await stream.write(raw)
                await trio.sleep(0.02)
        await until(lambda: not s.is_connected(eve), 15)
        assert await s.replicates() < _BOUND_S


@pytest.mark.parametrize("kind", ["subscriptions", "ihave", "iwant", "graft", "prune", "megabyte"])
async def test_control_floods_cost_the_place_or_the_connection(siege, kind):
    """What stays within the rates of one heartbeat costs time that honest calls do not miss."""
    async with siege() as s, open_attacker(s.address) as eve:
        stream = await _gossip(s, eve)
        ids = [secrets.token_bytes(46) for _ in range(5_000)]
        topic = s.topic
        flood = {
            "subscriptions": lambda: _subscribed(*(secrets.token_hex(16) for _ in range(10_000))),
            "ihave": lambda: _control(ihave=[rpc_pb2.ControlIHave(topicID=topic, messageIDs=ids)]),
            "iwant": lambda: _control(iwant=[rpc_pb2.ControlIWant(messageIDs=ids)] * 5),
            "graft": lambda: _control(graft=[rpc_pb2.ControlGraft(topicID=topic)] * 2_000),
            "prune": lambda: _control(prune=[rpc_pb2.ControlPrune(topicID=topic)] * 2_000),
            "megabyte": lambda: _control(
                ihave=[rpc_pb2.ControlIHave(topicID="x" * 1_000_000, messageIDs=[b"x"])]
            ),
        }[kind]
        async with s.under(_endless(stream, flood)):
            assert await s.replicates() < _BOUND_S
            if kind == "ihave":
                await until(lambda: s.score(eve) < -limits.GOSSIP_PRUNED_DEMERITS, 60)
            elif kind in ("subscriptions", "graft", "prune"):
                await until(lambda: s.is_banned(eve), 60)
                await until(lambda: not s.is_connected(eve), 15)
        mesh = s.ada._network._gossip._mesh
        assert len(mesh.topics(eve.host.get_id())) <= limits.GOSSIP_TOPICS_MAX


async def test_replays_of_others_envelopes_change_nothing(siege):
    """The same messages, and the same envelopes under the attacker's own signature."""
    async with siege() as s, open_attacker(s.address) as eve:
        stream = await _gossip(s, eve)
        await s.replicates()
        recent = s.ada._network._gossip._recent
        packed = [recent.get(each) for each in recent.offered(s.topic)]
        assert packed
        sealer = _sealer(s, eve)
        count = s.ledger.count
        for raw in packed:
            await stream.write(raw)
            rpc = rpc_pb2.RPC.FromString(raw[2:] if raw[1] < 128 else raw[3:])
            await stream.write(sealer.seal(s.topic, rpc.publish[0].data)[1])
        await trio.sleep(1)
        assert s.ledger.count == count
        assert s.score(eve) == 0
        assert await s.replicates() < _BOUND_S


def _forged(delta: Delta) -> bytes:
    at = delta.frame.index(delta.signature) + 5
    return delta.frame[:at] + bytes([delta.frame[at] ^ 1]) + delta.frame[at + 1 :]


async def test_wrong_signature_first_does_not_shut_out_the_true_delta(siege):
    """A true header, so the true id; the true one comes later and must be taken."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, author = await s.join(eve, nursery)
        stream, sealer = await _gossip(s, eve), _sealer(s, eve)
        delta = author.write()
        await stream.write(sealer.seal(s.topic, _envelope(s, _forged(delta)))[1])
        await until(lambda: s.score(eve) < 0, 15)
        assert not s.holds(delta.id)
        await stream.write(sealer.seal(s.topic, _envelope(s, delta.frame))[1])
        await until(lambda: s.holds(delta.id), 15)
        del talk
        nursery.cancel_scope.cancel()


async def test_peer_that_forwards_inadmissible_deltas_of_a_member_is_not_punished(siege):
    """Those that can be judged at once, and those that wait first."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        _, author = await s.join(eve, nursery)
        stream, sealer = await _gossip(s, eve), _sealer(s, eve)
        for _ in range(50):
            # Fuel for two calls where there is one: nobody may apply it, nor what follows it.
            wrong = author.write(secrets.token_bytes(8), keep=False, fuel=(1, 1))
            after = author.write(
                keep=False, previous=wrong.id, sequence=wrong.core.sequence + 1, parents=()
            )
            for delta in (after, wrong):
                await stream.write(sealer.seal(s.topic, _envelope(s, delta.frame))[1])
        last = DeltaId(wrong.id)
        judge = s.ada._contexts.all()[0].driver.replica.judge
        await until(lambda: judge.refusal(last) is not None, 15)
        await trio.sleep(0.5)
        assert s.score(eve) == 0
        assert s.is_connected(eve)
        assert not s.holds(wrong.id)
        nursery.cancel_scope.cancel()


async def test_flood_of_envelopes_that_do_not_open_ends_with_the_peer_refused(siege):
    async with siege() as s, open_attacker(s.address) as eve:
        stream, sealer = await _gossip(s, eve), _sealer(s, eve)

        def garbage() -> bytes:
            return sealer.seal(s.topic, b"\1" + secrets.token_bytes(200))[1]

        async with s.under(_endless(stream, garbage)):
            assert await s.replicates() < _BOUND_S
            await until(lambda: s.is_banned(eve), 30)


@pytest.mark.parametrize("version", [1, 2])
async def test_envelopes_that_open_to_small_things_do_not_hold_the_loop_up(siege, version):
    """Fifty kilobytes took four seconds; what is of a version to come is nobody's fault still."""
    count = (limits.GOSSIP_FRAME_BYTES_MAX - 64) // 2
    frame = b"\x92" + bytes((version,)) + b"\xdd" + count.to_bytes(4, "big") + count * b"\x91\x90"
    packed = pack((GOSSIP_DELTA, zlib.compress(frame, 9)))
    async with siege() as s, open_attacker(s.address) as eve:
        stream, sealer, key = await _gossip(s, eve), _sealer(s, eve), topic_key(s.context)

        def envelope() -> rpc_pb2.Message:
            sealed = seal_envelope(key, secrets.token_bytes(NONCE_SIZE_BYTES), packed)
            raw = sealer.seal(s.topic, sealed)[1]
            return rpc_pb2.RPC.FromString(raw[2:] if raw[1] < 128 else raw[3:]).publish[0]

        rpcs = [_rpc(publish=[envelope() for _ in range(64)]) for _ in range(8)]
        async with s.held_up(at_most_s=1.0):
            for rpc in rpcs:
                with contextlib.suppress(*ENDED):
                    await stream.write(rpc)
            assert await s.replicates() < _BOUND_S
        if version == 1:
            assert s.score(eve) < -limits.GOSSIP_REJECTS_MAX
        else:
            assert s.score(eve) == 0
            assert s.is_connected(eve)
