"""The network between simulated nodes: delay, loss, duplicates, reordering, bandwidth, cuts."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, TypeAlias

from covey.testkit.sim.clock import Clock
from covey.testkit.sim.faults import (
    Bandwidth,
    Delay,
    Duplicate,
    Fault,
    Flapping,
    Loss,
    Partition,
    Reorder,
    SlowPeer,
    kind_of,
)
from covey.testkit.sim.plan import Plan

__all__ = ["LONGEST_WAY_S", "Deliver", "Links"]

Deliver: TypeAlias = Callable[[], None]

_DELAY_S_MAX: Final = 8.0  # of one message, whatever slows it down
_BACKLOG_S_MAX: Final = 3.0  # what would wait longer for bandwidth is lost
_HELD_BACK_S_MAX: Final = 3.0
LONGEST_WAY_S: Final = _DELAY_S_MAX + _BACKLOG_S_MAX + 1.0
"""The longest that a message between neighbours is under way."""


class Links:
    """Carries messages from node to node; after `heal` it only delays them, a little.

    met: told the kind of each fault that does something to a message.
    """

    def __init__(self, plan: Plan, clock: Clock, met: Callable[[str], None]) -> None:
        self._plan = plan
        self._clock = clock
        self._met = met
        self._rng = random.Random(f"{plan.seed}/links")  # noqa: S311 - it must repeat itself
        self._active: list[Fault] = []
        self._cuts: list[Partition | Flapping] = []
        self._line_free_s: dict[str, float] = {}
        for fault in plan.faults:
            self._schedule(fault)

    def heal(self) -> None:
        """From now on nothing is lost."""
        self._active.clear()
        self._cuts.clear()

    def is_open(self, source: str, target: str) -> bool:
        """Whether anything passes from one node to another now."""
        for cut in self._cuts:
            if isinstance(cut, Flapping):
                phase = (self._clock.now - cut.at_s) // cut.period_s
                is_cut = cut.node in (source, target) and phase % 2 == 0
            else:
                is_cut = source in cut.side and target not in cut.side
                if not cut.is_one_way:
                    is_cut = is_cut or (target in cut.side and source not in cut.side)
            if is_cut:
                self._met(kind_of(cut))
                return False
        return True

    def is_connected(self, one: str, other: str) -> bool:
        """Whether messages pass both ways now."""
        return not self._cuts or (self.is_open(one, other) and self.is_open(other, one))

    def send(self, source: str, target: str, size_bytes: int, deliver: Deliver) -> None:
        """A datagram: may be lost, doubled, or overtaken."""
        copies = 1
        for fault in self._active:
            if isinstance(fault, Loss) and self._rng.random() < fault.probability:
                self._met("loss")
                return
            if isinstance(fault, Duplicate) and self._rng.random() < fault.probability:
                self._met("duplicate")
                copies += 1
        for _ in range(copies):
            self._carry(source, target, size_bytes, deliver, None)

    def stream(
        self, source: str, target: str, size_bytes: int, deliver: Deliver, lost: Deliver
    ) -> None:
        """Part of a stream: delayed, and lost only where the link is cut; then the stream breaks.

        lost: called instead of `deliver`, in its time.
        """
        self._carry(source, target, size_bytes, deliver, lost)

    def _carry(
        self, source: str, target: str, size_bytes: int, deliver: Deliver, lost: Deliver | None
    ) -> None:
        delay_s = self._rng.expovariate(1 / self._plan.delay_s) + 0.001
        wait_s = 0.0
        for fault in self._active:
            # No `match`: all messages come here, and patterns took a fifth of the time of a crowd.
            if isinstance(fault, Delay):
                self._met("delay")
                delay_s += self._rng.expovariate(1 / fault.mean_s)
            elif isinstance(fault, Reorder):
                if self._rng.random() < fault.probability:
                    self._met("reorder")
                    delay_s += self._rng.uniform(0, _HELD_BACK_S_MAX)
            elif isinstance(fault, SlowPeer):
                if fault.node in (source, target):
                    self._met("slow-peer")
                    delay_s *= fault.factor
            elif isinstance(fault, Bandwidth) and fault.node == source:
                wait_s = self._line_wait_s(source, size_bytes / fault.bytes_per_s)
        if wait_s > _BACKLOG_S_MAX and lost is None:
            return
        is_cut = bool(self._cuts) and not self.is_open(source, target)

        def arrive() -> None:
            if not is_cut and (not self._cuts or self.is_open(source, target)):
                deliver()
            elif lost is not None:
                lost()

        self._clock.after(min(delay_s, _DELAY_S_MAX) + min(wait_s, _BACKLOG_S_MAX), arrive)

    def _line_wait_s(self, source: str, sending_s: float) -> float:
        """How long a message waits until a node's line has sent it, with all before it."""
        self._met("bandwidth")
        now = self._clock.now
        free_s = max(now, self._line_free_s.get(source, 0.0))
        if free_s - now <= _BACKLOG_S_MAX:
            free_s += sending_s
            self._line_free_s[source] = free_s
        return free_s - now

    def _schedule(self, fault: Fault) -> None:
        match fault:
            case Partition() | Flapping():
                cut = fault
                self._clock.after(fault.at_s, lambda: self._cuts.append(cut))
                self._clock.after(fault.to_s, lambda: self._mend(cut))
            case Loss() | Delay() | Reorder() | Duplicate() | Bandwidth() | SlowPeer():
                active = fault
                self._clock.after(fault.at_s, lambda: self._active.append(active))
                self._clock.after(fault.to_s, lambda: self._end(active))
            case _:
                pass  # not of the network

    def _mend(self, cut: Partition | Flapping) -> None:
        if cut in self._cuts:
            self._cuts.remove(cut)

    def _end(self, fault: Fault) -> None:
        if fault in self._active:
            self._active.remove(fault)
