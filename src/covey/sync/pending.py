"""Deltas that wait for their parents: bounded per device, per peer and in all.

Source: protocols/sync.md. Beyond a bound the delta with the highest sequence goes; sync brings it
again when its turn has come.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from covey.model import Delta, DeltaId, DeviceId, PeerId, limits

__all__ = ["Pending", "Waiting", "parents_of"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delta, who sent it, and whether over a stream."""

    delta: Delta
    peer: PeerId
    is_streamed: bool = True


class Pending:
    """Deltas whose cut is not here yet, in order of arrival."""

    def __init__(self) -> None:
        self._waiting: dict[DeltaId, Waiting] = {}
        self._followers: dict[DeltaId, dict[DeltaId, None]] = {}
        self._per_device: Counter[DeviceId] = Counter()
        self._per_peer: Counter[PeerId] = Counter()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, delta: DeltaId) -> bool:
        return delta in self._waiting

    @property
    def size_bytes(self) -> int:
        """Bytes of all frames that wait."""
        return self._size_bytes

    def items(self) -> tuple[Waiting, ...]:
        """Everything that waits, oldest first."""
        return tuple(self._waiting.values())

    def followers(self, delta: DeltaId) -> tuple[Waiting, ...]:
        """What waits and follows a delta directly, oldest first."""
        return tuple(self._waiting[i] for i in self._followers.get(delta, ()))

    def add(self, waiting: Waiting) -> bool:
        """Let a delta wait; whether it (still) does after the bounds were kept."""
        delta = waiting.delta
        if delta.id in self._waiting:
            return True
        self._waiting[delta.id] = waiting
        for parent in parents_of(delta):
            self._followers.setdefault(parent, {})[delta.id] = None
        self._per_device[delta.core.author] += 1
        self._per_peer[waiting.peer] += 1
        self._size_bytes += len(delta.frame)
        self._shed(waiting)
        return delta.id in self._waiting

    def remove(self, delta: DeltaId) -> Waiting | None:
        """Take a delta out."""
        waiting = self._waiting.pop(delta, None)
        if waiting is not None:
            self._count_down(self._per_device, waiting.delta.core.author)
            self._count_down(self._per_peer, waiting.peer)
            self._size_bytes -= len(waiting.delta.frame)
            for parent in parents_of(waiting.delta):
                followers = self._followers[parent]
                followers.pop(delta, None)
                if not followers:
                    del self._followers[parent]
        return waiting

    def missing(self, is_applied: dict[DeltaId, bool]) -> tuple[DeltaId, ...]:
        """What those that wait follow and is neither applied nor waiting itself.

        is_applied: filled by the caller for every id of `parents`.
        """
        ids = {
            parent: None
            for waiting in self._waiting.values()
            for parent in parents_of(waiting.delta)
            if parent not in self._waiting and not is_applied[parent]
        }
        return tuple(ids)

    def parents(self) -> tuple[DeltaId, ...]:
        """Every delta that something here follows directly."""
        return tuple(
            {p: None for waiting in self._waiting.values() for p in parents_of(waiting.delta)}
        )

    def _shed(self, newest: Waiting) -> None:
        author, peer = newest.delta.core.author, newest.peer
        if self._per_device[author] > limits.PENDING_PER_DEVICE_MAX:
            self._evict([w for w in self._waiting.values() if w.delta.core.author == author])
        if self._per_peer[peer] > limits.PENDING_PER_PEER_MAX:
            self._evict([w for w in self._waiting.values() if w.peer == peer])
        while (
            len(self._waiting) > limits.PENDING_DELTAS_MAX
            or self._size_bytes > limits.PENDING_BYTES_MAX
        ):
            self._evict(list(self._waiting.values()))

    def _evict(self, candidates: list[Waiting]) -> None:
        last = max(candidates, key=lambda w: (w.delta.core.sequence, w.delta.id))
        self.remove(last.delta.id)

    @staticmethod
    def _count_down(counter: Counter[DeviceId] | Counter[PeerId], key: str | bytes) -> None:
        counter[key] -= 1  # type: ignore[index]  # the key is of the counter's own kind
        if counter[key] == 0:  # type: ignore[index]
            del counter[key]


def parents_of(delta: Delta) -> tuple[DeltaId, ...]:
    """All that a delta follows directly, each once: `previous` and its parents."""
    core = delta.core
    if core.previous is None or core.previous in core.parents:
        return core.parents  # Named twice it is inadmissible, and until then it waits for it once.
    return (core.previous, *core.parents)
