"""Calls that share a delta: where a batch ends, and that it comes out the same every time."""

from __future__ import annotations

from collections.abc import Callable

from covey.model import Call, Completed, Failed, Failure, limits
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch

FOREVER = "(loop $l (br $l))"


def failed(outcome: object) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.message
    assert "\n" not in outcome.message
    return outcome


def spender(script: Script, *more: str) -> bytes:
    """Runs as many loops (5 fuel each, about) as its arguments say, then does more."""
    body = (
        "(drop (call $input (i32.const 0) (i32.const 4)))"
        "(local.set $n (i32.load (i32.const 0)))"
        "(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
    return script.build(body + "".join(more))


def loops(count: int) -> Call:
    return Call("run", count.to_bytes(4, "little"))


def test_batch_ends_where_the_fuel_of_a_delta_does(
    executor: BlockingExecutor, script: Script
) -> None:
    """The sum over a delta is bounded as one call is; whoever asked comes again."""
    executor.install(RELEASE, spender(script))
    third = limits.CALL_FUEL_MAX // 15  # loops that use a third of the fuel, and a little less
    outcomes = executor.run_batch(batch(*[loops(third)] * 6), Entries())
    assert 1 <= len(outcomes) < 6
    used = [o.fuel for o in outcomes if isinstance(o, Completed)]
    assert len(used) == len(outcomes)
    assert sum(used) <= limits.CALL_FUEL_MAX < sum(used) + used[0]
    rest = executor.run_batch(batch(*[loops(third)] * (6 - len(outcomes))), Entries())
    assert isinstance(rest[0], Completed)


def test_call_that_runs_out_does_not_hold_up_the_others(
    executor: BlockingExecutor, script: Script
) -> None:
    """It fails by its own limit, first in a batch, and the calls after it go on."""
    executor.install(RELEASE, spender(script))
    calls = (loops(limits.CALL_FUEL_MAX), loops(1), loops(limits.CALL_FUEL_MAX))
    first = executor.run_batch(batch(*calls), Entries())
    assert [type(o) for o in first] == [Failed, Completed]  # the third waits for its full fuel
    assert failed(first[0]).failure is Failure.OUT_OF_FUEL
    (last,) = executor.run_batch(batch(*calls[2:]), Entries())
    assert failed(last).failure is Failure.OUT_OF_FUEL


def test_failing_calls_cannot_hold_the_engine(executor: BlockingExecutor, script: Script) -> None:
    """A batch of nothing but exhausted calls ends early."""
    executor.install(RELEASE, script.build(FOREVER))
    outcomes = executor.run_batch(batch(*[loops(1)] * 50), Entries())
    assert len(outcomes) == limits.BATCH_FUEL_MAX // limits.CALL_FUEL_MAX


def test_batch_ends_at_the_size_of_a_delta(executor: BlockingExecutor, script: Script) -> None:
    """A payload stays near its soft limit, but one large call is always taken."""
    key = "(i32.const 0) (i32.const 1)"
    put = f"(call $put {script.text('items')} {key} (i32.const 8) (i32.const 100000))"
    executor.install(RELEASE, script.build(put, memory='(memory (export "memory") 8)'))
    outcomes = executor.run_batch(batch(*[loops(1)] * 5), Entries())
    assert len(outcomes) == 2  # 200 KB; a third would pass 256 KiB
    large = Script()
    put = f"(call $put {large.text('items')} {key} (i32.const 8) (i32.const 400000))"
    executor.install(RELEASE, large.build(put, memory='(memory (export "memory") 8)'))
    assert len(executor.run_batch(batch(*[loops(1)] * 5), Entries())) == 1


def test_batch_takes_no_more_calls_than_a_delta(executor: BlockingExecutor, script: Script) -> None:
    """The recorded session has a stretch of 621 calls: three deltas."""
    executor.install(RELEASE, script.build())
    calls = [loops(1)] * 621
    counts = []
    while calls:
        counts.append(len(executor.run_batch(batch(*calls), Entries())))
        calls = calls[counts[-1] :]
    assert counts == [256, 256, 109]


def test_same_batch_gives_the_same_outcomes(executor: BlockingExecutor, script: Script) -> None:
    """Effects, events, results and fuel, to the unit; on another engine object too."""
    body = (
        "(call $random (i32.const 1024) (i32.const 32))"
        + script.emit(size="(i32.const 32)")
        + script.scan("items")
        + script.next()
        + script.emit()
        + script.put("items", "new", "1")
        + script.add("sums", "s", 3)
        + script.output("[1]")
    )
    executor.install(RELEASE, script.build(body))
    base = Entries(("items", b"a", b"1"), ("items", b"z", b"2"))
    work = batch(Call("run", b"1"), Call("nope", b""), Call("run", b"2"))
    first = executor.run_batch(work, base)
    assert executor.run_batch(work, base) == first
    assert len({o.fuel for o in first}) == 3  # the second reads one entry more


def test_host_functions_cost_what_the_table_says(executor: BlockingExecutor) -> None:
    """Prices are part of the interface: each against a call that does nothing else."""
    setup = "(drop (call $input (i32.const 0) (i32.const 0)))"

    def fuel(make: Callable[[Script], str]) -> int:
        script = Script()
        executor.install(RELEASE, script.build(setup + make(script)))
        base = Entries(("items", b"k", bytes(100)), ("items", b"l", bytes(10)))
        (outcome,) = executor.run_batch(batch(), base)
        assert isinstance(outcome, Completed), outcome
        return outcome.fuel

    nothing = fuel(lambda _script: "")
    cases: list[tuple[Callable[[Script], str], int]] = [
        (lambda s: s.log("12345678"), 5_000 + 8),
        (lambda s: s.output("12345678"), 5_000 + 168),
        (lambda s: "(call $member (i32.const 0))", 5_000 + 32),
        (lambda s: "(call $random (i32.const 0) (i32.const 50))", 5_000 + 300),
        (lambda s: "(call $sha256 (i32.const 0) (i32.const 50) (i32.const 0))", 5_000 + 32 + 150),
        (lambda s: s.get("items", "k"), 5_000 + 6 + 2_000 + 100),
        (lambda s: s.get("items", "k", cap=0), 5_000 + 6 + 2_000 + 100),
        (lambda s: s.put("items", "k", "12"), 5_000 + 6 + 2_000 + 2),
        (lambda s: s.delete("items", "k"), 5_000 + 6 + 4_000),
        (lambda s: s.add("sums", "k", 1), 5_000 + 5 + 2_000),
        (lambda s: s.scan("items", "k", "a"), 5_000 + 7 + 10_000),
        (
            lambda s: s.scan("items") + s.next(),
            5_000 + 5 + 10_000 + 5_000 + 2 * 500 + 109 + 19,
        ),
    ]
    for number, (make, price) in enumerate(cases):
        instructions = fuel(make) - nothing - price
        assert 0 < instructions <= 40, (number, instructions)
