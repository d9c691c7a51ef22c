"""One seed is one run, bit for bit: what cannot be repeated cannot be understood."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from covey.testkit.sim import plan_of, simulate

_SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "simulate.py"


def run_apart(hash_seed: str) -> list[dict[str, object]]:
    """Three seeds in a process of their own, under one seed of Python's hashes."""
    ran = subprocess.run(
        [sys.executable, str(_SCRIPT), "--seeds", "1..3", "--json"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_trace_does_not_depend_on_hash_order() -> None:
    """The order of a set never reaches an effect, a hash or a frame."""
    first, second = run_apart("1"), run_apart("2")
    assert len(first) == 3
    assert first == second


def test_same_seed_gives_the_same_trace_again() -> None:
    """Nothing is left over from one run to the next in a process."""
    assert simulate(plan_of(4)) == simulate(plan_of(4))


def test_other_seed_gives_another_trace() -> None:
    """The trace tells runs apart, or its equality would mean nothing."""
    assert simulate(plan_of(4)).trace != simulate(plan_of(5)).trace
