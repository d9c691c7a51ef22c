"""One seed is one run, bit for bit: what cannot be repeated cannot be understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from covey.testkit.sim import load_application, load_scenario, plan_of
from tests.simulation.seeds import run_seed

_COMMAND = (sys.executable, "-m", "covey.cli.main", "simulate", "--scenario", "quick")


def run_apart(hash_seed: str) -> list[dict[str, object]]:
    """Some seeds in a process of their own, under one seed of Python's hashes."""
    ran = subprocess.run(
        [*_COMMAND, "--seeds", "1..12", "--json"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_results_do_not_depend_on_hash_order() -> None:
    """The order of a set never reaches an effect, a hash or a frame."""
    first, second = run_apart("1"), run_apart("2")
    assert [result["seed"] for result in first[:-2]] == list(range(1, 13))
    assert first == second


def test_results_of_another_process_are_those_of_this_one() -> None:
    """A seed that somebody reports is the same seed here."""
    theirs = {result["seed"]: result["trace"] for result in run_apart("0")[:-2]}
    assert {seed: run_seed("quick", seed).trace for seed in (5, 1)} == {
        seed: theirs[seed] for seed in (5, 1)
    }


def test_same_seed_gives_the_same_result_again() -> None:
    """Nothing is left over from one run to the next in a process."""
    first = run_seed("quick", 4)
    run_seed("quick", 9)
    assert run_seed("quick", 4) == first


def test_other_seed_gives_another_trace() -> None:
    """The trace tells runs apart, or its equality would mean nothing."""
    assert len({run_seed("quick", seed).trace for seed in range(1, 6)}) == 5


def test_same_seed_of_another_scenario_is_another_plan() -> None:
    """Else two scenarios would try the same things twice."""
    quick, everything = load_scenario("quick"), load_scenario("everything")
    arena = load_application(quick.workload.application)
    one, other = plan_of(quick, 1, arena), plan_of(everything, 1, arena)
    assert (one.faults, one.submissions) != (other.faults, other.submissions)
