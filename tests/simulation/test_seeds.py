"""Many seeds of everything that can go wrong; each promise is checked at every step.

A failing seed names itself and the command that repeats it.
"""

from __future__ import annotations

import pytest

from covey.testkit.sim import plan_of, simulate
from covey.testkit.sim.plan import MISDEEDS

_CHUNK = 10


@pytest.mark.parametrize("first", range(1, 201, _CHUNK))
def test_promises_hold_under_faults(first: int) -> None:
    """Loss, delay, partitions, crashes, wrong clocks and a cheating member change nothing."""
    for seed in range(first, first + _CHUNK):
        simulate(plan_of(seed))


def test_seeds_reach_what_they_are_for() -> None:
    """The 200 seeds together hold every kind of fault, and every misdeed."""
    plans = [plan_of(seed) for seed in range(1, 201)]
    assert {misdeed for plan in plans for _, misdeed in plan.misdeeds} == set(MISDEEDS)
    assert any(crash.is_power_cut for plan in plans for crash in plan.crashes)
    assert any(not crash.is_power_cut for plan in plans for crash in plan.crashes)
    assert any(partition.is_one_way for plan in plans for partition in plan.partitions)
    assert any(not partition.is_one_way for plan in plans for partition in plan.partitions)
    assert any(abs(jump.skew_s) > 30 for plan in plans for jump in plan.jumps)
    assert any(plan.companions for plan in plans)
    assert any(plan.slow for plan in plans)
    assert {plan.loss for plan in plans} >= {0.0, 0.5}
    assert {plan.tight for plan in plans} == {True, False}
