"""Messages of the last seconds: which ids were seen, and which messages can be asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from covey.model import limits

__all__ = ["RecentMessages", "SeenIds"]

_HISTORY_HEARTBEATS = 5  # messages are kept so long
_OFFERED_HEARTBEATS = 3  # and offered so long: what is asked for must still be there


class SeenIds:
    """Message ids of the last two minutes, bounded; the oldest is forgotten first.

    py-libp2p's own cache has no bound and needs a thread. clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def has(self, identifier: bytes) -> bool:
        """Seen, and not yet forgotten."""
        until = self._until.get(identifier)
        return until is not None and until > self._clock()

    def add(self, identifier: bytes) -> None:
        """Remember from now on."""
        now = self._clock()
        self._until[identifier] = now + limits.GOSSIP_SEEN_S
        self._until.move_to_end(identifier)
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now and len(self._until) <= limits.GOSSIP_SEEN_MAX:
                return
            del self._until[oldest]


@dataclass(frozen=True, slots=True)
class _Kept:
    topic: str
    packed: bytes


class RecentMessages:
    """Packed RPCs of the last heartbeats by message id; beyond the bounds none are added."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _Kept] = {}
        self._generations: list[list[bytes]] = [[] for _ in range(_HISTORY_HEARTBEATS)]
        self._size_bytes = 0

    def put(self, identifier: bytes, topic: str, packed: bytes) -> None:
        """Keep a message, as it goes over a stream."""
        is_full = (
            self._size_bytes + len(packed) > limits.GOSSIP_CACHE_BYTES_MAX
            or len(self._kept) >= limits.GOSSIP_CACHE_MESSAGES_MAX
        )
        if identifier not in self._kept and not is_full:
            self._kept[identifier] = _Kept(topic, packed)
            self._generations[0].append(identifier)
            self._size_bytes += len(packed)

    def get(self, identifier: bytes) -> bytes | None:
        """The packed RPC with that message alone."""
        kept = self._kept.get(identifier)
        return kept.packed if kept is not None else None

    def topic(self, identifier: bytes) -> str:
        """The topic of a message that is kept."""
        return self._kept[identifier].topic

    def offered(self, topic: str) -> list[bytes]:
        """Ids that peers beyond the mesh are told of, newest first."""
        return list(self._newest(topic))[: limits.GOSSIP_IDS_MAX]

    def shift(self) -> None:
        """A heartbeat has passed: forget the oldest generation."""
        for identifier in self._generations.pop():
            self._size_bytes -= len(self._kept.pop(identifier).packed)
        self._generations.insert(0, [])

    def _newest(self, topic: str) -> Iterator[bytes]:
        for generation in self._generations[:_OFFERED_HEARTBEATS]:
            for identifier in reversed(generation):
                if self._kept[identifier].topic == topic:
                    yield identifier
