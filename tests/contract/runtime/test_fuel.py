"""Fuel is exact: the same on every run, engine and instance, and all of it is needed."""

from __future__ import annotations

import pytest

from covey.model import Completed, Failed, Failure, limits
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch, run


def _busy(script: Script) -> bytes:
    return script.build(
        "(local.set $n (i32.const 50))"
        "(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
        + script.put("items", "k", "value")
        + script.get("items", "k")
        + script.log("line")
    )


def test_call_completes_only_with_fuel_left(
    executor: BlockingExecutor, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With exactly what it uses it runs out, with one more it does not."""
    outcome = run(executor, _busy(script))
    assert isinstance(outcome, Completed)
    monkeypatch.setattr(limits, "CALL_FUEL_MAX", outcome.fuel + 1)
    assert executor.run_batch(batch(), Entries()) == (outcome,)
    monkeypatch.setattr(limits, "CALL_FUEL_MAX", outcome.fuel)
    (short,) = executor.run_batch(batch(), Entries())
    assert isinstance(short, Failed)
    assert (short.failure, short.fuel) == (Failure.OUT_OF_FUEL, outcome.fuel)


def test_every_smaller_amount_runs_out(
    executor: BlockingExecutor, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it happens, in code or in the host, all that was given counts as used."""
    outcome = run(executor, _busy(script))
    assert isinstance(outcome, Completed)
    for fuel in [*range(1, 400, 7), *range(400, outcome.fuel, 997)]:
        monkeypatch.setattr(limits, "CALL_FUEL_MAX", fuel)
        (short,) = executor.run_batch(batch(), Entries())
        assert isinstance(short, Failed)
        assert (short.failure, short.fuel) == (Failure.OUT_OF_FUEL, fuel)


def test_failed_call_says_what_it_used(executor: BlockingExecutor, script: Script) -> None:
    """To the unit: a trap after more work has used more."""
    line = script.log("12345678")
    idle = run(executor, script.build("unreachable"))
    longer = run(executor, script.build(line + "unreachable"))
    assert isinstance(idle, Failed)
    assert isinstance(longer, Failed)
    assert 0 < longer.fuel - idle.fuel - (limits.HOST_CALL_FUEL + 8) < 20
    assert executor.run_batch(batch(), Entries()) == (longer,)


def test_fuel_of_a_refusal_ends_at_the_price_that_was_paid(
    executor: BlockingExecutor, script: Script
) -> None:
    """A host function that says no took its price before, and nothing after."""
    outside = run(executor, script.build("(drop (call $input (i32.const -1) (i32.const 1)))"))
    unknown = run(executor, script.build(script.get("nowhere", "k")))
    assert isinstance(outside, Failed)
    assert isinstance(unknown, Failed)
    assert (outside.failure, unknown.failure) == (Failure.TRAP, Failure.FORBIDDEN)
    price = limits.HOST_CALL_FUEL + len("nowherek")
    assert 0 < unknown.fuel - outside.fuel - price < 20


def test_installing_again_changes_nothing(executor: BlockingExecutor, script: Script) -> None:
    """Compiled twice, run warm and run first: one number."""
    module = _busy(script)
    seen = set()
    for _ in range(3):
        executor.install(RELEASE, module)
        seen |= {executor.run_batch(batch(), Entries())[0].fuel for _ in range(3)}
    assert len(seen) == 1
