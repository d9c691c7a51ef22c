"""Nothing of one call reaches the next, although instances are used again where that is cheaper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covey.errors import StoreError
from covey.model import Call, Completed, Failed, Failure, limits
from covey.runtime import BlockingExecutor, Engine
from covey.runtime.engine import CompiledModule
from covey.runtime.module import ModuleFacts, PreparedModule
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch

_FUEL_MAX = 400_000  # enough for every action but the endless one

# The first byte of the arguments says what to do, the second and third where or how much.
_ACTIONS = {
    "nothing": "",
    "store": "(i32.store8 (local.get $h) (i32.const 255))",
    "fill": "(memory.fill (i32.const 0) (i32.const 85) (i32.const 65536))",
    "grow": "(drop (memory.grow (i32.const 1))) (i32.store8 (i32.const 65536) (i32.const 7))",
    "grow at last": "(drop (memory.grow (i32.const 2)))",
    "set globals": "(global.set $number (local.get $h)) (global.set $wide (i64.const -1))",
    "drop a segment": "~drop",
    "trap": "(i32.store8 (local.get $h) (i32.const 1)) unreachable",
    "fail": "(global.set $number (i32.const 3)) ~fail",
    "run on": "(loop $l (i32.store8 (local.get $h) (i32.const 1)) (br $l))",
    "recurse": "(call $deep)",
    "read what breaks": "(i32.store8 (local.get $h) (i32.const 9)) ~break",
    "leave a scan open": "~scan",
    "use a handle": "~next",
    "say much": "~say",
}
_NAMES = tuple(_ACTIONS)


class _Breaking(Entries):
    """One key that the disk does not give."""

    def get(self, collection: str, key: bytes) -> bytes | None:
        if key == b"broken":
            raise StoreError("the disk is gone")
        return super().get(collection, key)


class _Fresh:
    """An engine whose modules say that they cannot be restored: each run has a new instance."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.build = engine.build

    def compile(self, module: PreparedModule) -> CompiledModule:
        facts = replace(module.facts, is_restorable=False)
        return self._engine.compile(PreparedModule(facts, module.code))

    def load(self, facts: ModuleFacts, native: bytes) -> CompiledModule:
        return self._engine.load(replace(facts, is_restorable=False), native)

    def interrupt(self) -> None:
        self._engine.interrupt()


def _module(*, has_segment: bool) -> bytes:
    """Tells all that a run can see of itself, then does what the arguments say."""
    script = Script()
    words = {
        "~drop": "(data.drop $seed)" if has_segment else "",
        "~fail": script.fail("no"),
        "~break": script.get("items", "broken"),
        "~scan": script.scan("items") + script.next(cap=20),
        "~next": "(local.set $h (i32.const 1))" + script.next(),
        "~say": script.output("[1]") + script.log("line") + script.put("items", "k", "v"),
    }
    see = (
        "(i32.store (i32.const 8) (memory.size)) (i32.store (i32.const 12) (global.get $number))"
        "(i64.store (i32.const 16) (global.get $wide))"
        "(i32.store (i32.const 24) (call_indirect (result i32) (i32.const 0)))"
        "(call $sha256 (i32.const 0) (i32.const 65536) (i32.const 32))"
    )
    if has_segment:
        see += "(memory.init $seed (i32.const 64) (i32.const 0) (i32.const 5))"
    see += f"(call $emit {script.text('seen')} (i32.const 0) (i32.const 80))"
    read = (
        "(drop (call $input (i32.const 1000) (i32.const 3)))"
        "(local.set $n (i32.load8_u (i32.const 1000)))"
        "(local.set $h (i32.load16_u (i32.const 1001)))"
    )
    chosen = ""
    for number, action in enumerate(_ACTIONS.values()):
        body = action
        for word, code in words.items():
            body = body.replace(word, code)
        chosen += f"(if (i32.eq (local.get $n) (i32.const {number})) (then {body}))"
    segment = '(data $seed "grain")' if has_segment else ""
    rest = (
        "(global $number (mut i32) (i32.const 5)) (global $wide (mut i64) (i64.const 6))"
        "(table 2 funcref) (elem (i32.const 0) $seven)"
        "(func $seven (result i32) (i32.const 7)) (func $deep (call $deep))" + segment
    )
    return script.build(see + read + chosen, rest=rest)


_MODULES = {
    "with a segment to drop": _module(has_segment=True),
    "without one": _module(has_segment=False),
}


def _told(executor: BlockingExecutor, call: Call) -> object:
    try:
        return executor.run_batch(batch(call), _Breaking(("items", b"a", b"1")))
    except StoreError as error:
        return str(error)


def _call(name: str, operand: int = 40_000) -> Call:
    return Call("run", bytes((_NAMES.index(name),)) + operand.to_bytes(2, "little"))


@pytest.fixture(autouse=True)
def _little_fuel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CALL_FUEL_MAX", _FUEL_MAX)


@pytest.mark.parametrize("module", _MODULES)
@pytest.mark.parametrize("name", _NAMES)
def test_action_leaves_nothing_behind(engine: Engine, module: str, name: str) -> None:
    """Memory, its size, globals, segments, tables, scans, output, log: the next sees none."""
    executor = BlockingExecutor(engine)
    executor.install(RELEASE, _MODULES[module])
    first = _told(executor, _call("nothing"))
    (outcome,) = executor.run_batch(batch(_call("nothing")), Entries())
    assert isinstance(outcome, Completed), outcome
    _told(executor, _call(name))
    assert _told(executor, _call("nothing")) == first


@pytest.mark.parametrize("module", _MODULES)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(actions=st.lists(st.tuples(st.sampled_from(_NAMES), st.integers(0, 65_535)), max_size=12))
def test_used_instances_are_as_good_as_fresh_ones(
    engine: Engine, module: str, actions: Sequence[tuple[str, int]]
) -> None:
    """Whatever came before: the same outcomes, to the unit of fuel."""
    warm, fresh = BlockingExecutor(engine), BlockingExecutor(_Fresh(engine))
    for executor in (warm, fresh):
        executor.install(RELEASE, _MODULES[module])
    for name, operand in actions:
        call = _call(name, operand)
        assert _told(warm, call) == _told(fresh, call), (name, operand)


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("trap", Failure.TRAP),
        ("fail", Failure.REFUSED),
        ("run on", Failure.OUT_OF_FUEL),
        ("recurse", Failure.TRAP),
        ("use a handle", Failure.TRAP),
    ],
)
def test_actions_end_as_they_are_meant_to(
    executor: BlockingExecutor, name: str, failure: Failure
) -> None:
    """Otherwise the tests above would prove little."""
    executor.install(RELEASE, _MODULES["without one"])
    (outcome,) = executor.run_batch(batch(_call(name)), Entries())
    assert isinstance(outcome, Failed), outcome
    assert outcome.failure is failure


def test_validate_has_fresh_memory(executor: BlockingExecutor, script: Script) -> None:
    """It cannot tell what the call left in memory, so it judges effects alone."""
    check = "(if (i32.load8_u (i32.const 2000)) (then " + script.fail("memory was not fresh") + "))"
    body = script.put("items", "k", "v") + "(i32.store8 (i32.const 2000) (i32.const 1))"
    executor.install(RELEASE, script.build(body, validate=check))
    for outcome in executor.run_batch(batch(*[Call("run", b"{}")] * 3), Entries()):
        assert isinstance(outcome, Completed), outcome
