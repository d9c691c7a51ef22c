"""Where the charter has a fuel budget, no device's applied deltas take more than it allows.

Added up from a device's first delta on, each time anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.testkit.oracle import Known

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks

__all__ = ["overspent"]

_PER_BYTE = 10


def overspent(checks: Checks, known: Known) -> str:
    """How a delta takes more than its device may use, or empty."""
    budget = checks.world.founding.charter.fuel_budget
    if not budget:
        return ""
    chain = [known]
    while (previous := chain[-1].delta.core.previous) is not None:
        chain.append(checks.history.known[previous])
    left, at_ms = budget, chain[-1].delta.core.time >> 16
    for each in reversed(chain):
        core = each.delta.core
        passed_ms = (core.time >> 16) - at_ms
        left, at_ms = min(budget, left + budget * passed_ms // 60_000), core.time >> 16
        if core.fuel:
            left -= sum(core.fuel) + _PER_BYTE * len(each.delta.frame)
        if left < 0:
            return "it takes more than its device may use"
    return ""
