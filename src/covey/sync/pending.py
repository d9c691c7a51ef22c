"""Deltas that wait for what they follow: bounded per device, per peer and in all.

Source: protocols/sync.md. Beyond a bound whoever takes most room gives way, with the delta of the
highest sequence; sync brings it again when its turn has come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice, zip_longest

from covey.model import Admit, Delta, DeltaId, DeviceId, PeerId, limits

__all__ = ["Pending", "Waiting", "parents_of"]

_PLACE_BYTES = limits.PENDING_BYTES_MAX // limits.PENDING_DELTAS_MAX  # what a place counts for


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delta, who sent it, whether over a stream, and when (Unix seconds)."""

    delta: Delta
    peer: PeerId
    is_streamed: bool = True
    since_s: float = 0.0


class Pending:
    """Deltas whose cut is not here yet, in order of arrival.

    What each still waits for is kept, so that nothing is looked up again because another one came.
    """

    def __init__(self) -> None:
        self._waiting: dict[DeltaId, Waiting] = {}
        self._unmet: dict[DeltaId, dict[DeltaId, None]] = {}  # of each: what is not applied
        self._followers: dict[DeltaId, dict[DeltaId, None]] = {}  # the same, by what is not
        self._per_device: Counter[DeviceId] = Counter()
        self._per_peer: Counter[PeerId] = Counter()
        self._unmet_per_device: Counter[DeviceId] = Counter()
        self._admitted: Counter[DeviceId] = Counter()  # by what waits
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, delta: DeltaId) -> bool:
        return delta in self._waiting

    @property
    def size_bytes(self) -> int:
        """Bytes of all frames that wait."""
        return self._size_bytes

    def get(self, delta: DeltaId) -> Waiting | None:
        """A delta, if it waits."""
        return self._waiting.get(delta)

    def items(self) -> tuple[Waiting, ...]:
        """Everything that waits, oldest first."""
        return tuple(self._waiting.values())

    def unhindered(self) -> tuple[Waiting, ...]:
        """What waits for nothing but its time, oldest first."""
        return tuple(w for delta, w in self._waiting.items() if not self._unmet[delta])

    def followers(self, delta: DeltaId) -> tuple[Waiting, ...]:
        """What waits and follows a delta that is not applied, oldest first."""
        return tuple(self._waiting[i] for i in self._followers.get(delta, ()))

    def admits(self, device: DeviceId) -> bool:
        """Whether a delta that waits admits a device."""
        return device in self._admitted

    def add(self, waiting: Waiting, unmet: Iterable[DeltaId]) -> bool:
        """Let a delta wait; whether it does, and did not before, after the bounds were kept.

        unmet: what it follows and is not applied.
        """
        delta = waiting.delta
        if delta.id in self._waiting:
            return False
        self._waiting[delta.id] = waiting
        self._unmet[delta.id] = dict.fromkeys(unmet)
        for parent in self._unmet[delta.id]:
            self._followers.setdefault(parent, {})[delta.id] = None
        self._per_device[delta.core.author] += 1
        self._per_peer[waiting.peer] += 1
        self._unmet_per_device[delta.core.author] += len(self._unmet[delta.id])
        for device in _admitted_by(delta):
            self._admitted[device] += 1
        self._size_bytes += len(delta.frame)
        self._shed(waiting)
        return delta.id in self._waiting

    def remove(self, delta: DeltaId) -> Waiting | None:
        """Take a delta out."""
        waiting = self._waiting.pop(delta, None)
        if waiting is None:
            return None
        author, unmet = waiting.delta.core.author, self._unmet.pop(delta)
        self._count_down(self._per_device, author)
        self._count_down(self._per_peer, waiting.peer)
        self._count_down(self._unmet_per_device, author, len(unmet))
        for device in _admitted_by(waiting.delta):
            self._count_down(self._admitted, device)
        self._size_bytes -= len(waiting.delta.frame)
        for parent in unmet:
            followers = self._followers[parent]
            del followers[delta]
            if not followers:
                del self._followers[parent]
        return waiting

    def meet(self, applied: DeltaId) -> tuple[Waiting, ...]:
        """A delta is applied: those that now wait for nothing else, oldest first."""
        met = []
        for follower in self._followers.pop(applied, ()):
            waiting, unmet = self._waiting[follower], self._unmet[follower]
            del unmet[applied]
            self._count_down(self._unmet_per_device, waiting.delta.core.author)
            if not unmet:
                met.append(waiting)
        return tuple(met)

    def expire(self, before_s: float, is_held: Callable[[Delta], bool]) -> None:
        """Let go of what came before a time, if what it follows was not supplied since.

        is_held: of what waits for nothing but this node itself; what lacks nothing else stays too.
        """
        kept = self._behind(is_held)
        for delta, waiting in tuple(self._waiting.items()):
            if waiting.since_s < before_s and self._unmet[delta] and delta not in kept:
                self.remove(delta)

    def _behind(self, is_held: Callable[[Delta], bool]) -> dict[DeltaId, None]:
        """What follows deltas that are held, and nothing else that is not applied."""
        kept = {w.delta.id: None for w in self.unhindered() if is_held(w.delta)}
        lacking: dict[DeltaId, int] = {}
        todo = list(kept)
        while todo:
            for follower in self._followers.get(todo.pop(), ()):
                left = lacking.get(follower, len(self._unmet[follower])) - 1
                lacking[follower] = left
                if not left:
                    kept[follower] = None
                    todo.append(follower)
        return kept

    def missing(self, count: int, asked_s: Callable[[DeltaId], float]) -> tuple[DeltaId, ...]:
        """Up to so many of what those that wait follow and is neither applied nor waiting itself.

        Peers take turns, so that none can have this node ask for its own inventions alone; of each
        what was asked for longest ago comes first. asked_s: when a delta was asked for, or 0.
        """
        by_peer: dict[PeerId, dict[DeltaId, None]] = {}
        for delta, waiting in self._waiting.items():
            wanted = by_peer.setdefault(waiting.peer, {})
            for parent in self._unmet[delta]:
                if parent not in self._waiting:
                    wanted[parent] = None
        turns = zip_longest(*(nsmallest(count, wanted, asked_s) for wanted in by_peer.values()))
        ids = {delta: None for turn in turns for delta in turn if delta is not None}
        return tuple(islice(ids, count))

    def _shed(self, newest: Waiting) -> None:
        author, peer = newest.delta.core.author, newest.peer
        if self._per_device[author] > limits.PENDING_PER_DEVICE_MAX:
            self._evict(w for w in self.items() if w.delta.core.author == author)
        while self._unmet_per_device[author] > limits.PENDING_UNMET_PER_DEVICE_MAX:
            self._evict(w for w in self.items() if w.delta.core.author == author)
        if self._per_peer[peer] > limits.PENDING_PER_PEER_MAX:
            self._evict_of_most(w for w in self.items() if w.peer == peer)
        while (
            len(self._waiting) > limits.PENDING_DELTAS_MAX
            or self._size_bytes > limits.PENDING_BYTES_MAX
        ):
            room: Counter[PeerId] = Counter()
            for waiting in self._waiting.values():
                room[waiting.peer] += _PLACE_BYTES + len(waiting.delta.frame)
            most = max(room, key=lambda each: (room[each], each))
            self._evict_of_most(w for w in self.items() if w.peer == most)

    def _evict_of_most(self, candidates: Iterator[Waiting]) -> None:
        """Of the device that takes most room among them."""
        several = list(candidates)
        room: Counter[DeviceId] = Counter()
        for waiting in several:
            room[waiting.delta.core.author] += _PLACE_BYTES + len(waiting.delta.frame)
        most = max(room, key=lambda each: (room[each], each))
        self._evict(w for w in several if w.delta.core.author == most)

    def _evict(self, candidates: Iterator[Waiting]) -> None:
        last = max(candidates, key=lambda w: (w.delta.core.sequence, w.delta.id))
        self.remove(last.delta.id)

    @staticmethod
    def _count_down(
        counter: Counter[DeviceId] | Counter[PeerId], key: DeviceId | PeerId, by: int = 1
    ) -> None:
        counter[key] -= by  # type: ignore[index]  # the key is of the counter's own kind
        if counter[key] == 0:  # type: ignore[index]
            del counter[key]


def parents_of(delta: Delta) -> tuple[DeltaId, ...]:
    """All that a delta follows directly, each once: `previous` and its parents."""
    core = delta.core
    if core.previous is None or core.previous in core.parents:
        return core.parents  # Named twice it is inadmissible, and until then it waits for it once.
    return (core.previous, *core.parents)


def _admitted_by(delta: Delta) -> tuple[DeviceId, ...]:
    return tuple(e.certificate.device for e in delta.core.governance if isinstance(e, Admit))
