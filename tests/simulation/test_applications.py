"""The same faults with real application code: WebAssembly runs inside the simulated network."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from covey.model import Call
from covey.runtime import BlockingExecutor, new_engine
from covey.testkit.sim import plan_of, simulate
from covey.testkit.sim.founding import RELEASE
from covey.testkit.sim.plan import Plan, Submission

_APPS = Path(__file__).parent.parent.parent / "apps"


def calls_of(application: str, rng: random.Random) -> Call:
    """A call that the application knows; some of them it refuses."""
    key, value = f"k{rng.randrange(4)}", f"v{rng.randrange(100)}"
    choices = {
        "kv": (
            ("set", {"key": key, "value": value}),
            ("remove", {"key": key}),
            ("set", {"key": key}),
        ),
        "tally": (
            ("add", {"name": key, "amount": rng.choice((1, -7, 2**53 - 1))}),
            ("add", {"name": key}),
            ("add", {"amount": 1}),
        ),
        "board": (
            ("set_profile", {"name": value}),
            ("remove_profile", {}),
            ("post", {"text": value}),
            ("attach", {"text": key}),
        ),
    }
    method, arguments = rng.choice(choices[application])
    return Call(method, json.dumps(arguments).encode())


def with_calls_of(plan: Plan, application: str) -> Plan:
    """The plan with this application's calls, and without the forgeries made for another."""
    rng = random.Random(f"{plan.seed}/{application}")
    submissions = tuple(
        Submission(s.at_s, s.node, tuple(calls_of(application, rng) for _ in s.calls))
        for s in plan.submissions
    )
    return replace(plan, submissions=submissions, doctored=None, misdeeds=())


@pytest.mark.parametrize("application", ["kv", "tally", "board"])
def test_application_converges_under_faults(application: str) -> None:
    """All four merge rules, written by compiled code, read back from state that is merging."""
    executor = BlockingExecutor(new_engine())
    interface = executor.install(
        RELEASE, (_APPS / application / f"{application}.wasm").read_bytes()
    )
    deltas = 0
    for seed in range(1, 7):
        plan = with_calls_of(plan_of(seed), application)
        deltas += simulate(plan, executor, interface.collections).deltas
    assert deltas > 60
