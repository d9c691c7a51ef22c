"""Failing schedules become small, stay failing, and take no more runs than are allowed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from covey.testkit import bounds
from covey.testkit.sim import (
    ARENA,
    Finding,
    Plan,
    Result,
    load_application,
    load_scenario,
    plan_of,
    simulate,
)
from covey.testkit.sim.faults import Crash, Loss, Misdeed, Partition, Rollout
from covey.testkit.sim.plan import CodePlan, NodePlan, QuorumPlan
from covey.testkit.sim.shrink import Shrunk, shrink
from tests.unit.testkit.sim.worlds import calls, nodes, put, small_plan

PROMISE = Finding("testkit.sim.checkers.rules:applied", "n0 applied what no node may", 1.0)
Fails = Callable[[Plan], Finding | None]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug: an old put brings a deleted entry back."""
    monkeypatch.setattr("covey.merge.fold._strongest_tombstone", lambda *_: None)


@pytest.fixture
def failing(planted: None) -> tuple[Plan, Finding]:
    """A seed that finds the bug, with five nodes."""
    scenario, arena = load_scenario("quick"), load_application(ARENA)
    for seed in range(7, 60):  # those before it take longer to shrink
        plan = plan_of(scenario, seed, arena)
        finding = simulate(plan, arena).finding
        if finding is not None and len(plan.nodes) == 5:
            return plan, finding
    raise AssertionError("no seed finds it")


def test_planted_bug_is_left_with_what_it_needs(failing: tuple[Plan, Finding]) -> None:
    """Two nodes, a put and a delete that meet: a person can follow that."""
    plan, finding = failing
    arena = load_application(ARENA)
    shrunk = shrink(plan, finding, arena)
    assert shrunk.runs <= bounds.SIM_SHRINK_RUNS_MAX
    assert shrunk.finding.is_like(finding)
    assert len(shrunk.plan.nodes) <= 3
    assert len(shrunk.plan.faults) < len(plan.faults) / 2
    assert shrunk.plan.calls_count < plan.calls_count / 10
    assert simulate(shrunk.plan, arena, is_thorough=True).finding == shrunk.finding


def test_search_ends_with_its_limit(
    failing: tuple[Plan, Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schedule that is not the smallest, after minutes, is better than none after hours."""
    monkeypatch.setattr(bounds, "SIM_SHRINK_RUNS_MAX", 8)
    told: list[int] = []
    shrunk = shrink(*failing, load_application(ARENA), lambda runs, _plan: told.append(runs))
    assert shrunk.runs == 8
    assert told == list(range(1, 9))
    assert shrunk.finding.is_like(failing[1])
    assert shrunk.plan != failing[0]


def searched(plan: Plan, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> Shrunk:
    """What the search makes of a plan where this decides what fails."""

    def run(candidate: Plan, *_: object, is_thorough: bool) -> Result:
        assert is_thorough
        candidate.check("a candidate")
        return Result(
            seed=1,
            trace="",
            steps=0,
            calls=0,
            took_effect=0,
            deltas=0,
            healed_s=0.0,
            faults={},
            effects={},
            forks=0,
            finding=fails(candidate),
        )

    monkeypatch.setattr("covey.testkit.sim.shrink.simulate", run)
    return shrink(plan, PROMISE, load_application(ARENA))


WHOLE = small_plan(
    Loss(1.0, 5.0, 0.5),
    Partition(2.0, 5.0, ("n1", "n2"), is_one_way=True),
    Crash(4.0, node="n2", effects_before=2, is_power_cut=True, down_s=1.0),
    Misdeed(7.0, "n4", "fork"),
    Misdeed(8.0, "n4", "lie"),
    nodes=(
        *nodes("n0", "n1", "n2"),
        NodePlan("n3", "n2", 3.0),
        NodePlan("n4", "n1", 0.5, is_doctored=True),
    ),
    submissions=(
        calls("n0", 1.0, put("a", "1"), put("b", "1")),
        calls("n2", 2.0, put("a", "2"), put("b", "2")),
        calls("n1", 3.0, put("a", "3"), put("b", "3")),
    ),
    is_tight=True,
)


def test_what_always_fails_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One node that does nothing; ordinary limits; no time."""
    shrunk = searched(WHOLE, lambda _: PROMISE, monkeypatch)
    assert shrunk.plan.names == ("n0",)
    assert (shrunk.plan.faults, shrunk.plan.submissions) == ((), ())
    assert not shrunk.plan.is_tight
    assert shrunk.plan.faults_s == 0.5


UPGRADING = msgspec.structs.replace(
    WHOLE,
    faults=tuple(
        Rollout(at_s, to_s=9.0, node=node, deed=deed, release=release)
        for at_s, node, deed, release in (
            (1.0, "n0", "upgrade", "2"), (2.0, "n1", "approve", "2"), (3.0, "n2", "upgrade", "3")
        )
    ),
    code=CodePlan(
        is_published=True, quorums=(QuorumPlan(2, ("n0", "n1", "n2"), 500), QuorumPlan(1, ("n3",)))
    ),
)  # fmt: skip


def test_rule_of_releases_is_left_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One upgrade under one quorum, of those who are still there, without its notice."""

    def fails(plan: Plan) -> Finding | None:
        wants = any(isinstance(f, Rollout) and f.release == "3" for f in plan.faults)
        asks = plan.code is not None and any("n2" in q.keys for q in plan.code.quorums)
        return PROMISE if wants and asks else None

    shrunk = searched(UPGRADING, fails, monkeypatch)
    assert shrunk.plan.names == ("n0", "n2")
    assert shrunk.plan.faults == UPGRADING.faults[2:]
    assert shrunk.plan.code == CodePlan(quorums=(QuorumPlan(2, ("n0", "n2"), 0),))


def test_what_needs_no_later_release_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its charter is then that of every other schedule."""
    assert searched(UPGRADING, lambda _: PROMISE, monkeypatch).plan.code is None


def test_what_is_needed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One crash, one lie, one call among six, tight limits: and nothing else."""

    def fails(plan: Plan) -> Finding | None:
        kept = {type(f) for f in plan.faults} >= {Crash}
        lies = any(isinstance(f, Misdeed) and f.deed == "lie" for f in plan.faults)
        called = [c.arguments for s in plan.submissions for c in s.calls]
        return PROMISE if kept and lies and put("b", "3") in called and plan.is_tight else None

    shrunk = searched(WHOLE, fails, monkeypatch)
    assert shrunk.plan.names == ("n0", "n1", "n2", "n4")
    assert shrunk.plan.faults == (WHOLE.faults[2], WHOLE.faults[4])
    assert shrunk.plan.submissions == (calls("n1", 3.0, put("b", "3")),)
    assert shrunk.plan.is_tight
    assert shrunk.plan.faults_s == 8.5


def test_device_whose_owner_goes_is_its_own_member_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule in which somebody belongs to nobody would be no schedule."""

    def fails(plan: Plan) -> Finding | None:
        return PROMISE if "n3" in plan.names else None

    shrunk = searched(WHOLE, fails, monkeypatch)
    assert shrunk.plan.nodes == (*nodes("n0"), NodePlan("n3", "n3"))


def test_other_mistake_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the second node something else breaks: that is another search."""
    other = Finding("testkit.sim.world:run", "another promise", 1.0)

    def fails(plan: Plan) -> Finding | None:
        return PROMISE if "n1" in plan.names else other

    shrunk = searched(WHOLE, fails, monkeypatch)
    assert shrunk.finding == PROMISE
    assert shrunk.plan.names == ("n0", "n1")


def test_submission_that_goes_altogether_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Places shift when all calls of one are left out, as they may be once others are smaller."""

    def fails(plan: Plan) -> Finding | None:
        return PROMISE if len(plan.submissions) == 3 or plan.calls_count in (2, 3) else None

    shrunk = searched(WHOLE, fails, monkeypatch)
    assert shrunk.plan.calls_count == 2


def test_call_of_several_steps_is_left_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a call of the arena does beside the point is left out too."""
    steps = '[["put", "notes", "a", "1"], ["bump", "notes", "b"], ["delete", "notes", "c"]]'
    plan = small_plan(
        submissions=(calls("n0", 1.0, f'{{"steps": {steps}, "fails": true, "work": 9}}'),)
    )

    def fails(candidate: Plan) -> Finding | None:
        return PROMISE if '["bump", "notes", "b"]' in str(candidate.submissions) else None

    shrunk = searched(plan, fails, monkeypatch)
    bump = '{"steps": [["bump", "notes", "b"]], "fails": false, "work": 0}'
    assert shrunk.plan.submissions == (calls("n0", 1.0, bump),)
