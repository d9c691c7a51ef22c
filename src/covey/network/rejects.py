"""How often each peer sent what no honest peer sends."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from covey.model import limits

__all__ = ["Allowance", "Rejects"]

_Peer = TypeVar("_Peer", bound=Hashable)


class Rejects(Generic[_Peer]):
    """A count for each peer that halves every minute, so that peers are forgiven.

    It outlives the connection; peers beyond the bound are forgotten, oldest first. clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._counts: OrderedDict[_Peer, tuple[float, float]] = OrderedDict()

    def add(self, peer: _Peer) -> None:
        """Count one more."""
        self._counts[peer] = (self.count(peer) + 1, self._clock())
        self._counts.move_to_end(peer)
        while len(self._counts) > limits.PEERS_REMEMBERED_MAX:
            self._counts.popitem(last=False)

    def count(self, peer: _Peer) -> float:
        """What is left of the count now."""
        count, at = self._counts.get(peer, (0.0, 0.0))
        elapsed = self._clock() - at
        return float(count * 0.5 ** (elapsed / limits.GOSSIP_REJECTS_HALVED_S)) if count else 0.0

    def is_shunned(self, peer: _Peer) -> bool:
        """So many that the peer's messages are not read."""
        return self.count(peer) > limits.GOSSIP_REJECTS_MAX


class Allowance:
    """Messages one peer may send now; beyond its rate the reader waits instead of losing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(limits.GOSSIP_MESSAGES_PER_S_MAX)
        self._at = clock()

    def spend(self, messages: int) -> float:
        """Take messages off; returns how many seconds to wait before reading on."""
        now = self._clock()
        rate = limits.GOSSIP_MESSAGES_PER_S_MAX
        self._left = min(float(rate), self._left + (now - self._at) * rate) - messages
        self._at = now
        return max(0.0, -self._left / rate)
