"""New releases under every fault: they come into force, and every way to cheat is tried."""

from __future__ import annotations

from collections import Counter
from functools import cache

from covey.testkit.sim import Plan, Result, load_application, load_scenario, plan_of
from covey.testkit.sim.faults import BREACHES, Rollout
from covey.testkit.sim.releases import LATER
from tests.simulation.seeds import run_seed

_SEEDS = range(1, 61)


@cache
def _results() -> tuple[Result, ...]:
    return tuple(run_seed("upgrades", seed) for seed in _SEEDS)


@cache
def _plans() -> tuple[Plan, ...]:
    scenario, arena = load_scenario("upgrades"), load_application("arena")
    return tuple(plan_of(scenario, seed, arena) for seed in _SEEDS)


def test_promises_hold_while_code_changes() -> None:
    """The release in force, what ran under it, and who was refused: as the oracle says."""
    assert {r.seed: r.finding for r in _results() if r.finding is not None} == {}


def test_releases_come_into_force_and_are_fetched() -> None:
    """Else nothing would be tested but refusals."""
    met: Counter[str] = Counter()
    for result in _results():
        met.update(result.faults)
    assert met["upgrade"] > len(_SEEDS) / 2
    assert met["migration"] > len(_SEEDS) / 5
    assert met["approval"] > len(_SEEDS)
    assert met["module"] > len(_SEEDS)


def test_every_way_to_cheat_with_releases_is_tried() -> None:
    """By a member whose node was doctored, when it was in a position to."""
    met = {kind for result in _results() for kind in result.faults}
    assert {f"misdeed {deed}" for deed in BREACHES} - met == set()


def test_every_release_and_rule_is_wished_for() -> None:
    """Rules of every kind, and more than one release at once."""
    rules = [plan.code for plan in _plans() if plan.code is not None]
    assert len(rules) == len(_SEEDS)
    assert any(rule.is_locked for rule in rules)
    assert any(rule.is_published and rule.quorums for rule in rules)
    assert any(quorum.notice_ms for rule in rules for quorum in rule.quorums)
    assert any(quorum.k > 1 for rule in rules for quorum in rule.quorums)
    wanted = [fault for plan in _plans() for fault in plan.faults if isinstance(fault, Rollout)]
    assert {fault.release for fault in wanted} == set(LATER)
    assert {fault.deed for fault in wanted} == {"approve", "upgrade"}
