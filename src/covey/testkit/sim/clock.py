"""Virtual time: a heap of what will happen, in one order for one seed."""

from __future__ import annotations

import heapq
from collections.abc import Callable

__all__ = ["Clock"]


class Clock:
    """True time, in seconds since the simulation began; nodes' own clocks differ from it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.count = 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Let something happen later; what is due at one moment happens in order of asking."""
        self.count += 1
        heapq.heappush(self._heap, (self.now + max(0.0, delay_s), self.count, action))

    def step(self, deadline_s: float) -> bool:
        """Do what comes next, if it comes by then; otherwise only let the time pass."""
        if not self._heap or self._heap[0][0] > deadline_s:
            self.now = max(self.now, deadline_s)
            return False
        at_s, _, action = heapq.heappop(self._heap)
        self.now = max(self.now, at_s)
        action()
        return True
