"""The default engine by itself, on hand-made modules that a hostile instrumenter might make."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable

import psutil
import pytest
import wasmtime

from covey.errors import ConfigError, StoreError
from covey.model import Failure, Interface, limits
from covey.runtime import Interrupt
from covey.runtime.engine import Guest, GuestStopped, HostFunctions, Run, stop
from covey.runtime.module import ModuleFacts, PreparedModule
from covey.runtime.wasmtime_engine import WasmtimeEngine

IMPORTS = """
(import "covey" "input" (func $input (param i32 i32 i64) (result i32 i64)))
(import "covey" "log" (func $log (param i32 i32 i64) (result i64)))
(import "covey" "add" (func $add (param i32 i32 i32 i32 i64 i64) (result i64)))
(import "covey" "time" (func $time (param i64) (result i64 i64)))
"""
COUNTERS = """
(global $fuel (export "covey:fuel") (mut i64) (i64.const 5))
(global $stack (export "covey:stack") (mut i32) (i32.const 5))
"""


def module(body: str, *, pages: int = 1, restorable: bool = True, rest: str = "") -> PreparedModule:
    """In the prepared form, but it meters nothing: `go` does what it is told, then returns."""
    code = (
        f'(module {IMPORTS} {COUNTERS} (memory (export "memory") {pages}) {rest}'
        f' (func (export "go") (param $f i64) (result i64) (local $n i32) {body} (local.get $f)))'
    )
    facts = ModuleFacts(
        interface=Interface("covey/1", (), ()),
        entries=("go",),
        floats=False,
        memory_pages=pages,
        is_restorable=restorable,
    )
    return PreparedModule(facts, bytes(wasmtime.wat2wasm(code)))


class Watcher:
    """Host functions that look at memory."""

    def __init__(self, look: Callable[[Guest], None] = lambda _guest: None) -> None:
        self.seen: list[bytes] = []
        self.guest: Guest | None = None
        self._look = look
        self.functions: HostFunctions = {
            "log": self.log,
            "time": lambda _guest: 7,
            "add": self.add,
        }

    def log(self, guest: Guest, pointer: int, length: int) -> None:
        self.guest = guest
        self.seen.append(guest.read(pointer, length))
        self._look(guest)

    def add(self, guest: Guest, a: int, b: int, c: int, d: int, amount: int) -> None:
        self.seen.append(repr((a, b, c, d, amount)).encode())


def run(
    engine: WasmtimeEngine, prepared: PreparedModule, watcher: Watcher, times: int = 1
) -> list[Run]:
    compiled = engine.compile(prepared)
    return [compiled.run("go", watcher.functions, 100, Interrupt()) for _ in range(times)]


SHOW = "(local.set $f (call $log (i32.const 0) (i32.const 4) (local.get $f)))"
SPOIL = "(i32.store (i32.const 0) (i32.const -1))"


@pytest.fixture(scope="module")
def engine() -> WasmtimeEngine:
    return WasmtimeEngine()


@pytest.mark.parametrize("restorable", [True, False])
@pytest.mark.parametrize("pages", [1, limits.WARM_MEMORY_PAGES_MAX + 1])
def test_memory_is_fresh_however_it_is_made_so(
    engine: WasmtimeEngine, *, restorable: bool, pages: int
) -> None:
    """Restored where that is cheaper, mapped anew where not."""
    prepared = module(
        SHOW + SPOIL, pages=pages, restorable=restorable, rest='(data (i32.const 0) "seed")'
    )
    watcher = Watcher()
    assert run(engine, prepared, watcher, 3) == [Run(0, None)] * 3
    assert watcher.seen == [b"seed"] * 3


def test_memory_that_grew_does_not_stay(engine: WasmtimeEngine) -> None:
    """Also where it grew after the last look that the host had."""
    grow = "(i32.store (i32.const 0) (memory.size)) " + SHOW + "(drop (memory.grow (i32.const 1)))"
    watcher = Watcher()
    run(engine, module(grow), watcher, 3)
    assert watcher.seen == [b"\1\0\0\0"] * 3


def test_host_follows_memory_that_grows_between_two_entries(engine: WasmtimeEngine) -> None:
    """What it has not seen yet is there as soon as it is asked for, and nothing behind it."""
    ends = [65_536, 4 * 65_536]
    sizes: list[int] = []

    def look(guest: Guest) -> None:
        end = ends[len(sizes)]
        assert guest.read(end - 4, 4) == bytes(4)
        with pytest.raises(GuestStopped, match=f"within the {end} bytes"):
            guest.check(end - 3, 4)
        sizes.append(guest.size_bytes)

    watcher = Watcher(look)
    body = SHOW + "(drop (memory.grow (i32.const 3)))" + SPOIL + SHOW
    run(engine, module(body), watcher)
    assert sizes == ends
    assert watcher.seen == [bytes(4), b"\xff" * 4]


def test_guest_whose_instance_is_gone_has_no_memory(engine: WasmtimeEngine) -> None:
    """Asking the engine where memory of a closed store lies would be a segfault."""
    guests: list[Guest] = []
    run(engine, module(SHOW + "unreachable"), Watcher(guests.append))
    with pytest.raises(GuestStopped, match="within the 0 bytes"):
        guests[0].check(0, 1)


def test_view_of_memory_does_not_outlive_its_instance(engine: WasmtimeEngine) -> None:
    """Reading it would be a segfault: Python says so instead."""
    views: list[memoryview] = []
    watcher = Watcher(lambda guest: views.append(guest.memory))
    run(engine, module(SHOW + "unreachable"), watcher)
    with pytest.raises(ValueError, match="released"):
        views[0].tobytes()


def test_arguments_are_unsigned_words_and_signed_numbers(engine: WasmtimeEngine) -> None:
    """Whatever lies in the upper half of a word."""
    body = (
        "(local.set $f (call $add (i32.const -1) (i32.const -2147483648) (i32.const 5)"
        "(i32.wrap_i64 (i64.const 0x7fffffff00000003)) (i64.const -9) (local.get $f)))"
    )
    watcher = Watcher()
    run(engine, module(body), watcher)
    assert watcher.seen == [repr((2**32 - 1, 2**31, 5, 3, -9)).encode()]


def test_error_of_the_host_is_raised_and_the_next_run_is_clean(engine: WasmtimeEngine) -> None:
    """A broken disk in the middle of a call."""
    broken = [True]

    def look(_guest: Guest) -> None:
        if broken[0]:
            raise StoreError("the disk is gone")

    watcher = Watcher(look)
    compiled = engine.compile(module(SPOIL.replace("-1", "77") + SHOW + SPOIL))
    with pytest.raises(StoreError, match="the disk is gone"):
        compiled.run("go", watcher.functions, 100, Interrupt())
    broken[0] = False
    assert compiled.run("go", watcher.functions, 100, Interrupt()) == Run(0, None)
    assert watcher.seen == [b"\x4d\0\0\0"] * 2


@pytest.mark.parametrize("end", ["stopped", "broken", "trap", "grown"])
def test_runs_that_end_early_leave_no_memory_behind(engine: WasmtimeEngine, end: str) -> None:
    """Failing on purpose, again and again, is the cheapest attack there is."""

    def look(guest: Guest) -> None:
        if end == "stopped":
            stop(Failure.REFUSED, "no")
        raise StoreError("the disk is gone")

    body = {"trap": "unreachable", "grown": "(drop (memory.grow (i32.const 1)))"}.get(end, SHOW)
    compiled, watcher = engine.compile(module(body)), Watcher(look)

    def fail(times: int) -> None:
        for _ in range(times):
            with contextlib.suppress(StoreError):
                compiled.run("go", watcher.functions, 100, Interrupt())
        watcher.seen.clear()
        gc.collect()

    process = psutil.Process()
    fail(500)
    before = process.memory_info().rss
    fail(3_000)
    assert process.memory_info().rss - before < 1_000_000  # 333 bytes a run


def test_watchdog_ends_code_that_does_not_meter_itself(engine: WasmtimeEngine) -> None:
    """If our metering were wrong, time ends the code: a host fault, and the engine goes on."""
    compiled = engine.compile(module("(loop $l (br $l))"))
    for reason in (Failure.HOST_FAULT, Failure.CANCELLED):
        interrupt, started = Interrupt(), time.monotonic()

        def bark(interrupt: Interrupt = interrupt, reason: Failure = reason) -> None:
            interrupt.reason = reason
            engine.interrupt()

        timer = threading.Timer(0.05, bark)
        timer.start()
        ended = compiled.run("go", {}, 100, interrupt)
        timer.join()
        assert time.monotonic() - started < 5
        assert ended.stopped is not None
        assert ended.stopped.failure is reason
    watcher = Watcher()
    assert run(engine, module(SHOW), watcher) == [Run(0, None)]


def test_interrupt_of_one_run_does_not_end_the_next(engine: WasmtimeEngine) -> None:
    """An instance that is kept has an old deadline, which is set again."""
    watcher = Watcher()
    compiled = engine.compile(module(SHOW))
    for _ in range(3):
        engine.interrupt()
        assert compiled.run("go", watcher.functions, 100, Interrupt()) == Run(0, None)


def test_interrupt_before_the_run_is_seen(engine: WasmtimeEngine) -> None:
    """Warm or not, nothing is executed."""
    watcher = Watcher()
    compiled = engine.compile(module(SHOW))
    for _ in range(2):
        early = compiled.run("go", watcher.functions, 100, Interrupt(Failure.CANCELLED))
        assert early.stopped is not None
        assert early.stopped.failure is Failure.CANCELLED
        assert compiled.run("go", watcher.functions, 100, Interrupt()) == Run(0, None)
    assert len(watcher.seen) == 2


def test_native_stack_overflow_is_a_host_fault(engine: WasmtimeEngine) -> None:
    """Should the counted stack not be short enough, this machine's is no verdict."""
    rest = (
        "(func $deep (param i64) (result i64) (i64.add (local.get 0) (call $deep (i64.const 1))))"
    )
    body = "(drop (call $deep (i64.const 0)))"
    (ended,) = run(engine, module(body, rest=rest), Watcher())
    assert ended.stopped is not None
    assert ended.stopped.failure is Failure.HOST_FAULT


@pytest.mark.parametrize(
    ("fuel", "stack", "failure", "word"),
    [
        (1, 1, Failure.TRAP, "unreachable"),
        (0, 1, Failure.OUT_OF_FUEL, "fuel"),
        (-5, -1, Failure.OUT_OF_FUEL, "fuel"),
        (1, -1, Failure.TRAP, "recursed"),
        (1, -(2**31), Failure.HOST_FAULT, "memory"),
    ],
)
def test_counters_explain_a_trap(
    engine: WasmtimeEngine, fuel: int, stack: int, failure: Failure, word: str
) -> None:
    """The rewritten code ends in `unreachable` where a counter is used up."""
    body = (
        f"(global.set $fuel (i64.const {fuel})) (global.set $stack (i32.const {stack})) unreachable"
    )
    (ended,) = run(engine, module(body), Watcher())
    assert ended.fuel == 100 - max(0, fuel)
    assert ended.stopped is not None
    assert ended.stopped.failure is failure
    assert word in ended.stopped.message


def test_return_without_fuel_is_no_completion(engine: WasmtimeEngine) -> None:
    """A run completes only with some left."""
    (ended,) = run(engine, module("(local.set $f (i64.const 0))"), Watcher())
    assert ended.fuel == 100
    assert ended.stopped is not None
    assert ended.stopped.failure is Failure.OUT_OF_FUEL


def test_warm_instances_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently used one goes; its module runs all the same."""
    monkeypatch.setattr(limits, "WARM_INSTANCES_MAX", 2)
    engine, views = WasmtimeEngine(), []
    watcher = Watcher(lambda guest: views.append(guest.memory))
    compiled = [engine.compile(module(SHOW)) for _ in range(3)]
    for one in compiled:
        one.run("go", watcher.functions, 100, Interrupt())
    with pytest.raises(ValueError, match="released"):
        views[0].tobytes()
    assert len(views[1]) == len(views[2]) == 65_536
    assert compiled[0].run("go", watcher.functions, 100, Interrupt()) == Run(0, None)


@pytest.mark.parametrize(
    "code",
    [
        '(module (memory (export "memory") 1) (func (v128.const i64x2 0 0) drop))',
        '(module (memory (export "memory") i64 1))',
        '(module (memory (export "memory") 1 1 shared))',
        '(module (memory (export "memory") 1) (memory 1))',
        '(module (memory (export "memory") 1) (func $f (return_call $f)))',
        '(module (memory (export "memory") 1) (func (drop (ref.null func))))',
        '(module (memory (export "memory") 1) (tag))',
    ],
)
def test_engine_refuses_what_validation_should_have(engine: WasmtimeEngine, code: str) -> None:
    """A second line: what is switched off here runs nowhere, whoever wrote it."""
    prepared = PreparedModule(module("").facts, bytes(wasmtime.wat2wasm(code)))
    with pytest.raises(ConfigError, match="the engine says"):
        engine.compile(prepared)


def test_module_that_does_not_start_is_refused(engine: WasmtimeEngine) -> None:
    """Data outside memory, for one."""
    prepared = module("", rest='(data (i32.const 65535) "ab")')
    with pytest.raises(ConfigError, match="does not start"):
        engine.compile(prepared)


def test_native_code_loads_and_nothing_else_does(engine: WasmtimeEngine) -> None:
    """What was kept runs; another thing is a refusal, not a crash."""
    compiled = engine.compile(module(SHOW))
    again = engine.load(compiled.facts, compiled.serialize())
    assert again.run("go", Watcher().functions, 100, Interrupt()) == Run(0, None)
    for native in (b"", b"\0asm\1\0\0\0", bytes(100)):
        with pytest.raises(ConfigError, match="does not take it"):
            engine.load(compiled.facts, native)


def test_build_names_what_native_code_depends_on(engine: WasmtimeEngine) -> None:
    """Version, configuration, system, processor; the same for each engine of a process."""
    assert engine.build == WasmtimeEngine().build
    assert engine.build.startswith("wasmtime 50.")
    assert str(limits.NATIVE_STACK_BYTES_MAX) in engine.build
