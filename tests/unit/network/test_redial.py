"""Wanted peers are dialled again, quickly once the network is back."""

from __future__ import annotations

import itertools
import random
from contextlib import asynccontextmanager

import pytest
import trio
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from covey.errors import PeerUnavailable
from covey.model import limits
from covey.network.address import peer_id_of
from covey.network.peerstore import BoundedPeerStore
from covey.network.redial import Redial
from covey.network.remembered import RememberedPeers

ME, BOOT, MET = (ID(bytes([0, 36, 8, 1, 18, 32]) + bytes([n]) * 32) for n in (1, 2, 3))


class _World:
    """A host, its connections and its dialler, all in one; nobody answers until `is_up`."""

    def __init__(self):
        self.is_up = False
        self.dialled = []
        self.open = []
        self.both_are_there = trio.Event()
        self._arrived = None
        self._store = BoundedPeerStore(ME)

    def get_id(self):
        return ME

    def get_peerstore(self):
        return self._store

    def watch(self, arrived, departed):
        self._arrived = arrived

    def peers(self):
        return tuple(self.open)

    def is_connected(self, peer):
        return peer in self.open

    async def dial(self, peer):
        self.dialled.append((trio.current_time(), peer))
        if not self.is_up:
            raise PeerUnavailable("nobody answers")
        self.open.append(peer)
        self._arrived(peer)
        if len(self.open) == 2:
            self.both_are_there.set()


@asynccontextmanager
async def _running():
    world = _World()
    redial = Redial(world, world, RememberedPeers(None), world.dial, random.Random(3))
    redial.pin("bootstrap", [(BOOT, Multiaddr("/ip4/192.0.2.7/tcp/1"))])
    redial.want(MET, ())
    async with trio.open_nursery() as nursery:
        await nursery.start(redial.run)
        yield world
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_bootstrap_peers_are_tried_often_for_ever(autojump_clock):
    """After hours of silence the way back is found within seconds."""
    async with _running() as world:
        await trio.sleep(7_200)

        last = [at for at, peer in world.dialled if peer == BOOT]
        assert len(last) > 1_100, "more failures than a float has powers of two"
        assert max(b - a for a, b in itertools.pairwise(last)) <= limits.REDIAL_FOR_EVER_SLOWEST_S


@pytest.mark.trio
async def test_the_first_connection_has_all_others_tried_soon(autojump_clock):
    """Whoever is back is most likely not alone."""
    async with _running() as world:
        await trio.sleep(7_200)

        world.is_up = True
        began = trio.current_time()
        await world.both_are_there.wait()

        waited = trio.current_time() - began
        assert waited <= limits.REDIAL_FOR_EVER_SLOWEST_S + limits.REDIAL_FIRST_S + 0.2


@pytest.mark.trio
async def test_few_wanted_peers_are_never_given_up(autojump_clock):
    """Two nodes that know nobody else meet again after any time."""
    async with _running() as world:
        await trio.sleep(7_200)

        assert any(peer == MET and at > began_at_most(world) for at, peer in world.dialled)


@pytest.mark.trio
async def test_remembered_addresses_count_as_far_as_the_peer_may_name_them(autojump_clock):
    """The file may be of a version that took any address from anybody."""
    world = _World()
    remembered = RememberedPeers(None)
    lan, name, public = "/ip4/10.9.8.7/tcp/1", "/dns4/evil.example/tcp/1", "/ip4/8.8.8.8/tcp/1"
    for peer, place in ((BOOT, "/ip4/10.0.0.2/tcp/5"), (MET, "")):
        told = [f"{each}/p2p/{peer.to_base58()}" for each in (lan, name, public)]
        remembered.note(peer_id_of(peer), told, place)
    redial = Redial(world, world, remembered, world.dial, random.Random(3))
    async with trio.open_nursery() as nursery:
        await nursery.start(redial.run)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    known = {peer: set(map(str, world.get_peerstore().addrs(peer))) for peer in (BOOT, MET)}
    assert known == {BOOT: {lan, public}, MET: {public}}


def test_who_was_named_is_chosen_with_the_relay_on_the_way():
    """Whoever was met is not."""
    remembered = RememberedPeers(None)
    redial = Redial(_World(), _World(), remembered, None, random.Random(3))
    way = Multiaddr(f"/ip4/192.0.2.7/tcp/1/p2p/{MET.to_base58()}/p2p-circuit")
    redial.want(BOOT, ())
    assert not remembered.is_chosen(peer_id_of(BOOT))
    redial.pin("bootstrap", [(BOOT, way)])
    assert remembered.is_chosen(peer_id_of(BOOT))
    assert remembered.is_chosen(peer_id_of(MET))


def began_at_most(world):
    """Shortly before the end of the two hours."""
    return world.dialled[0][0] + 7_100
