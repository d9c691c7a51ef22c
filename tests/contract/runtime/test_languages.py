"""One application in four languages, on every engine: the same effects, events, log and results.

tests/unit/apps holds the languages against each other on a host of its own, with many more
arguments; here it is the node's host that decides what a call becomes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from covey.model import Add, Call, Completed, Failed, Failure, Outcome
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import MEMBER, RELEASE, Entries, batch, query

APPS = Path(__file__).parents[3] / "apps"
TALLIES = ("tally", "tally-zig", "tally-rust", "tally-assemblyscript")
PROBES = tuple(f"sdk/probe/{name}" for name in ("c", "zig", "rust", "assemblyscript"))


def install(executor: BlockingExecutor, name: str) -> None:
    executor.install(RELEASE, (APPS / name / f"{Path(name).name}.wasm").read_bytes())


def without_fuel(outcome: Outcome) -> Outcome:
    """Fuel is the one thing that differs between two modules."""
    return replace(outcome, fuel=0)


def test_batches_of_a_tally_agree(executor: BlockingExecutor) -> None:
    """A refused call, one that sees the calls before it, and names that need escapes."""
    calls = (
        Call("add", b'{"name":"a","amount":3}'),
        Call("add", b'{"name":""}'),
        Call("add", b'{"name":"\\ud83e\\udd86 \\" \\u0001"}'),
        Call("add", b'{"name":"a","amount":-9007199254740991}'),
        Call("add", b'{"name":"a","amount":1e3}'),
    )
    said = []
    for name in TALLIES:
        install(executor, name)
        outcomes = executor.run_batch(batch(*calls), Entries())
        said.append([without_fuel(outcome) for outcome in outcomes])
        assert all(outcome.fuel > 5000 for outcome in outcomes)
    assert said == [said[0]] * len(TALLIES)
    first, second, *_ = said[0]
    assert isinstance(first, Completed)
    assert first.effects == (Add("totals", b"a", 3),)
    assert first.result == b'{"total":3}'
    assert isinstance(second, Failed)
    assert second.failure is Failure.REFUSED


def test_queries_of_a_tally_agree(executor: BlockingExecutor) -> None:
    """A scan of several pages."""
    names = [f"{i:0128}".encode() for i in range(400)]
    base = Entries(*(("totals", name, bytes(8)) for name in names))
    said = []
    for name in TALLIES:
        install(executor, name)
        said.append(without_fuel(executor.query(query(b'{"limit":1000}', "totals"), base)))
    assert said == [said[0]] * len(TALLIES)
    assert isinstance(said[0], Completed)
    assert len(json.loads(said[0].result)["totals"]) == 400


def test_every_function_of_the_host_agrees(executor: BlockingExecutor) -> None:
    """The probe calls all eighteen, so that a wrong declaration in an SDK shows."""
    arguments = {
        "key": "k", "value": "00ff10ab", "list": [1, None], "flag": False, "message": "é",
        "signature": "00" * 64, "signer": "00" * 32,
    }  # fmt: skip
    work = batch(Call("everything", json.dumps(arguments).encode()))
    said = []
    for name in PROBES:
        install(executor, name)
        (outcome,) = executor.run_batch(work, Entries())
        said.append(without_fuel(outcome))
    assert said == [said[0]] * len(PROBES)
    completed = said[0]
    assert isinstance(completed, Completed), completed
    assert [effect.key for effect in completed.effects] == [b"k", bytes(MEMBER) + b"k"]
    assert len(completed.events) == 1
    assert completed.log == ("probe",)
