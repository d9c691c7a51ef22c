"""An honest device's chain never forks and never goes back in time, over crashes and clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Delta, DeviceId
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Chains"]


class Chains(Checker):
    """What honest devices released, by sequence."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._chain: dict[tuple[DeviceId, int], Delta] = {}

    def applied(self, node: Node, delta: Delta) -> None:
        """What anybody applies was released by its author."""
        del node
        self._note(delta)

    def released(self, node: Node, delta: Delta) -> None:
        """Released once under one sequence, later than what is before it."""
        del node
        self._note(delta)

    def _note(self, delta: Delta) -> None:
        core = delta.core
        if core.author in self.checks.doctored_devices:
            return
        place = (core.author, core.sequence)
        known = self._chain.setdefault(place, delta)
        assert known.id == delta.id, f"an honest device forked at sequence {core.sequence}"
        before = self._chain.get((core.author, core.sequence - 1))
        assert before is None or before.core.time < core.time, "a device's clock went back"
