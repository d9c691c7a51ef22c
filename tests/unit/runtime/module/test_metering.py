"""What the rewriting adds: fuel by stretches, stack by frames, runs that begin alike."""

from __future__ import annotations

import pytest
import wasmtime

from covey.model import limits
from covey.runtime import prepare_module
from covey.runtime.module import HOST_MEMORY_MARK, STACK_EXPORT
from covey.runtime.module.opcodes import OPCODES
from tests.unit.runtime.module.binaries import with_code
from tests.unit.runtime.module.running import (
    ENTRY,
    FUEL,
    MEMORY,
    Ended,
    assemble,
    module,
    run_original,
    run_prepared,
)

OUT = "TrapCode.UNREACHABLE"
LOG = "(call $log (i32.const 1) (i32.const 2))"
LOGGED = 12 + 5


def used(body: str, rest: str = "", **more: object) -> int:
    """Fuel of a run beyond its beginning."""
    ended = run_prepared(module(body, rest, **more))
    assert ended.trap is None
    return ended.fuel - ENTRY


@pytest.mark.parametrize(
    ("body", "fuel"),
    [
        ("", 0),
        ("(block (block))", 0),
        # Dead code costs nothing, and is not there.
        ("(block (br 0) (drop (i32.add (i32.const 1) (i32.const 2))))", 2),
        ("(return) (loop (br 0))", 2),
        ("(block (br 0) (block (loop (br 0)) (if (i32.const 1) (then (br 1)))))", 2),
        ("(block (result i32) (br 0 (i32.const 1)) (unreachable)) drop", 3),
        # Behind the end of a block code lives again.
        (f"(block (br 0) unreachable) {LOG}", 2 + LOGGED),
        # Only the arm taken is paid.
        (f"(if (i32.const 0) (then {LOG} {LOG}) (else {LOG}))", 3 + LOGGED),
        (f"(if (i32.const 1) (then {LOG} {LOG}) (else {LOG}))", 3 + 2 * LOGGED),
        ("(if (i32.const 1) (then (return)) (else unreachable)) unreachable", 3 + 2),
        # A loop is paid each time around.
        ("(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0)"
         " (i32.const 1))) (i32.const 1000))))", 8 * 1_000),
        # A stretch is charged at its start: what follows a trap in it is paid too.
        ("(block (br_if 0 (i32.const 1)) (drop (i32.div_u (i32.const 1) (i32.const 0))))", 3),
        ("(drop (call $time))", 10 + 5),
    ],
)  # fmt: skip
def test_fuel_is_exact(body: str, fuel: int) -> None:
    """The numbers are counted by hand from protocols/execution.md."""
    assert used(body) == fuel


def test_trap_has_paid_its_whole_stretch() -> None:
    """So an implementation has to cut code at the same places."""
    code = "(drop (i32.div_u (i32.const 1) (i32.const 0))) (drop (i32.const 1))"
    ended = run_prepared(module(code + LOG))
    assert ended.trap == "TrapCode.INTEGER_DIVISION_BY_ZERO"
    assert ended.fuel == ENTRY + 12 + 1 + 12


def test_endless_loop_runs_out_of_fuel() -> None:
    """Whatever form it has."""
    for body in ("(loop (br 0))", "(loop (block (br 1)))", "(loop (br_table 0 0 (i32.const 0)))"):
        ended = run_prepared(module(body), fuel=100_000)
        assert (ended.trap, ended.fuel >= 100_000) == (OUT, True)


def test_empty_loop_cannot_be_written_for_free() -> None:
    """Whatever goes back to a loop's start has a price, so that fuel ends every loop."""
    assert all(o.price > 0 for o in OPCODES.values() if o.name.startswith(("br", "call", "if")))


def test_run_with_less_than_its_beginning_never_starts() -> None:
    """The instance itself has a price, by its pages."""
    ended = run_prepared(module(LOG), fuel=ENTRY)
    assert (ended.trap, ended.told, ended.fuel) == (OUT, (), ENTRY)
    pages = module("", memory='(memory (export "memory") 10)')
    assert run_prepared(pages).fuel == 10_000 + 10 * 4_096


def test_bulk_memory_is_paid_by_the_byte_before_it_acts() -> None:
    """A length near 2^32 is out of fuel rather than out of bounds, on every node."""
    body = "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))"
    ended = run_prepared(module(body))
    assert ended.trap == OUT
    assert ended.fuel == ENTRY + 103 + (2**32 - 1) // 4
    assert not any(ended.memory)


def test_growth_is_paid_by_the_page_and_capped() -> None:
    """What is not given costs nothing but the question."""
    assert used("(drop (memory.grow (i32.const 3)))") == 501 + 3 * 16_384
    assert used("(drop (memory.grow (i32.const 256)))") == 501
    assert used("(drop (memory.grow (i32.const -1)))") == 501
    grown = run_prepared(module("(i32.store (i32.const 0) (memory.grow (i32.const 255)))"))
    assert grown.memory[:4] == b"\1\0\0\0"
    assert len(grown.memory) == 256 * 65_536
    refused = run_prepared(module("(i32.store (i32.const 0) (memory.grow (i32.const 256)))"))
    assert refused.memory[:4] == b"\xff\xff\xff\xff"


def test_declared_maximum_holds() -> None:
    """The smaller of the module's bound and ours."""
    memory = '(memory (export "memory") 1 2)'
    body = "(i32.store (i32.const 0) (memory.grow (i32.const 2)))"
    assert run_prepared(module(body, memory=memory)).memory[:4] == b"\xff\xff\xff\xff"


def test_accesses_of_a_large_memory_cost_more() -> None:
    """From the first page beyond 24 on, and from the next stretch on."""
    load = "(drop (i32.load (i32.const 0)))"
    memory = '(memory (export "memory") 24)'
    assert used(load, memory=memory) - 23 * 4_096 == 5
    assert used(load, memory='(memory (export "memory") 25)') - 24 * 4_096 == 5 + 64
    grown = f"(drop (memory.grow (i32.const 1))) {load} (block {load})"
    assert used(grown, memory=memory) - 23 * 4_096 == 501 + 16_384 + 5 + 5
    grown = f"(drop (memory.grow (i32.const 1))) (if (i32.const 1) (then {load} {load}))"
    assert used(grown, memory=memory) - 23 * 4_096 == 501 + 16_384 + 3 + 2 * (5 + 64)


def test_deep_recursion_traps_by_our_count() -> None:
    """With stack of the engine to spare: the verdict is the same on every node."""
    rest = (
        "(func $f (param i32 i64) (result i32) (local f64) (call $f (local.get 0) (local.get 1)))"
    )
    ended = run_prepared(module("(drop (call $f (i32.const 1) (i64.const 2)))", rest, floats=True))
    assert ended.trap == OUT
    assert ended.fuel < FUEL
    assert ended.stack < 0
    # params 2 + local 1 + result 1 + operands 2, and 12 bytes of code give no slot.
    frame = limits.FRAME_SLOTS + 6
    entry = limits.FRAME_SLOTS + 2
    assert ended.stack == (limits.STACK_SLOTS_MAX - entry) % frame - frame


def test_frame_grows_with_its_code() -> None:
    """A compiler's frame can."""
    rest = f"(func $f {'(global.set $g (i64.const 1))' * 20} (call $f))"
    rest += "(global $g (mut i64) (i64.const 0))"
    size = 1 + 20 * 4 + 2 + 1
    frame = limits.FRAME_SLOTS + 1 + size // 16
    ended = run_prepared(module("(call $f)", rest))
    assert ended.stack == (limits.STACK_SLOTS_MAX - limits.FRAME_SLOTS) % frame - frame


@pytest.mark.parametrize(
    "leave",
    [
        "(return (i32.const 1))",
        "(br 0 (i32.const 1))",
        "(block (br 1 (i32.const 1))) unreachable",
        "(br_if 0 (i32.const 1) (i32.const 1))",
        "(block (br_table 0 1 1 (i32.const 1) (i32.const 5))) unreachable",
        "(if (i32.const 1) (then (return (i32.const 1)))) (i32.const 2)",
        "(i32.const 1)",
        "(loop (return (i32.const 1))) unreachable",
    ],
)
def test_every_way_out_gives_the_stack_back(leave: str) -> None:
    """A slot lost at each call would be a limit on calls."""
    leave = leave.replace("(block (br_table 0 1 1 (i32.const 1) (i32.const 5)))",
                          "(br_table 0 0 0 (i32.const 1) (i32.const 5))")  # fmt: skip
    rest = f"(func $f (result i32) {leave})"
    ended = run_prepared(module("(drop (call $f)) (drop (call $f))", rest))
    assert (ended.trap, ended.stack) == (None, limits.STACK_SLOTS_MAX)


def test_several_results_leave_through_every_door() -> None:
    """The frame's block has their type."""
    rest = """(func $f (param i32) (result i32 i64 i32)
      (if (local.get 0) (then (return (i32.const 1) (i64.const 2) (i32.const 3))))
      (i32.const 4) (i64.const 5) (i32.const 6))
      (func $put (param i32 i64 i32) (i32.store (i32.const 0) (local.get 0))
      (i64.store (i32.const 8) (local.get 1)) (i32.store (i32.const 16) (local.get 2)))"""
    for given in (0, 1):
        whole = module(f"(call $f (i32.const {given})) (call $put)", rest)
        assert run_prepared(whole).memory == run_original(whole).memory


def test_imported_function_in_a_table_is_called_by_its_own_type() -> None:
    """Behind it stands a wrapper that carries the fuel."""
    rest = """(type $log (func (param i32 i32))) (table 1 funcref) (elem (i32.const 0) $log)"""
    whole = module("(call_indirect (type $log) (i32.const 8) (i32.const 9) (i32.const 0))", rest)
    ended = run_prepared(whole)
    assert (ended.trap, ended.told) == (None, (8, 9))
    assert ended.fuel == ENTRY + 3 + 16 + 5
    wrong = module("(call_indirect (type $log) (i32.const 8) (i32.const 9) (i32.const 1))", rest)
    assert run_prepared(wrong).trap == run_original(wrong).trap


def test_globals_begin_anew_with_every_run() -> None:
    """An instance that is used again is as good as a new one, whatever a trap left behind."""
    rest = "(global $g (mut i32) (i32.const 5)) (global $h (mut f64) (f64.const -0.5))"
    body = """(i32.store (i32.const 0) (global.get $g)) (global.set $g (i32.const 9))
      (f64.store (i32.const 8) (global.get $h)) (global.set $h (f64.const 1)) unreachable"""
    code = prepare_module(module(body, rest, floats=True)).code
    store, exports = instance(code)
    memory = exports["memory"]
    for _ in range(2):
        memory.write(store, b"\xee" * 16, 0)
        with pytest.raises(wasmtime.Trap):
            exports["run"](store, FUEL)
        found = bytes(memory.read(store, 0, 16))
        assert found == b"\5\0\0\0\xee\xee\xee\xee" + b"\0\0\0\0\0\0\xe0\xbf"


def instance(code: bytes):
    """An instance whose imports do nothing."""
    store = wasmtime.Store()
    loaded = wasmtime.Module(store.engine, code)
    # The fuel comes back as it went, and no run here asks for more.
    silent = {"log": lambda *arguments: arguments[-1], "time": lambda left: [1, left]}
    items = [wasmtime.Func(store, i.type, silent[i.name]) for i in loaded.imports]
    made = wasmtime.Instance(store, loaded, items)
    return store, made.exports(store)


def test_memory_that_the_host_cannot_give_is_marked() -> None:
    """It is this node's want, not the call's fault; another node may have the memory."""
    code = prepare_module(module("(drop (memory.grow (i32.const 9)))")).code
    store = wasmtime.Store()
    store.set_limits(memory_size=2 * 65_536)
    loaded = wasmtime.Module(store.engine, code)
    items = [wasmtime.Func(store, i.type, lambda *a: a[-1]) for i in loaded.imports]
    exports = wasmtime.Instance(store, loaded, items).exports(store)
    with pytest.raises(wasmtime.Trap):
        exports["run"](store, FUEL)
    assert exports[STACK_EXPORT].value(store) == HOST_MEMORY_MARK


def test_exports_are_entries_memory_and_marks_alone() -> None:
    """Nothing else of a module is for a host to touch."""
    wat = f"""(module {MEMORY} (global (export "g") i32 (i32.const 1)) (func (export "run"))
      (func (export "more") (param i32)) (table (export "t") 1 funcref)
      (func (export "validate")))"""
    prepared = prepare_module(assemble(wat))
    loaded = wasmtime.Module(wasmtime.Engine(), prepared.code)
    names = {export.name for export in loaded.exports}
    assert names == {"run", "validate", "memory", "covey:fuel", "covey:stack"}
    assert prepared.facts.entries == ("run", "validate")


def test_only_live_data_drop_makes_an_instance_unfit_for_reuse() -> None:
    """Memory and globals are restored; a dropped segment cannot be."""
    rest = '(data $d "abc")'
    assert not prepare_module(module("(data.drop $d)", rest)).facts.is_restorable
    assert prepare_module(module("return (data.drop $d)", rest)).facts.is_restorable


def test_preparing_is_a_function_of_the_bytes() -> None:
    """Nodes compare what they compiled by it."""
    content = module(LOG)
    assert prepare_module(content) == prepare_module(bytes(bytearray(content)))


def outcome(ended: Ended) -> tuple[object, ...]:
    """What the original and the prepared module must agree on."""
    return ended.trap, ended.memory, ended.told


def test_padded_numbers_mean_what_short_ones_do() -> None:
    """Compilers leave room for a linker; an engine of another age may not take it."""
    padded = (
        b"\x41\x80\x80\x00"  # i32.const 0
        b"\x41\xf8\x80\x80\x80\x00"  # i32.const 120
        b"\x36\x82\x80\x00\x84\x80\x80\x80\x00"  # i32.store align=2 offset=4
        b"\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x1a"  # i64.const -1, drop
        b"\x10\x82\x80\x80\x80\x00"  # call 2
        b"\x41\x80\x80\x80\x80\x00\x11\x81\x80\x80\x80\x00\x80\x80\x80\x80\x00"  # call_indirect
        b"\x02\x81\x80\x80\x80\x00\x0b"  # block of type 1
        b"\x41\x00\x40\x80\x80\x00\x1a"  # memory.grow by 0
        b"\x0b"
    )
    whole = with_code(padded)
    assert outcome(run_prepared(whole)) == outcome(run_original(whole))
    assert b"\x80\x80\x80\x00" not in prepare_module(whole).code
