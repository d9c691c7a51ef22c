"""Many seeds of everything that can go wrong; each promise is checked at every step.

A failing seed names itself; `covey simulate --scenario quick --seeds N` repeats it and makes it
smaller.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from covey.testkit.sim import ARENA, Plan, Result, load_application, load_scenario, plan_of
from covey.testkit.sim.counts import EffectCount
from covey.testkit.sim.faults import BREACHES, KINDS, MISDEEDS, Misdeed, kind_of
from tests.simulation.seeds import run_seed

_SEEDS = range(1, 201)
_CHUNK = 8  # small enough that two processes end together
_SOME = range(1, 61)
_LATE_S = 0.5
_BREACHES = {f"misdeed {deed}" for deed in BREACHES}


@pytest.mark.parametrize("first", _SEEDS[::_CHUNK])
def test_promises_hold_under_faults(first: int) -> None:
    """Loss, cuts, crashes, bad disks, wrong clocks and a cheating member change nothing."""
    for seed in range(first, first + _CHUNK):
        result = run_seed("quick", seed)
        assert result.finding is None, f"seed {seed}: {result.finding}"
        assert result.calls >= 60


def _kinds(plan: Plan) -> set[str]:
    """Every kind of fault that a plan holds."""
    kinds = {kind_of(fault) for fault in plan.faults if not isinstance(fault, Misdeed)}
    facts = {
        "late-join": any(node.starts_s > _LATE_S for node in plan.nodes),
        "second-device": any(node.owner != node.name for node in plan.nodes),
        "doctored": any(node.is_doctored for node in plan.nodes),
        "tight-limits": plan.is_tight,
        "verified": plan.is_verified,
        "budget": plan.fuel_budget > 0,
        "upgrade": plan.code is not None,
    }
    return kinds | {kind for kind, holds in facts.items() if holds}


def _plans() -> list[Plan]:
    scenario, arena = load_scenario("quick"), load_application(ARENA)
    return [plan_of(scenario, seed, arena) for seed in _SEEDS]


def test_seeds_hold_every_kind_of_fault() -> None:
    """What no plan holds is tested by nothing."""
    assert {kind for plan in _plans() for kind in _kinds(plan)} == set(KINDS)


def test_no_kind_of_fault_is_in_every_seed() -> None:
    """Swarm testing: many bugs only show where some other fault is missing."""
    plans = _plans()
    counts = Counter(kind for plan in plans for kind in _kinds(plan))
    assert [kind for kind, count in counts.items() if count > 0.9 * len(plans)] == []


def test_seeds_hold_every_misdeed() -> None:
    """Each rule that a cheating member could break is tried."""
    faults = [fault for plan in _plans() for fault in plan.faults]
    deeds = {fault.deed for fault in faults if isinstance(fault, Misdeed)}
    assert deeds == {*MISDEEDS, *BREACHES}


@cache
def _some_results() -> tuple[Result, ...]:
    return tuple(run_seed("quick", seed) for seed in _SOME)


def test_what_is_planned_also_happens() -> None:
    """A loss without messages, or a power cut of a node that is down, would be a fault in name."""
    met = {kind for result in _some_results() for kind in result.faults}
    wanted = {*KINDS, "lost-write", "torn-write", "approval", "migration", "module"} - {"doctored"}
    assert met - _BREACHES == wanted | {f"misdeed {deed}" for deed in MISDEEDS}


def test_effects_meet_in_every_merge_rule() -> None:
    """Merging is only tested by those who write one entry without seeing each other."""
    totals: dict[str, EffectCount] = {}
    for result in _some_results():
        for rule, count in result.effects.items():
            totals[rule] = totals.get(rule, EffectCount()).plus(count)
    assert sorted(totals) == ["counter", "frozen", "owned", "register"]
    assert {rule: count for rule, count in totals.items() if count.concurrent < 20} == {}
    assert sum(result.forks for result in _some_results()) > 0
