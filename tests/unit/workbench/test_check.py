"""The word on a module: everything about it, or the rule that refuses it and where."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import wasmtime

from covey.codec import cid_of
from covey.errors import ConfigError
from covey.model import Call, Failed, ReleaseId, limits
from covey.runtime import new_engine, prepare_module
from covey.workbench.anatomy import dissect, function_at
from covey.workbench.check import (
    HINTS,
    Checked,
    ModuleRow,
    check_application,
    price_rows,
    refusal_of,
)
from covey.workbench.files import Application, read_application
from covey.workbench.people import People
from covey.workbench.state import State
from covey.workbench.trial import Caller, Trial
from tests.contract.runtime.guests import IMPORTS, abi_json, custom, with_abi
from tests.unit.workbench.planted import GUARDED, STOCK, application

ROOT = Path(__file__).parents[3]
RUN = '(memory (export "memory") 2 5) (func (export "run")) (func (export "ask"))'


def check(checked: Application) -> ModuleRow:
    return check_application(checked, new_engine(), "wasmtime")


def refused(module: bytes):
    with pytest.raises(ConfigError) as error:
        check(read_application("x.wasm", module))
    return refusal_of(error.value, module)


def test_accepted_module_is_described():
    row = check(application(STOCK))
    assert row.size_bytes < row.metered_size_bytes
    assert row.compiled_size_bytes > 0
    assert [(m.name, m.kind) for m in row.methods] == [
        ("restock", "call"), ("sell", "call"), ("left", "query"),
    ]  # fmt: skip
    assert [(c.name, c.rule, c.roles) for c in row.collections] == [
        ("list", "register", ()), ("count", "counter", ()),
    ]  # fmt: skip
    assert row.imports[:3] == ("input", "output", "fail")
    assert row.functions == 7
    assert (row.memory_pages, row.memory_pages_max) == (1, limits.MEMORY_PAGES_MAX)
    assert row.reusable
    assert not row.floats
    assert not row.validate
    assert row.entry_fuel == 10_000 + 4_096


def test_validate_is_told():
    """It costs every call, so its author should see that it is there."""
    row = check(application(GUARDED))
    assert row.validate
    assert "validate" not in [method.name for method in row.methods]


def test_memory_is_told_at_the_start_and_at_most():
    row = check(Application(with_abi(f"(module {RUN})"), b"", False))
    assert (row.memory_pages, row.memory_pages_max) == (2, 5)
    assert row.entry_fuel == 10_000 + 2 * 4_096


def test_largest_frames_come_first():
    """The author of a module that recurses wants to know which function takes the stack."""
    locals_ = " ".join("(local i64)" for _ in range(40))
    wat = f"(module {RUN} (func {locals_}) (func (param i32) (local i32)))"
    module = with_abi(wat)
    frames = dissect(module, prepare_module(module).code).frames
    assert [frame.slots for frame in frames] == sorted((f.slots for f in frames), reverse=True)
    assert frames[0].function == 2
    assert frames[0].slots - frames[-1].slots >= 40
    assert {frame.exported_as for frame in frames} == {"run", "ask", ""}


def test_imported_functions_are_counted_first():
    module = with_abi(f"(module {IMPORTS} {RUN})")
    frames = dissect(module, prepare_module(module).code).frames
    assert sorted(frame.function for frame in frames) == [18, 19]


def recursing(depth: int) -> Application:
    """A module whose `run` calls itself so deep."""
    module = with_abi(
        '(module (memory (export "memory") 1) (func $deeper (param i32) (result i32)'
        " (if (result i32) (local.get 0)"
        " (then (call $deeper (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0))))"
        f' (func (export "run") (drop (call $deeper (i32.const {depth})))) (func (export "ask")))'
    )
    return Application(module, ReleaseId(cid_of(module)), is_bundle=False)


def test_recursion_goes_as_deep_as_the_largest_frame_fits():
    """What is told of frames is what stops a call."""
    depth = check(recursing(10_000)).depth_max
    for deep, is_trap in ((depth - 3, False), (depth + 1, True)):
        trial = Trial(recursing(deep), "wasmtime", People())
        outcome = trial.run(Call("run", b"{}"), State(trial.interface), Caller())
        assert isinstance(outcome, Failed) is is_trap, outcome


@pytest.mark.parametrize(
    ("module", "rule"),
    [
        (b"", "not-wasm"),
        (b"(module)", "not-wasm"),
        (bytes(wasmtime.wat2wasm("(module)")), "abi"),
        (with_abi("(module)"), "memory"),
        (with_abi(f'(module (import "env" "x" (func)) {RUN})'), "import"),
        (with_abi(f"(module {RUN} (func $s) (start $s))"), "start-section"),
        (with_abi(f"(module {RUN} (func (drop (f32.const 1))))"), "floats"),
        (with_abi('(module (memory (export "memory") 1))'), "export"),
        (with_abi(f"(module {RUN})") + custom("covey.abi", abi_json()), "abi"),
        (with_abi(f"(module {RUN})")[:-3], "malformed"),
        (b"\0asm\1\0\0\0" + bytes(2**20), "too-large"),
    ],
)
def test_refusal_names_its_rule_and_what_helps(module, rule):
    refusal = refused(module)
    assert refusal.rule == rule
    assert refusal.reason
    assert refusal.hint == HINTS[rule]


def test_refusal_in_code_names_its_function():
    """A byte alone says nothing to who wrote another language."""
    module = with_abi(f"(module {IMPORTS} {RUN} (func (drop (f32.const 1))))")
    refusal = refused(module)
    assert refusal.function == 20
    assert module[refusal.byte] == 0x43


def test_every_hint_is_for_a_rule_that_exists():
    """The rules are those of the specification, and what is about no module."""
    text = (ROOT / "protocols" / "application.md").read_text("utf-8")
    rules = set(re.findall(r"`([a-z-]+)`", text))
    assert set(HINTS) - {"bundle", "engine"} <= rules | {"unmetered"}


def test_place_outside_code_is_in_no_function():
    module = with_abi(f"(module {RUN})")
    assert function_at(module, 3) is None
    for broken in (b"", module[:20], b"\0asm\1\0\0\0\x0a\xff"):
        assert function_at(broken, 9) is None


def test_prices_are_those_that_are_charged():
    rows = {row.what: row.fuel for row in price_rows()}
    assert rows["a run"] == 10_000
    assert rows["put, delete, add"] == limits.EFFECT_FUEL
    assert all(fuel > 0 for fuel in rows.values())


def test_bundle_is_checked_as_its_module():
    root = ROOT / "apps" / "kv"
    bundle = read_application("kv.covey", (root / "kv.covey").read_bytes())
    assert bundle.is_bundle
    assert bundle.module == (root / "kv.wasm").read_bytes()


def test_checked_is_one_json_object():
    row = check(application(STOCK))
    content = msgspec.json.encode(Checked(True, "x.wasm", row, None, ()))
    assert set(msgspec.json.decode(content)) == {"accepted", "file", "module", "refusal", "prices"}
