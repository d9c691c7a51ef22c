"""The network between simulated nodes: delay, loss, duplicates, reordering, partitions."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

from tests.simulation.sim.clock import Clock
from tests.simulation.sim.plan import Plan

__all__ = ["Deliver", "Links"]

Deliver: TypeAlias = Callable[[], None]

_SLOWNESS = 12


class Links:
    """Carries messages from node to node; after `heal` it only delays them, a little."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._rng = random.Random(f"{plan.seed}/links")
        self._is_healed = False

    def heal(self) -> None:
        """From now on nothing is lost."""
        self._is_healed = True

    def is_open(self, source: str, target: str) -> bool:
        """Whether anything passes from one node to another now."""
        if self._is_healed:
            return True
        now = self._clock.now
        for partition in self._plan.partitions:
            if not partition.from_s <= now < partition.to_s:
                continue
            outward = source in partition.side and target not in partition.side
            inward = target in partition.side and source not in partition.side
            if outward or (inward and not partition.is_one_way):
                return False
        return True

    def is_connected(self, one: str, other: str) -> bool:
        """Whether messages pass both ways now."""
        return self.is_open(one, other) and self.is_open(other, one)

    def send(self, source: str, target: str, deliver: Deliver) -> None:
        """A datagram: may be lost, doubled, or overtaken."""
        rng = self._rng
        copies = 1
        if not self._is_healed:
            copies = 0 if rng.random() < self._plan.loss else 1
            copies += copies and rng.random() < self._plan.duplicates
        for _ in range(copies):
            self._carry(source, target, deliver)

    def stream(self, source: str, target: str, deliver: Deliver) -> None:
        """Part of a stream: delayed, and lost only where the link is cut."""
        self._carry(source, target, deliver)

    def _carry(self, source: str, target: str, deliver: Deliver) -> None:
        if not self.is_open(source, target):
            return
        delay = self._rng.expovariate(1 / self._plan.delay_s) + 0.001
        if not self._is_healed and (source in self._plan.slow or target in self._plan.slow):
            delay *= _SLOWNESS

        def arrive() -> None:
            if self.is_open(source, target):
                deliver()

        self._clock.after(min(delay, 8.0), arrive)
