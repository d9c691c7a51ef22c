"""What is particular to the second engine; what it shares with the first is in tests/contract."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import wasmtime

from covey.errors import ConfigError
from covey.model import Failure, Interface
from covey.runtime.engine import CompiledModule, Guest, Interrupt, stop
from covey.runtime.module import ModuleFacts, PreparedModule
from covey.runtime.wasmer_engine import WasmerEngine, is_available

pytestmark = pytest.mark.skipif(not is_available(), reason="this Python has no wasmer")

FUEL = 1_000
# Prepared by hand: what the engine relies on, not a copy of what the rewriter does.
ENTRIES = {
    "pass": "(local.get 0)",
    "ask": """(call $input (i32.const -1) (i32.const 4) (local.get 0)) (global.set $fuel) (drop)
              (call $add (i32.const 1) (i32.const 2) (i32.const 3) (i32.const -4) (i64.const -5)
                (global.get $fuel)) (global.set $fuel)
              (call $time (global.get $fuel)) (global.set $fuel) (global.set $told)
              (i64.ne (global.get $told) (i64.const -7)) (if (then unreachable))
              (global.get $fuel)""",
    "grow": """(drop (memory.grow (i32.const 255)))
               (call $output (i32.const 0) (i32.const 0) (local.get 0))""",
    "remember": """(i32.load (i32.const 0)) (if (then unreachable))
                   (i32.store (i32.const 0) (i32.const 1)) (local.get 0)""",
    "deep": "(call $deep (local.get 0))",
}
MODULE = f"""(module
(import "covey" "input" (func $input (param i32 i32 i64) (result i32 i64)))
(import "covey" "output" (func $output (param i32 i32 i64) (result i64)))
(import "covey" "add" (func $add (param i32 i32 i32 i32 i64 i64) (result i64)))
(import "covey" "time" (func $time (param i64) (result i64 i64)))
(memory (export "memory") 1 256)
(global $fuel (export "covey:fuel") (mut i64) (i64.const {FUEL}))
(global (export "covey:stack") (mut i32) (i32.const 100))
(global $told (mut i64) (i64.const 0))
(func $deep (param i64) (result i64) (i64.add (call $deep (local.get 0)) (i64.const 1)))
{{entries}})"""


def prepared(**entries: str) -> PreparedModule:
    functions = "".join(
        f'(func (export "{name}") (param i64) (result i64) {body})'
        for name, body in entries.items()
    )
    facts = ModuleFacts(
        interface=Interface("covey/1", (), ()),
        entries=tuple(entries),
        floats=False,
        memory_pages=1,
        is_restorable=False,
    )
    return PreparedModule(facts, bytes(wasmtime.wat2wasm(MODULE.replace("{entries}", functions))))


@pytest.fixture(scope="module")
def module() -> CompiledModule:
    return WasmerEngine().compile(prepared(**ENTRIES))


def resident_kib() -> int:
    """Memory of this process now: the highest ever would hide what it grows by."""
    size_bytes: int = psutil.Process().memory_info().rss
    return size_bytes // 1024


class Heard:
    """Host functions that note what reaches them."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self.functions = {
            "input": self.input,
            "add": self.add,
            "time": lambda _guest: -7,
            "output": lambda guest, _pointer, _length: self.said.append(guest.size_bytes),
        }

    def input(self, guest: Guest, pointer: int, cap: int) -> int:
        self.said.append((pointer, cap, guest.size_bytes, guest.fuel))
        guest.charge(100)
        return 0xFFFF_FFFF

    def add(self, guest: Guest, *values: int) -> None:
        self.said.append(values)
        guest.charge(1)


def test_numbers_cross_as_the_interface_says(module):
    """i32 unsigned, i64 signed, fuel apart; the library itself gives every number signed."""
    heard = Heard()
    run = module.run("ask", heard.functions, FUEL, Interrupt())
    assert run.stopped is None
    assert run.fuel == 101
    assert heard.said == [(2**32 - 1, 4, 65_536, FUEL), (1, 2, 3, 2**32 - 4, -5)]


def test_memory_that_grew_is_seen_at_the_next_entry(module):
    """A base or size kept from before would be another memory's."""
    heard = Heard()
    module.run("grow", heard.functions, FUEL, Interrupt())
    assert heard.said == [256 * 65_536]


def test_each_run_has_a_fresh_instance(module):
    """What one call leaves in memory is no other call's business."""
    for _ in range(3):
        assert module.run("remember", {}, FUEL, Interrupt()).stopped is None


def test_what_a_host_function_raises_comes_out_unchanged(module):
    """A damaged store, found while a guest waits, must end as what it is."""
    error = KeyError("broken")

    def broken(*_: object) -> int:
        raise error

    with pytest.raises(KeyError) as raised:
        module.run("ask", {"input": broken}, FUEL, Interrupt())
    assert raised.value is error
    assert module.run("pass", {}, FUEL, Interrupt()).stopped is None


def test_a_run_that_the_host_stops_keeps_its_reason_and_fuel(module):
    """The reason is the guest's verdict, and what was charged before it was spent."""

    def refuse(guest: Guest, *_: int) -> int:
        guest.charge(5)
        stop(Failure.REFUSED, "no")

    run = module.run("ask", {"input": refuse}, FUEL, Interrupt())
    assert run.fuel == 5
    assert run.stopped is not None
    assert (run.stopped.failure, run.stopped.message) == (Failure.REFUSED, "no")


@pytest.mark.parametrize("fuel", [5, 4, 1])
def test_a_host_function_that_takes_the_last_fuel_ends_the_run(module, fuel):
    """A run completes only with some left."""

    def dear(guest: Guest, *_: int) -> int:
        guest.charge(5)
        return 0

    run = module.run("ask", {"input": dear}, fuel, Interrupt())
    assert run.fuel == fuel
    assert run.stopped is not None
    assert run.stopped.failure is Failure.OUT_OF_FUEL


def test_an_interrupt_is_seen_where_the_code_enters_the_host(module):
    """The engine cannot be stopped from outside, so the host looks itself."""
    interrupt = Interrupt()

    def interrupted(*_: object) -> int:
        interrupt.reason = Failure.HOST_FAULT
        return 0

    run = module.run("ask", {**Heard().functions, "input": interrupted}, FUEL, interrupt)
    assert run.stopped is not None
    assert run.stopped.failure is Failure.HOST_FAULT
    run = module.run("pass", {}, FUEL, interrupt)
    assert run == type(run)(0, run.stopped)
    assert run.stopped is not None


def test_a_native_stack_that_ends_first_is_no_verdict(module):
    """Only code that no preparation has seen gets there; the process goes on."""
    run = module.run("deep", {}, FUEL, Interrupt())
    assert run.stopped is not None
    assert run.stopped.failure is Failure.HOST_FAULT
    assert module.run("pass", {}, FUEL, Interrupt()).stopped is None


def test_a_module_that_does_not_parse_is_refused_and_harms_no_other(module, capfd):
    """The validator comes before, so this is a mistake of ours: still no reason to end a node."""
    with pytest.raises(ConfigError, match="refused"):
        WasmerEngine().compile(PreparedModule(module.facts, b"\0asm\1\0\0\0\x99\x01\0"))
    assert module.run("pass", {}, FUEL, Interrupt()).stopped is None
    assert (
        WasmerEngine()
        .compile(prepared(go="(local.get 0)"))
        .run("go", {}, FUEL, Interrupt())
        .stopped
        is None
    )


def test_data_that_does_not_fit_is_noticed_at_installation():
    """Not at the first call."""
    module = prepared(go="(local.get 0)")
    text = MODULE.replace("{entries}", '(data (i32.const 65535) "ab")')
    code = bytes(wasmtime.wat2wasm(text))
    with pytest.raises(ConfigError, match="out of bounds"):
        WasmerEngine().compile(PreparedModule(module.facts, code))


def test_no_native_code_is_given_or_taken(module):
    """A file of native code would be one more way in."""
    assert module.serialize() is None
    with pytest.raises(ConfigError):
        WasmerEngine().load(module.facts, b"")


def test_build_names_engine_compiler_and_machine():
    """It is part of what a cached module is known by."""
    build = WasmerEngine().build
    assert build.startswith("wasmer 1.1.0 cranelift 1.1.0 ")


@pytest.mark.parametrize("entry", ["ask", "grow"])
def test_memory_stays_flat_over_many_runs(module, entry):
    """An instance that is kept by a frame, a view or a cycle would show within thousands."""
    functions = {**Heard().functions, "input": lambda *_: stop(Failure.REFUSED, "no")}
    functions["output"] = lambda *_: None

    def repeat() -> None:
        for _ in range(5_000):
            module.run(entry, functions, FUEL, Interrupt())

    repeat()
    before_kib = resident_kib()
    repeat()
    assert resident_kib() - before_kib < 4 * 1024


def test_a_module_that_is_dropped_is_gone():
    """A circle through the library's objects is one that no collector sees."""
    engine, prepared_module = WasmerEngine(), prepared(**ENTRIES)

    def repeat() -> None:
        for _ in range(300):
            engine.compile(prepared_module).run("pass", {}, FUEL, Interrupt())

    repeat()
    before_kib = resident_kib()
    repeat()
    assert resident_kib() - before_kib < 4 * 1024


def test_no_view_of_memory_outlives_a_host_function(module):
    """Not with an error either: it belongs to the engine's thread, and errors leave that."""
    kept: list[memoryview] = []

    def broken(guest: Guest, *_: int) -> int:
        kept.append(guest.memory)
        raise KeyError("broken")

    with pytest.raises(KeyError):
        module.run("ask", {"input": broken}, FUEL, Interrupt())
    with pytest.raises(ValueError, match="released"):
        kept[0][0]


BOTH = """
import sys
from covey.runtime import new_engine
from covey.runtime.engine import Interrupt
from tests.unit.runtime.test_wasmer_engine import prepared
module = prepared(boom="unreachable", far="(i64.load (i32.const 70000))")
engines = [new_engine(name) for name in sys.argv[1:]]
compiled = [engine.compile(module) for engine in engines]
for _ in range(3):
    for each in (*compiled, *reversed(compiled)):
        print([str(each.run(entry, {}, 1000, Interrupt()).stopped) for entry in ("boom", "far")])
"""


@pytest.mark.parametrize("names", [("wasmtime", "wasmer"), ("wasmer", "wasmtime")])
def test_both_engines_trap_in_one_process(names):
    """Both catch traps by signals, and each has to leave the other's alone."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", BOTH, *names], cwd=root, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 12
    assert set(lines) == {
        str(["the code reached `unreachable`", "the code reached outside its memory"])
    }
