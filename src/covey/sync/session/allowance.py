"""What a peer may cost in bytes: so much at once, and so much again every second."""

from __future__ import annotations

__all__ = ["Allowance"]


class Allowance:
    """A budget that refills, and may be overdrawn by the last that is taken from it.

    most: units at once; per_s: units a second; times are seconds.
    """

    def __init__(self, most: float, per_s: float) -> None:
        self._most = most
        self._per_s = per_s
        self._left = most
        self._at_s = 0.0

    def spend(self, units: float, now: float) -> bool:
        """Take some off; False, with nothing taken, where nothing is left."""
        if self.is_used_up(now):
            return False
        self._left -= units
        return True

    def is_used_up(self, now: float) -> bool:
        """Whether nothing is left."""
        earned = max(0.0, now - self._at_s) * self._per_s
        self._left = min(self._most, self._left + earned)
        self._at_s = now
        return self._left <= 0
