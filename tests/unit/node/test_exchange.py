"""Peers that peers told of: what is told, and what of it is dialled."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
import trio
import trio.lowlevel

from covey.codec import KnownPeer, peer_id_text
from covey.errors import PeerUnavailable
from covey.model import ContextId, limits
from covey.network import Wishes
from covey.node.exchange import Exchange, tellable

CONTEXT = ContextId(bytes(36))
OWN, TELLER, *MANY = (peer_id_text(bytes([number]) * 32) for number in range(40))
HOME, LAN, WORLD = (f"/ip4/{ip}/tcp/1" for ip in ("127.0.0.1", "192.168.1.5", "8.8.8.8"))


class _Network:
    """Peers that are connected, addresses that are known, dials that fail or hang."""

    peer_id = OWN

    def __init__(self) -> None:
        self.dialled: list[tuple[str, list[str]]] = []
        self.place = WORLD
        self.dial_s = 1.0
        self.connected = {TELLER}
        self.known: dict[str, tuple[str, ...]] = {}

    def peer_table(self):
        return (SimpleNamespace(peer=TELLER, address=self.place),)

    def is_connected(self, peer):
        return peer in self.connected

    def addresses_of(self, peer):
        return self.known.get(peer, ())

    async def dial_at(self, peer, addresses):
        self.dialled.append((peer, addresses))
        await trio.sleep(self.dial_s)
        raise PeerUnavailable("nobody answers")


@pytest.fixture
def network():
    return _Network()


@pytest.fixture
async def heard(network, nursery):
    """What a peer tells, with the wishes of the context."""
    wishes = [Wishes()]
    exchange = Exchange(network, lambda _: wishes[0], lambda: None, random.Random(1))
    nursery.start_soon(exchange.run)
    await trio.lowlevel.checkpoint()

    def hear(*peers: KnownPeer, **wished) -> None:
        wishes[0] = Wishes(**wished)
        exchange.heard(TELLER, CONTEXT, peers)

    return hear


def _at(*addresses: str, count: int = 1) -> list[KnownPeer]:
    return [KnownPeer(peer, addresses) for peer in MANY[:count]]


@pytest.mark.trio
async def test_few_are_dialled_at_once_and_nobody_twice(network, heard, autojump_clock):
    for _ in range(3):
        heard(*_at(WORLD, count=16))
    await trio.sleep(0.5)
    dialled = sorted(peer for peer, _ in network.dialled)
    assert dialled == sorted(MANY[: limits.EXCHANGE_DIALS_MAX])


@pytest.mark.trio
async def test_who_did_not_answer_is_left_alone_for_a_while(network, heard, autojump_clock):
    heard(*_at(WORLD))
    await trio.sleep(5)
    heard(*_at(WORLD))
    await trio.sleep(limits.EXCHANGE_FAILED_S)
    assert len(network.dialled) == 1
    heard(*_at(WORLD))
    await trio.sleep(5)
    assert len(network.dialled) == 2


@pytest.mark.trio
async def test_only_who_is_wanted_is_dialled_at_what_may_be_dialled(network, heard, autojump_clock):
    heard(*_at(WORLD, count=9), room=0)
    heard(*_at(HOME, LAN, count=9))
    heard(*_at(WORLD, count=9), admits=lambda peer: peer == MANY[5])
    heard(KnownPeer(OWN, (WORLD,)), KnownPeer(TELLER, (WORLD,)))
    await trio.sleep(2)
    assert network.dialled == [(MANY[5], [WORLD])]
    heard(*_at(HOME, WORLD), room=1)
    network.place = HOME
    heard(KnownPeer(MANY[1], (HOME, WORLD)), KnownPeer(MANY[2], (HOME,)), room=1)
    await trio.sleep(2)
    assert sorted(network.dialled[1:]) == sorted([(MANY[0], [WORLD]), (MANY[1], [HOME, WORLD])])


@pytest.mark.trio
async def test_what_is_heard_while_the_node_stops_is_forgotten(network):
    """Streams end after the exchange does; what they still bring must not fail the stopping."""
    exchange = Exchange(network, lambda _: Wishes(), lambda: None, random.Random(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(exchange.run)
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    exchange.heard(TELLER, CONTEXT, tuple(_at(WORLD)))
    assert network.dialled == []


def test_what_is_told_is_bounded_and_dialable(network):
    """The last that came first; without names, and without peers that said nothing."""
    network.known = dict.fromkeys(
        MANY, ("/dns4/a/tcp/1", *[f"/ip4/8.8.8.8/tcp/{n}" for n in range(1, 20)])
    )
    network.known[MANY[-1]] = ("/dns4/a/tcp/1",)
    told = tellable(network, tuple(MANY))
    assert [known.peer for known in told] == MANY[-2 : -2 - limits.SYNC_PEERS_MAX : -1]
    assert {len(known.addresses) for known in told} == {limits.SYNC_PEER_ADDRESSES_MAX}
    assert told[0].addresses[0] == "/ip4/8.8.8.8/tcp/1"
