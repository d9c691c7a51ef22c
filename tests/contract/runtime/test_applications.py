"""The example applications run as they are shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.model import Add, Call, Completed, Failed, Failure, Put
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries, batch, query

APPS = Path(__file__).parents[3] / "apps"


def installed(executor: BlockingExecutor, name: str) -> BlockingExecutor:
    executor.install(RELEASE, (APPS / name / f"{name}.wasm").read_bytes())
    return executor


def call(method: str, arguments: object) -> Call:
    return Call(method, json.dumps(arguments).encode())


@pytest.mark.parametrize("name", ["kv", "tally", "board", "text", "ledger"])
def test_application_installs(executor: BlockingExecutor, name: str) -> None:
    """The committed module keeps the rules of installation."""
    assert installed(executor, name)


def test_kv_sets_and_lists(executor: BlockingExecutor) -> None:
    """Two calls in one batch, then a query of what they left."""
    calls = (
        call("set", {"key": "a", "value": "1"}),
        call("set", {"key": "b", "value": "ü"}),
        call("set", {"key": ""}),
    )
    outcomes = installed(executor, "kv").run_batch(batch(*calls), Entries())
    effects = [o.effects for o in outcomes if isinstance(o, Completed)]
    assert effects == [(Put("entries", b"a", b"1"),), (Put("entries", b"b", "ü".encode()),)]
    assert isinstance(outcomes[2], Failed)
    assert outcomes[2].failure is Failure.REFUSED
    base = Entries(("entries", b"a", b"1"), ("entries", b"b", "ü".encode()))
    answer = executor.query(query(b"{}", "entries"), base)
    assert isinstance(answer, Completed)
    assert json.loads(answer.result)["entries"] == [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "ü"},
    ]


def test_tally_adds(executor: BlockingExecutor) -> None:
    """A counter is an effect of its own kind."""
    work = batch(call("add", {"name": "votes", "amount": 3}))
    (outcome,) = installed(executor, "tally").run_batch(work, Entries())
    assert isinstance(outcome, Completed), outcome
    assert outcome.effects == (Add("totals", b"votes", 3),)


def test_ledger_refuses_what_breaks_its_rule_and_keeps_the_rest(
    executor: BlockingExecutor,
) -> None:
    """Its `validate` sees what the calls before it left, and what it refuses is not there."""
    pay = {"from": "a", "to": "b", "amount": 600_000}
    back = {"from": "b", "to": "a", "amount": 1}
    calls = call("pay", pay), call("pay", pay), call("pay", back)
    kept, refused, last = installed(executor, "ledger").run_batch(batch(*calls), Entries())
    assert isinstance(kept, Completed)
    assert isinstance(refused, Failed)
    assert (refused.failure, refused.message) == (
        Failure.REFUSED,
        "'b' would owe more than 1000000",
    )
    assert isinstance(last, Completed)
    assert last.effects == (Add("balances", b"a", -1), Add("balances", b"b", 1))
