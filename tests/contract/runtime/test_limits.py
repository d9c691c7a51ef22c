"""Code that wants too much: it is stopped, says why, and leaves nothing behind."""

from __future__ import annotations

import time

import pytest

from covey.errors import NotFound, StoreError
from covey.model import Call, Completed, Failed, Failure, ReleaseId, limits
from covey.runtime import BlockingExecutor, Engine, InstalledModule, Interrupt
from tests.contract.runtime.guests import (
    RELEASE,
    Entries,
    Script,
    ask,
    batch,
    query,
    run,
)

FOREVER = "(loop $l (br $l))"


def failed(outcome: object) -> Failed:
    assert isinstance(outcome, Failed), outcome
    assert outcome.message
    assert "\n" not in outcome.message
    return outcome


@pytest.mark.parametrize(
    "body",
    [
        FOREVER,
        "(loop $l (drop (call $input (i32.const 0) (i32.const 0))) (br $l))",
        "(loop $l (call $sha256 (i32.const 0) (i32.const 60000) (i32.const 0)) (br $l))",
        "(loop $l (call $random (i32.const 0) (i32.const 60000)) (br $l))",
        "(loop $l (call $random (i32.const 0) (i32.const 1)) (br $l))",
        "(loop $l (drop (call $verify (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9)))"
        "(br $l))",
        "(loop $l (call $log (i32.const 0) (i32.const 1000)) (br $l))",
        "(loop $l (call $output (i32.const 0) (i32.const 65536)) (br $l))",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
    ],
)
def test_endless_code_runs_out_of_fuel(
    executor: BlockingExecutor, script: Script, body: str
) -> None:
    """Whatever it spends its time on, it ends soon."""
    started = time.process_time()
    outcome = failed(run(executor, script.build(body)))
    assert time.process_time() - started < 5
    assert outcome.failure is Failure.OUT_OF_FUEL
    assert outcome.fuel == limits.CALL_FUEL_MAX


def test_query_has_its_own_larger_limit(executor: BlockingExecutor, script: Script) -> None:
    """Local work may take longer, and still ends."""
    count = limits.CALL_FUEL_MAX // 4
    body = (
        f"(local.set $n (i32.const {count}))"
        "(loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
    )
    module = script.build(body, ask=body)
    assert failed(run(executor, module)).failure is Failure.OUT_OF_FUEL
    assert isinstance(ask(executor, module), Completed)
    outcome = failed(ask(executor, script.build(ask=FOREVER)))
    assert outcome.failure is Failure.OUT_OF_FUEL
    assert outcome.fuel == limits.QUERY_FUEL_MAX


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("unreachable", "unreachable"),
        ("(drop (i32.div_u (i32.const 1) (local.get $n)))", "zero"),
        ("(drop (i32.rem_s (i32.const 1) (local.get $n)))", "zero"),
        ("(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))", "overflow"),
        ("(drop (i32.load (i32.const 65533)))", "memory"),
        ("(drop (i32.load (i32.const -1)))", "memory"),
        ("(i64.store offset=4294967295 (i32.const -1) (i64.const 1))", "memory"),
        ("(call_indirect (i32.const 0))", "table"),
        ("(call_indirect (i32.const 7))", "table"),
        ("(call_indirect (param i32) (i32.const 1) (i32.const 1))", "type"),
    ],
)
def test_traps_say_what_happened(
    executor: BlockingExecutor, script: Script, body: str, word: str
) -> None:
    """One sentence for whoever wrote the code; the effects before it are gone."""
    rest = "(table 2 funcref) (elem (i32.const 1) $nothing) (func $nothing)"
    outcome = failed(run(executor, script.build(script.put("items", "k", "v") + body, rest=rest)))
    assert outcome.failure is Failure.TRAP
    assert word in outcome.message


@pytest.mark.parametrize("locals_count", [0, 1000])
def test_deep_recursion_is_a_verdict(
    executor: BlockingExecutor, script: Script, locals_count: int
) -> None:
    """The code counts its own stack, so it ends at the same depth on every machine."""
    rest = (
        f"(func $deep (param i64) (result i64) {'(local i64)' * locals_count}"
        "(i64.add (local.get 0) (call $deep (i64.add (local.get 0) (i64.const 1)))))"
    )
    body = "(drop (call $deep (i64.const 0)))"
    outcome = failed(run(executor, script.build(body, rest=rest)))
    assert outcome.failure is Failure.TRAP
    assert "recursed" in outcome.message


def test_memory_grows_to_its_bound(executor: BlockingExecutor, script: Script) -> None:
    """Beyond it, growing fails in the guest as the specification says."""
    grow = "(local.set $n (memory.grow (i32.const {})))"
    body = grow.format(limits.MEMORY_PAGES_MAX - 1) + script.emit_number()
    body += grow.format(1) + script.emit_number()
    outcome = run(executor, script.build(body))
    assert isinstance(outcome, Completed)
    assert [e.data for e in outcome.events] == [b"\1\0\0\0", b"\xff\xff\xff\xff"]


def test_host_functions_follow_memory_that_grows(
    executor: BlockingExecutor, script: Script
) -> None:
    """What was outside before growing is inside after it."""
    at = 20 * 65_536 + 5
    body = (
        "(drop (memory.grow (i32.const 30)))"
        f"(drop (call $input (i32.const {at}) (i32.const 10)))"
        f"(call $output (i32.const {at}) (i32.const 2))"
    )
    outcome = run(executor, script.build(body), arguments=b"42")
    assert isinstance(outcome, Completed)
    assert outcome.result == b"42"


def test_memory_does_not_outlive_a_call(executor: BlockingExecutor, script: Script) -> None:
    """No call can leave a message for the next, in memory, globals or tables."""
    rest = "(global $g (mut i32) (i32.const 5))"
    body = (
        "(local.set $n (i32.add (global.get $g) (i32.load (i32.const 0))))"
        + script.emit_number()
        + "(i32.store (i32.const 0) (i32.const 9)) (global.set $g (i32.const 9))"
    )
    executor.install(RELEASE, script.build(body, rest=rest))
    outcomes = executor.run_batch(batch(*[Call("run", b"{}")] * 3), Entries())
    assert [o.events[0].data for o in outcomes if isinstance(o, Completed)] == [b"\5\0\0\0"] * 3


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("(call $put ~items (i32.const 0) (i32.const 1025) ~key)", Failure.TOO_LARGE),
        ("(call $put ~items ~key (i32.const 0) (i32.const 1048577))", Failure.TOO_LARGE),
        ("(call $put (i32.const 0) (i32.const 65) ~key ~key)", Failure.TOO_LARGE),
        ("(call $put ~items (i32.const 0) (i32.const 0) ~key)", Failure.TRAP),
        ("(drop (call $scan ~items ~key (i32.const 0) (i32.const 1025)))", Failure.TOO_LARGE),
        ("(call $emit (i32.const 0) (i32.const 65) ~key)", Failure.TOO_LARGE),
        ("(call $emit ~key (i32.const 0) (i32.const 65537))", Failure.TOO_LARGE),
        ("(call $output (i32.const 0) (i32.const 4194305))", Failure.TOO_LARGE),
        ("(loop $l (call $emit ~key ~key) (br $l))", Failure.TOO_LARGE),
    ],
)
def test_what_is_too_large_stops_the_call(
    executor: BlockingExecutor, script: Script, body: str, failure: Failure
) -> None:
    """Sizes are bounded where they enter."""
    body = body.replace("~items", script.text("items")).replace("~key", script.text("key"))
    module = script.build(body, memory='(memory (export "memory") 80)')
    assert failed(run(executor, module)).failure is failure


def test_effects_of_one_call_are_bounded(executor: BlockingExecutor, script: Script) -> None:
    """By number and by size, before memory is."""
    key = "(i32.const 0) (i32.const 4)"
    count = "(i32.store (i32.const 0) (local.tee $n (i32.add (local.get $n) (i32.const 1))))"
    put = f"(call $put {script.text('items')} {key} (i32.const 8) (i32.const 0))"
    outcome = failed(run(executor, script.build(f"(loop $l {count} {put} (br $l))")))
    assert outcome.failure is Failure.TOO_LARGE
    assert str(limits.CALL_EFFECTS_MAX) in outcome.message
    large = Script()
    put = f"(call $put {large.text('items')} {key} (i32.const 8) (i32.const 1000000))"
    module = large.build(f"(loop $l {count} {put} (br $l))", memory='(memory (export "memory") 20)')
    assert failed(run(executor, module)).failure is Failure.TOO_LARGE


def test_arguments_over_the_limit_are_refused(executor: BlockingExecutor, script: Script) -> None:
    """Before the code is even started."""
    arguments = b" " * (limits.CALL_ARGUMENTS_BYTES_MAX + 1)
    outcome = failed(run(executor, script.build(), arguments=arguments))
    assert (outcome.failure, outcome.fuel) == (Failure.TOO_LARGE, 0)


def test_error_of_the_store_is_raised_as_it_is(
    engine: Engine, executor: BlockingExecutor, script: Script
) -> None:
    """A broken disk is no verdict on a call; and the engine works on afterwards."""

    class Broken(Entries):
        def get(self, collection: str, key: bytes) -> bytes | None:
            raise StoreError("the disk is gone")

    module = script.build(script.get("items", "k") + script.put("items", "k", "v"))
    executor.install(RELEASE, module)
    with pytest.raises(StoreError, match="the disk is gone"):
        executor.run_batch(batch(), Broken())
    assert isinstance(run(BlockingExecutor(engine), module), Completed)


def test_interrupted_work_says_so(executor: BlockingExecutor, script: Script) -> None:
    """An interrupt that came before the code began is not lost."""
    executor.install(RELEASE, script.build(ask=FOREVER))
    outcome = failed(executor.query(query(), Entries(), Interrupt(Failure.CANCELLED)))
    assert outcome.failure is Failure.CANCELLED
    outcomes = executor.run_batch(
        batch(Call("run", b"{}"), Call("run", b"{}")), Entries(), Interrupt(Failure.HOST_FAULT)
    )
    assert [failed(o).failure for o in outcomes] == [Failure.HOST_FAULT]


def test_unknown_release_is_not_found(engine: Engine, script: Script) -> None:
    """Or loaded, where somebody keeps modules."""
    with pytest.raises(NotFound):
        BlockingExecutor(engine).run_batch(batch(), Entries())
    with pytest.raises(NotFound):
        BlockingExecutor(engine, lambda _release: None).query(query(), Entries())
    loading = BlockingExecutor(engine, {RELEASE: InstalledModule(script.build())}.get)
    assert isinstance(loading.run_batch(batch(), Entries())[0], Completed)


def test_compiled_modules_are_bounded(engine: Engine, script: Script) -> None:
    """The least recently used is compiled again when it is wanted."""
    module, asked = script.build(), []

    def load(release: ReleaseId) -> InstalledModule:
        asked.append(release)
        return InstalledModule(module)

    executor = BlockingExecutor(engine, load)
    for number in range(limits.MODULES_CACHED_MAX):
        executor.install(ReleaseId(number.to_bytes(36, "big")), module)
    executor.run_batch(batch(), Entries())
    executor.run_batch(batch(), Entries())
    assert asked == [RELEASE]


def test_compiled_modules_are_bounded_in_bytes(
    engine: Engine, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Native code takes forty times a module's bytes; the one that is wanted stays."""
    module, asked = script.build(), []

    def load(release: ReleaseId) -> InstalledModule:
        asked.append(release)
        return InstalledModule(module)

    executor = BlockingExecutor(engine, load)
    executor.run_batch(batch(), Entries())
    monkeypatch.setattr(limits, "MODULES_CACHED_BYTES_MAX", 2 * len(module))
    executor.install(ReleaseId(bytes(36)), module)
    executor.run_batch(batch(), Entries())
    assert asked == [RELEASE]
    monkeypatch.setattr(limits, "MODULES_CACHED_BYTES_MAX", len(module) - 1)
    executor.install(ReleaseId(bytes(36)), module)
    executor.run_batch(batch(), Entries())
    executor.run_batch(batch(), Entries())
    assert asked == [RELEASE, RELEASE]
