"""The same faults with applications that people wrote: their calls are drawn by their schemas."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.testkit.sim import Scenario, load_application, load_scenario, plan_of, simulate

_APPS = Path(__file__).parents[2] / "apps"
_SEEDS = range(1, 9)


@pytest.fixture(params=["kv", "tally", "board", "ledger"])
def scenario(request: pytest.FixtureRequest, tmp_path: Path) -> Scenario:
    """Few seeds of many faults, on one application."""
    name = request.param
    text = f"""
        name = "{name}"
        nodes = [3, 4]
        founders = [1, 2]
        lasts_s = [8.0, 12.0]
        faults = {{ default = 0.4, doctored = 0.75 }}
        workload = {{ calls = [40, 60], application = "{_APPS / name / name}.wasm" }}
    """
    (tmp_path / "mine.toml").write_text(text)
    return load_scenario(str(tmp_path / "mine.toml"))


def test_application_keeps_its_promises_under_faults(scenario: Scenario) -> None:
    """Written by compiled code, read back from state that is merging, with a member who cheats."""
    application = load_application(scenario.workload.application)
    assert application.name == scenario.name
    deltas, met = 0, set()
    for seed in _SEEDS:
        result = simulate(plan_of(scenario, seed, application), application)
        assert result.finding is None, f"seed {seed}: {result.finding}"
        assert set(result.effects) == {c.rule.value for c in application.collections}
        deltas += result.deltas
        met |= {kind.split()[0] for kind in result.faults}
    assert deltas > 15 * len(_SEEDS)
    assert met >= {"misdeed", "loss", "power-cut", "torn-write"}


def test_calls_are_those_of_the_application(scenario: Scenario) -> None:
    """Methods that only read are left out: they put no delta into the world."""
    application = load_application(scenario.workload.application)
    plan = plan_of(scenario, 1, application)
    drawn = {call.method for submission in plan.submissions for call in submission.calls}
    kinds = {method.name: method.kind.value for method in application.interface.methods}
    assert {kinds[method] for method in drawn} == {"call"}
    assert "query" in kinds.values()
