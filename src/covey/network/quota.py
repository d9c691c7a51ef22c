"""How much of one peer's gossip is acted on in a time."""

from __future__ import annotations

from collections.abc import Callable

from covey.model import limits

__all__ = ["Pace", "Quota"]


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
