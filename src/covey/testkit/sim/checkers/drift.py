"""No node takes in what lies further ahead of its own clock than drift explains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Delta, limits, milliseconds
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.faults import Jump

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Drift"]


class Drift(Checker):
    """Knows how far each node's clock may be set back between its word on a delta and now."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._skews_s: dict[str, list[float]] = {name: [0.0] for name in checks.world.nodes}
        for fault in checks.world.plan.faults:
            if isinstance(fault, Jump):
                self._skews_s[fault.node].append(fault.skew_s)

    def applied(self, node: Node, delta: Delta) -> None:
        """Others' deltas; one's own follow what was taken in before a clock was set back."""
        if delta.core.author == node.replica.device:
            return
        skews_s = self._skews_s[node.name]
        most_s = limits.DRIFT_MS_MAX / 1000 + max(skews_s) - min(skews_s)
        ahead_s = milliseconds(delta.core.time) / 1000 - node.now()
        assert ahead_s <= most_s, f"{node.name} applied what lies {ahead_s:.0f} s ahead"
