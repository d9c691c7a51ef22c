"""How much of one peer's gossip is acted on in a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from covey.model import limits

__all__ = ["Pace", "Quota", "Work", "WorkTable"]

_Peer = TypeVar("_Peer", bound=Hashable)


class Pace:
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


class Work:
    """The time that one peer's messages take this node. clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turn_s = 0.0
        self._left_s = limits.GOSSIP_FRUITLESS_S_MAX
        self._at_s = clock()

    def is_turn_over(self, taken_s: float) -> bool:
        """Take time off the peer's turn; whether it is others' now, and then a new one begins.

        Messages cannot be counted instead: one may take a thousand times as long as another.
        """
        self._turn_s += taken_s
        if self._turn_s <= limits.GOSSIP_TURN_S:
            return False
        self._turn_s = 0.0
        return True

    def spend(self, taken_s: float) -> float:
        """Take time for a message that was not accepted; for how long the peer is not read.

        No honest peer is to blame for what lacks parents or is of a version to come, but it cannot
        take all the time there is either.
        """
        now_s = self._clock()
        earned_s = (now_s - self._at_s) * limits.GOSSIP_FRUITLESS_SHARE
        self._left_s = min(limits.GOSSIP_FRUITLESS_S_MAX, self._left_s + earned_s) - taken_s
        self._at_s = now_s
        return max(0.0, -self._left_s / limits.GOSSIP_FRUITLESS_SHARE)


class WorkTable(Generic[_Peer]):
    """The work of each peer, whatever streams it opens; those heard longest ago are forgotten."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._works: OrderedDict[_Peer, Work] = OrderedDict()

    def of(self, peer: _Peer) -> Work:
        """The work of a peer."""
        work = self._works.pop(peer, None) or Work(self._clock)
        self._works[peer] = work
        while len(self._works) > limits.PEERS_REMEMBERED_MAX:
            self._works.popitem(last=False)
        return work


class Quota:
    """What one peer has used up since the last heartbeat."""

    def __init__(self) -> None:
        self.controls = 0
        self.offers = 0
        self.wanted_ids = 0
        self.answers = 0
        self.answered_bytes = 0
        self.records = 0

    def takes_controls(self, count: int) -> bool:
        """Room for that many subscriptions, grafts, prunes, offers and wants in one RPC."""
        self.controls += count
        return self.controls <= limits.GOSSIP_CONTROLS_MAX

    def takes_offer(self) -> bool:
        """Room for one more RPC that offers messages."""
        self.offers += 1
        return self.offers <= limits.GOSSIP_OFFERS_MAX

    def takes_record(self) -> bool:
        """Room for the verification of one more address record."""
        self.records += 1
        return self.records <= limits.GOSSIP_RECORDS_MAX

    def wantable_ids(self) -> int:
        """How many more offered messages may be asked for."""
        return max(0, limits.GOSSIP_IDS_MAX - self.wanted_ids)

    def takes_answer(self, size_bytes: int) -> bool:
        """Room for one more message in answer, so that asking does not amplify."""
        if self.answers >= limits.GOSSIP_ANSWERS_MAX:
            return False
        if self.answered_bytes + size_bytes > limits.GOSSIP_ANSWERS_BYTES_MAX:
            return False
        self.answers += 1
        self.answered_bytes += size_bytes
        return True
