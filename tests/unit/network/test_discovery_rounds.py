"""Discovery's rhythm, under a virtual clock and with a scripted DHT."""

from __future__ import annotations

import contextlib
import itertools
import random

import pytest
import trio

from covey.errors import PeerUnavailable
from covey.model import limits
from covey.network import Discovery, Wishes

KEY, TOMORROW = b"k" * 32, b"t" * 32


class _World:
    """A DHT and peers that answer as scripted, and what was asked of them."""

    def __init__(self) -> None:
        self.provided: list[tuple[float, bytes]] = []
        self.looked_up: list[tuple[float, bytes]] = []
        self.dialled: list[tuple[float, str]] = []
        self.found: tuple[str, ...] = ()
        self.alive: set[str] = set()
        self.connected: set[str] = set()
        self.takes_records = True
        self.ended: list[float] = []
        self.dial_s = 0.0

    async def provide(self, key: bytes) -> bool:
        await trio.lowlevel.checkpoint()
        self.provided.append((trio.current_time(), key))
        return self.takes_records

    async def find(self, key: bytes, on_found) -> None:
        await trio.lowlevel.checkpoint()
        self.looked_up.append((trio.current_time(), key))
        await on_found(self.found)
        self.ended.append(trio.current_time())

    async def dial(self, peer: str) -> None:
        await trio.lowlevel.checkpoint()
        self.dialled.append((trio.current_time(), peer))
        await trio.sleep(self.dial_s)
        if peer not in self.alive:
            raise PeerUnavailable("dead")
        self.connected.add(peer)

    @contextlib.asynccontextmanager
    async def discovery(self):
        discovery = Discovery(
            self.provide, self.find, self.dial, self.connected.__contains__, random.Random(1)
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(discovery.run)
            yield discovery
            nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_lookups_begin_fast_and_slow_down(autojump_clock):
    """A joiner is found in seconds; a settled network is not bothered."""
    world = _World()
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(3600)
    times = [at for at, _ in world.looked_up]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[0] < 3
    assert len([at for at in times if at < times[0] + 20]) >= 4
    assert all(gap <= 1.25 * limits.DISCOVERY_SLOWEST_S + 1e-6 for gap in gaps)
    assert len(times) < 120


@pytest.mark.trio
async def test_keys_are_announced_again_only_after_their_time(autojump_clock):
    """Peers accept ten announcements in ten seconds."""
    world = _World()
    async with world.discovery() as discovery:
        for number in range(30):
            discovery.add(f"t{number}", lambda number=number: (bytes([number]) * 32,))
        await trio.sleep(limits.DISCOVERY_ANNOUNCE_S - 100)
    assert len(world.provided) == 30
    times = [at for at, _ in world.provided]
    assert all(after - before >= 10 / 10 for before, after in itertools.pairwise(times))


@pytest.mark.trio
async def test_announcement_that_nobody_took_is_repeated(autojump_clock):
    """A first node alone announces itself to the first peer that comes."""
    world = _World()
    world.takes_records = False
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(10)
        assert len(world.provided) > 2
        world.takes_records = True
        await trio.sleep(200)
        count = len(world.provided)
        await trio.sleep(100)
        assert len(world.provided) == count


@pytest.mark.trio
async def test_keys_of_a_new_day_are_announced(autojump_clock):
    """Provider keys change with the UTC day."""
    world = _World()
    keys = [(KEY,)]
    async with world.discovery() as discovery:
        discovery.add("t", lambda: keys[0])
        await trio.sleep(100)
        keys[0] = (TOMORROW,)
        await trio.sleep(100)
    assert [key for _, key in world.provided] == [KEY, TOMORROW]
    assert world.looked_up[-1][1] == TOMORROW


@pytest.mark.trio
async def test_dead_peers_are_tried_less_and_less_and_live_ones_once(autojump_clock):
    """Records outlive their providers by two days."""
    world = _World()
    world.found, world.alive = ("dead", "alive"), {"alive"}
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(3600)
    assert [peer for _, peer in world.dialled].count("alive") == 1
    dead = [at for at, peer in world.dialled if peer == "dead"]
    assert 5 < len(dead) < 20
    assert dead[-1] - dead[-2] > 100


@pytest.mark.trio
async def test_dials_of_one_round_are_bounded(autojump_clock):
    """A stranger who announces thousands of providers makes this node dial a few."""
    world = _World()
    world.found = tuple(f"peer{number}" for number in range(500))
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(0.5)
    assert len(world.dialled) == limits.DISCOVERY_DIALS_MAX


@pytest.mark.trio
async def test_removed_topic_is_looked_up_no_more(autojump_clock):
    """A context that was left is left."""
    world = _World()
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(10)
        discovery.remove("t")
        discovery.remove("t")
        count = len(world.looked_up)
        await trio.sleep(1000)
    assert len(world.looked_up) == count


@pytest.mark.trio
async def test_hastened_discovery_looks_at_once(autojump_clock):
    """The first peer that is reached opens the DHT; waiting a minute for it would be a pity."""
    world = _World()
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(600)
        count = len(world.looked_up)
        discovery.hasten()
        await trio.sleep(0.1)
        assert len(world.looked_up) == count + 1


@pytest.mark.trio
async def test_only_as_many_are_dialled_as_there_is_room_and_only_who_is_admitted(autojump_clock):
    """The settings of a context say whom it wants, and how many."""
    world = _World()
    world.found = ("a", "b", "c", "d", "denied")
    wishes = [Wishes(room=2, admits=lambda peer: peer != "denied")]
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,), lambda: wishes[0])
        await trio.sleep(0.1)
        assert len(world.dialled) == 2
        wishes[0] = Wishes(room=0)
        await trio.sleep(1000)
        assert len(world.dialled) == 2
        assert len(world.looked_up) == 1  # Nobody is wanted: nobody is asked.
    assert "denied" not in [peer for _, peer in world.dialled]


@pytest.mark.trio
async def test_node_that_is_not_announced_looks_up_and_is_announced_when_it_wishes(autojump_clock):
    """Off means that strangers cannot look it up; it still finds others."""
    world = _World()
    wishes = [Wishes(is_announced=False)]
    async with world.discovery() as discovery:
        discovery.add("t", lambda: (KEY,), lambda: wishes[0])
        await trio.sleep(1000)
        assert world.provided == []
        assert len(world.looked_up) > 10
        wishes[0] = Wishes()
        discovery.hasten("other")
        discovery.hasten("t")
        await trio.sleep(0.1)
    assert [key for _, key in world.provided] == [KEY]


@pytest.mark.trio
async def test_lookup_waits_for_the_first_peer_that_was_found(autojump_clock):
    """Asking further peers means dialling them, which would delay what the lookup is for."""
    world = _World()
    world.found, world.alive, world.dial_s = ("a", "b"), {"a", "b"}, 0.5
    async with world.discovery() as discovery:
        began = trio.current_time()
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(0.6)
        assert world.ended[0] - began == pytest.approx(0.5)


@pytest.mark.trio
async def test_lookup_goes_on_without_peers_that_do_not_answer(autojump_clock):
    """Their records outlive them by two days."""
    world = _World()
    world.found, world.dial_s = ("dead",), 10
    async with world.discovery() as discovery:
        began = trio.current_time()
        discovery.add("t", lambda: (KEY,))
        await trio.sleep(2)
        assert world.ended[0] - began == pytest.approx(limits.DISCOVERY_HEAD_START_S)
