"""One plan from its beginning to its end: what is counted, and what becomes of an error."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from covey.model import limits
from covey.sync import Judge
from covey.testkit import bounds
from covey.testkit.sim import ARENA, Plan, Result, load_application, simulate
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.counts import EffectCount
from covey.testkit.sim.faults import Crash, Flapping, FullDisk, Leave, Loss, ReadErrors, SlowDisk
from covey.testkit.sim.plan import NodePlan
from covey.testkit.sim.run import TIGHT_LIMITS, Finding, _seldom_collected
from tests.unit.testkit.sim.worlds import calls, nodes, put, small_plan

ARENA_APPLICATION = load_application(ARENA)
MANY = tuple(
    calls(f"n{number % 3}", number / 2, put("k", str(number)), put(f"k{number}", "v"))
    for number in range(40)
)


def run(plan: Plan, **options: Any) -> Result:
    """Run a plan of the arena."""
    return simulate(plan, ARENA_APPLICATION, **options)


def limits_now() -> dict[str, int]:
    """Those that tight limits change."""
    return {name: getattr(limits, name) for name in TIGHT_LIMITS}


def test_world_without_faults_heals_at_once() -> None:
    """And nothing is counted that did not happen."""
    result = run(small_plan(submissions=MANY[::3]))  # those of one node
    assert result.finding is None
    assert (result.seed, result.calls, result.forks) == (1, 28, 0)
    assert (result.faults, result.effects["register"]) == ({}, EffectCount(28, 0))
    assert 14 <= result.deltas <= 28
    assert result.healed_s is not None
    assert result.healed_s < 10


def test_calls_that_meet_are_counted() -> None:
    """Three nodes put one note at the same moment."""
    meeting = tuple(calls(f"n{number}", 1.0, put("k", "v")) for number in range(3))
    result = run(small_plan(submissions=meeting, delay_s=0.5))
    assert result.effects["register"] == EffectCount(3, 3)


def test_every_call_reaches_a_node() -> None:
    """Callers of a node that is gone for good, or never admitted, go elsewhere."""
    leaving = small_plan(Leave(0.5, "n1", None), Leave(0.7, "n2", 3.0), submissions=MANY)
    result = run(leaving)
    assert (result.finding, result.calls) == (None, 80)
    assert result.faults == {"leave": 2}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Crash(2.0, node="n1", effects_before=3, is_power_cut=True, down_s=1.0), "power-cut"),
        (Crash(2.0, node="n1", effects_before=3, is_power_cut=False, down_s=1.0), "kill"),
        (FullDisk(2.0, 4.0, "n1"), "full-disk"),
        (ReadErrors(2.0, 9.0, "n1", 5), "read-error"),
        (SlowDisk(2.0, 9.0, "n1", 2.0), "slow-disk"),
        (Loss(2.0, 20.0, 0.5), "loss"),
        (Flapping(2.0, 20.0, "n1", 1.0), "flapping"),
    ],
)
def test_fault_is_counted_and_survived(fault: Any, kind: str) -> None:
    """A kind that does nothing would be missing in the summary."""
    result = run(small_plan(fault, submissions=MANY))
    assert result.finding is None
    assert result.faults[kind] > 0


def test_tight_limits_are_those_of_one_run() -> None:
    """Also where it ends in a finding: the next one has ordinary limits."""
    before = limits_now()
    seen: list[dict[str, int]] = []

    class Watch(Checker):
        """Looks at the limits."""

        def ended(self) -> None:
            """And breaks a promise."""
            seen.append(limits_now())
            raise AssertionError("broken")

    for is_tight in (True, False):
        result = run(small_plan(is_tight=is_tight), more=Watch)
        assert result.finding is not None
        assert limits_now() == before
    assert seen == [TIGHT_LIMITS, before]


def test_error_of_a_machine_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its kind, its place in covey and the last lines before it."""

    def judge(self: Judge, *_: object) -> Any:
        return self._no_such_thing

    monkeypatch.setattr(Judge, "judge", judge)
    finding = run(small_plan(submissions=MANY)).finding
    assert finding is not None
    assert finding.message.startswith("AttributeError: 'Judge' object has no attribute")
    assert finding.where.startswith("sync.")
    assert 0 < finding.at_s < 3
    assert 0 < len(finding.last) <= bounds.SIM_TRACE_LINES
    assert finding.last[0] < finding.last[-1]


def test_broken_promise_is_a_finding_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the checker that noticed."""
    monkeypatch.setattr("covey.testkit.sim.run.World.run", lambda self: self.checks.ended())
    finding = run(small_plan()).finding
    assert finding is not None
    assert finding.where == "testkit.sim.checkers.healing:all_are_up"
    assert finding.message == "no healing in bounded time: n0, n1 and n2 are down"


def test_each_reason_not_to_heal_is_a_mistake_of_its_own() -> None:
    """A node that stays busy, made smaller, must not become one that merely does not know."""
    part = "testkit.sim.checkers."
    busy = Finding(f"{part}healing:all_are_idle", "n1 is busy", 1.0)
    assert busy.is_like(Finding(busy.where, "n2 is busy", 2.0))
    assert not busy.is_like(Finding(f"{part}healing:all_know_it", "n1 does not know", 1.0))
    assert not busy.is_like(Finding(f"{part}states:ended", "n1 differs", 1.0))
    states = Finding(f"{part}states:settled", "n1 differs", 1.0)
    assert states.is_like(Finding(f"{part}reference:require", "n1 differs", 1.0))


def test_world_that_does_not_come_to_rest_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes that answer each other for ever would keep a simulation for ever."""
    monkeypatch.setattr("covey.testkit.sim.world._STEPS_PER_NODE_MAX", 50)
    finding = run(small_plan(submissions=MANY)).finding
    assert finding is not None
    assert finding.message == "the simulation does not come to rest"


def test_node_that_asks_is_admitted() -> None:
    """Also a second device, which is of a member who is there."""
    some = (*nodes("n0", "n1"), NodePlan("n2", "n2", 0.5), NodePlan("n3", "n0", 4.0))
    result = run(small_plan(nodes=some, submissions=MANY))
    assert result.finding is None
    assert result.faults == {"late-join": 1, "second-device": 1}


def test_thorough_run_is_the_same_run() -> None:
    """It only looks more often."""
    plan = small_plan(Loss(2.0, 20.0, 0.5), submissions=MANY)
    assert run(plan, is_thorough=True) == run(plan)


def test_run_tells_how_far_it_is_and_stays_the_same_run() -> None:
    """A crowd takes an hour: whoever waits wants to know."""
    told: list[tuple[float, int]] = []
    plan = small_plan(submissions=MANY)
    again = simulate(plan, load_application(ARENA), told=lambda *far: told.append(far))
    assert again == run(plan)
    assert 1 <= len(told) <= again.steps // 200
    assert told == sorted(told)


def test_only_the_package_is_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout called covey, as `git clone` names it, makes nothing else in it covey's own."""
    path = tmp_path / "covey" / "tests" / "test_x.py"
    path.parent.mkdir(parents=True)
    path.write_text("def fail(*_):\n    raise ValueError('planted')\n")
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    monkeypatch.setattr(Judge, "judge", names["fail"])

    finding = run(small_plan(submissions=MANY)).finding

    assert finding is not None
    assert finding.where.startswith("sync.")


def test_collector_is_as_before_after_a_crowd() -> None:
    """Garbage is looked for seldom while a crowd runs, and as ever afterwards."""
    before = gc.get_threshold()
    with _seldom_collected(500):
        assert gc.get_threshold()[0] > 1_000 * before[0]
    assert gc.get_threshold() == before
    with _seldom_collected(5):
        assert gc.get_threshold() == before
