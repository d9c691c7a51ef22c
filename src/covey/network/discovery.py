"""Finds the peers of topics through the DHT: announces this node, looks up, dials."""

from __future__ import annotations

import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio
from trio_typing import TaskStatus

from covey.errors import PeerUnavailable
from covey.model import PeerId, limits

__all__ = ["Discovery", "OnFound", "ProviderKeys", "Wishes"]

_logger = logging.getLogger(__name__)
_GROWTH = 1.5

ProviderKeys = Callable[[], tuple[bytes, ...]]
OnFound = Callable[[tuple[PeerId, ...]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a topic wants of discovery now.

    is_announced: tell others that this node takes part. room: how many more peers are wanted.
    admits: whether a peer that was found may be dialled.
    """

    is_announced: bool = True
    room: int = limits.DISCOVERY_DIALS_MAX
    admits: Callable[[PeerId], bool] = lambda _: True


@dataclass(slots=True)
class _Failure:
    count: int
    due_s: float


@dataclass(slots=True)
class _Topic:
    keys: ProviderKeys
    wishes: Callable[[], Wishes]
    wake: trio.Event
    scope: trio.CancelScope


class Discovery:
    """Announces and looks up the provider keys of each topic, every second at first, later slower.

    keys() and wishes() are asked anew each round, so that keys of the day roll over. Announcements
    of all topics are paced, because peers accept ten in ten seconds. Records outlive their
    providers by two days, so a peer that does not answer is tried less and less.
    provide, find, dial: as of `Network`. Times are trio's; rng gives the jitter.
    """

    def __init__(
        self,
        provide: Callable[[bytes], Awaitable[bool]],
        find: Callable[[bytes, OnFound], Awaitable[object]],
        dial: Callable[[PeerId], Awaitable[None]],
        is_connected: Callable[[PeerId], bool],
        rng: random.Random,
    ) -> None:
        self._provide = provide
        self._find = find
        self._dial = dial
        self._is_connected = is_connected
        self._rng = rng
        self._topics: dict[str, _Topic] = {}
        self._failures: OrderedDict[PeerId, _Failure] = OrderedDict()
        self._announce_lock = trio.Lock()
        self._dial_limiter = trio.CapacityLimiter(limits.DISCOVERY_DIALS_MAX)
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; ready when started."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def add(self, topic: str, keys: ProviderKeys, wishes: Callable[[], Wishes] = Wishes) -> None:
        """Begin with a topic; one that is known already begins anew with quick rounds."""
        assert self._nursery is not None
        self.remove(topic)
        entry = _Topic(keys, wishes, trio.Event(), trio.CancelScope())
        self._topics[topic] = entry
        self._nursery.start_soon(self._serve, entry)

    def remove(self, topic: str) -> None:
        """Stop with a topic; the records already out there expire by themselves."""
        entry = self._topics.pop(topic, None)
        if entry is not None:
            entry.scope.cancel()

    def hasten(self, topic: str | None = None) -> None:
        """Look again at once, for one topic or all: the first peer was reached, wishes changed."""
        for name, entry in self._topics.items():
            if topic in (None, name):
                entry.wake.set()

    async def _serve(self, entry: _Topic) -> None:
        wait_s = limits.DISCOVERY_FIRST_S
        announced_s: dict[bytes, float] = {}
        with entry.scope:
            while True:
                keys = entry.keys()
                announced_s = {key: at for key, at in announced_s.items() if key in keys}
                await self._round(entry, keys, announced_s)
                with trio.move_on_after(wait_s * self._rng.uniform(0.75, 1.25)):
                    await entry.wake.wait()
                    wait_s = limits.DISCOVERY_FIRST_S
                entry.wake = trio.Event()
                wait_s = min(wait_s * _GROWTH, limits.DISCOVERY_SLOWEST_S)

    async def _round(
        self, entry: _Topic, keys: tuple[bytes, ...], announced_s: dict[bytes, float]
    ) -> None:
        """Look first, so that a joiner finds somebody before its own announcement is through."""
        for key in keys:
            if entry.wishes().room > 0:
                await self._find_and_meet(entry, key)
        for key in keys:
            if not entry.wishes().is_announced:
                announced_s.pop(key, None)  # Wished again, it is told again at once.
                continue
            due_s = announced_s.get(key, -limits.DISCOVERY_ANNOUNCE_S)
            if trio.current_time() - due_s < limits.DISCOVERY_ANNOUNCE_S:
                continue
            async with self._announce_lock:
                if await self._provide(key):
                    announced_s[key] = trio.current_time()
                    await trio.sleep(limits.DISCOVERY_PACE_S)

    async def _find_and_meet(self, entry: _Topic, key: bytes) -> None:
        """Look up, and dial whom that finds before further peers of the DHT are asked.

        Those have to be dialled too, and would delay what the lookup is for.
        """
        tried: dict[PeerId, None] = {}
        async with trio.open_nursery() as nursery:

            async def meet(found: tuple[PeerId, ...]) -> None:
                wishes = entry.wishes()
                most = min(wishes.room, limits.DISCOVERY_DIALS_MAX) - len(tried)
                chosen = self._chosen(found, wishes, most)
                tried.update(dict.fromkeys(chosen))
                is_met = trio.Event()
                for peer in chosen:
                    nursery.start_soon(self._try, peer, is_met)
                with trio.move_on_after(limits.DISCOVERY_HEAD_START_S if chosen else 0):
                    await is_met.wait()

            await self._find(key, meet)

    def _chosen(self, found: tuple[PeerId, ...], wishes: Wishes, most: int) -> list[PeerId]:
        now_s = trio.current_time()
        due = [
            peer
            for peer in found
            if wishes.admits(peer)
            and not self._is_connected(peer)
            and (peer not in self._failures or self._failures[peer].due_s <= now_s)
        ]
        self._rng.shuffle(due)
        return due[: max(0, most)]

    async def _try(self, peer: PeerId, is_met: trio.Event) -> None:
        async with self._dial_limiter:
            try:
                await self._dial(peer)
                self._failures.pop(peer, None)
                is_met.set()
            except PeerUnavailable:
                count = self._failures[peer].count + 1 if peer in self._failures else 1
                wait_s = min(
                    limits.DISCOVERY_FIRST_S * 2 ** min(count, 16), limits.DISCOVERY_ANNOUNCE_S
                )
                due_s = trio.current_time() + wait_s * self._rng.uniform(0.5, 1.0)
                self._failures[peer] = _Failure(count, due_s)
                self._failures.move_to_end(peer)
                while len(self._failures) > limits.PEERS_REMEMBERED_MAX:
                    self._failures.popitem(last=False)
