"""What `covey simulate` says beside its results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.testkit.sim import Finding, Plan
from covey.testkit.sim.regression import Regression, save_regression
from tests.unit.testkit.sim.worlds import calls, put, small_plan

KV = Path(__file__).parents[3] / "apps" / "kv" / "kv.covey"


def test_scenario_without_faults_says_so(run, tmp_path):
    """Green, and nothing went wrong in it: a name is all that a file needs."""
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nworkload.calls = [5, 9]\nlasts_s = [1.0, 2.0]\n')
    ran = run("simulate", "--scenario", path, "--seeds", "1", "--json")
    assert ran.code == 0
    assert json.loads(ran.out.splitlines()[0])["faults"].keys() <= {"late-join"}
    said = "covey: the scenario mine has no faults: `[faults]` in its file switches them on\n"
    assert ran.err == said


@pytest.fixture
def plan() -> Plan:
    """A call."""
    return small_plan(submissions=(calls("n0", 1.0, put("k", "v")),))


def test_finding_is_told_once(run, tmp_path, monkeypatch, plan):
    """A terminal shows both outputs."""
    path = save_regression(Regression(Finding("checkers", "a promise", 1.0), plan), tmp_path)
    monkeypatch.setattr("covey.testkit.sim.world._STEPS_PER_NODE_MAX", 30)
    ran = run("simulate", "--replay", path)
    assert ran.code == 1
    assert (ran.out + ran.err).count("the simulation does not come to rest") == 1
    ran = run("simulate", "--replay", path, "--json")
    assert "the simulation does not come to rest" in ran.err


def test_application_is_named_with_its_release(run, tmp_path, monkeypatch):
    """In the sum, in the page, and in the page's name: several are compared."""
    monkeypatch.chdir(tmp_path)
    arguments = ("simulate", "--scenario", "quick", "--app", KV)
    ran = run(*arguments, "--seeds", "1")
    assert "kv, release bafk" in ran.out
    assert " of them (" in ran.out
    ran = run(*arguments, "--explain", "1")
    assert ran.out == "quick-kv-1.html shows seed 1\n"
    page = Path("quick-kv-1.html").read_text("utf-8")
    assert "<li>kv, release bafk" in page
    assert " took effect</li>" in page
