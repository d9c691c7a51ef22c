"""Attacks on what members tell of each other: questions in a loop, answers full of others."""

from __future__ import annotations

import contextlib
import secrets

import pytest
import trio

from covey.codec import Hello, KnownPeer, PeersTold, PeersWant, pack, peer_id_text
from covey.crypto import Signer
from covey.model import PeerId, limits
from tests.integration.attackers.conftest import until
from tests.integration.attackers.raw import ENDED, open_attacker
from tests.integration.attackers.talk import SYNC, Talk

pytestmark = pytest.mark.trio

_BOUND_S = 5.0
_ELSEWHERE = "127.0.0.2"  # another host than the honest ones


def _stranger() -> PeerId:
    return PeerId(peer_id_text(Signer.from_seed(secrets.token_bytes(32)).public))


async def test_questions_in_a_loop_get_one_answer(siege):
    """The others are told nobody, and honest calls go on."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        told: list[PeersTold] = []

        async def attack() -> None:
            with contextlib.suppress(*ENDED):
                while not talk.is_ended:
                    await talk.send(*[PeersWant(1)] * 50)
                    told.extend(f for f in talk.heard if isinstance(f, PeersTold))
                    talk.heard.clear()

        async with s.under(attack):
            assert await s.replicates() < _BOUND_S
            await until(lambda: len(told) > 100)
        assert [bool(each.peers) for each in told[:100]].count(True) == 1
        (peers,) = [each.peers for each in told if each.peers][:1]
        assert [known.peer for known in peers] == [s.ben.peer_id]
        nursery.cancel_scope.cancel()


async def test_who_does_not_know_the_context_is_told_nothing(siege):
    """Whichever channel is named."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        victim = PeerId(eve.victim.to_base58())
        talk = Talk(await eve.open(SYNC), eve.peer, victim, s.context)
        nursery.start_soon(talk.listen)
        await talk.send(Hello(1, secrets.token_bytes(32)))
        await talk.send(*(PeersWant(channel) for channel in range(65)))
        await trio.sleep(1)
        assert not any(isinstance(frame, PeersTold) for frame in talk.heard)
        assert not talk.is_ended
        nursery.cancel_scope.cancel()


async def test_victim_that_members_tell_of_is_not_hammered(siege):
    """Sixteen peers that do not exist in each answer, all at the address of somebody else."""
    dials = answers = 0

    async def count(stream: trio.SocketStream) -> None:
        nonlocal dials
        dials += 1
        await stream.aclose()

    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host=_ELSEWHERE)
        nursery.start_soon(trio.serve_listeners, count, [listener])
        port = listener.socket.getsockname()[1]
        addresses = tuple(f"/ip4/{_ELSEWHERE}/tcp/{port + n}" for n in range(8))
        first, author = await s.join(eve, nursery)
        await first.close()

        async def lie() -> None:
            nonlocal answers
            with contextlib.suppress(*ENDED, AssertionError, trio.TooSlowError):
                while True:  # Each new stream is asked once.
                    talk = await s.talk(eve, nursery, author.who)
                    await talk.answer(PeersWant)
                    peers = tuple(
                        KnownPeer(_stranger(), addresses) for _ in range(limits.SYNC_PEERS_MAX)
                    )
                    await talk.send(PeersTold(1, peers))
                    answers += 1
                    await trio.sleep(0.05)
                    await talk.close()

        began_s = trio.current_time()
        async with s.under(lie):
            assert await s.replicates() < _BOUND_S
            await until(lambda: answers >= 10, 60)
            await trio.sleep(1)
        passed_s = trio.current_time() - began_s
        nursery.cancel_scope.cancel()
        assert 0 < dials <= limits.DIALS_IN_VAIN_MAX + passed_s * limits.DIALS_IN_VAIN_PER_S


_WRONG = {
    "name": "/dns4/example.org/tcp/1",
    "relay": f"/ip4/127.0.0.1/tcp/1/p2p/{_stranger()}/p2p-circuit",
    "other transport": "/ip4/127.0.0.1/udp/1",
    "port of nothing": "/ip4/127.0.0.1/tcp/0",
    "no address": "garbage",
    "long": "/ip4/127.0.0.1/tcp/1" * 1_000,
}


@pytest.mark.parametrize("address", _WRONG.values(), ids=_WRONG.keys())
async def test_address_in_another_form_ends_the_stream(siege, address):
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        await talk.answer(PeersWant)
        await talk.send(pack((19, 1, ((_stranger(), (address,)),))))
        assert await talk.ended()
        nursery.cancel_scope.cancel()


async def test_peers_that_nobody_asked_for_end_the_stream(siege):
    """The one question is answered once."""
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        await talk.answer(PeersWant)
        await talk.send(PeersTold(1, ()))
        await talk.send(PeersTold(1, ()))
        assert await talk.ended()
        nursery.cancel_scope.cancel()


async def test_more_peers_than_may_be_told_end_the_stream(siege):
    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        talk, _ = await s.join(eve, nursery)
        await talk.answer(PeersWant)
        many = tuple(
            (_stranger(), ("/ip4/127.0.0.1/tcp/1",)) for _ in range(limits.SYNC_PEERS_MAX + 1)
        )
        await talk.send(pack((19, 1, many)))
        assert await talk.ended()
        nursery.cancel_scope.cancel()
