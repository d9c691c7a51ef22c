"""Engines agree to the unit: outcomes of the same work, compared as whole values."""

from __future__ import annotations

import pytest

from covey.model import Call, Outcome
from covey.runtime import BlockingExecutor, new_engine
from tests.contract.runtime.conftest import HERE
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch, query

_DEEP = (
    "(func $deep (param i64) (result i64) (local i64 i64 i64)"
    "(i64.add (local.get 0) (call $deep (i64.add (local.get 0) (i64.const 1)))))"
    "(table 3 funcref) (elem (i32.const 1) $nothing) (func $nothing)"
    "(func $slot (param i64) (result i64) (i64.const 1)) (elem (i32.const 2) $slot)"
    "(global $left (mut i32) (i32.const 40))"
)
_BODIES = {
    "nothing": "",
    "endless": "(loop $l (br $l))",
    "endless in the host": "(loop $l (drop (call $input (i32.const 0) (i32.const 9))) (br $l))",
    "endless growth": "(loop $l (drop (memory.grow (i32.const 1))) (br $l))",
    "recursion": "(drop (call $deep (i64.const 0)))",
    "unreachable": "unreachable",
    "division by zero": "(drop (i32.div_u (i32.const 1) (local.get $n)))",
    "remainder by zero": "(drop (i64.rem_s (i64.const 1) (i64.extend_i32_u (local.get $n))))",
    "division that overflows": "(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))",
    "load outside": "(drop (i64.load offset=65530 (i32.const 0)))",
    "store outside": "(i32.store (i32.const -1) (i32.const 0))",
    "copy outside": "(memory.copy (i32.const 65530) (i32.const 0) (i32.const 100))",
    "empty element": "(call_indirect (i32.const 0))",
    "element outside": "(call_indirect (i32.const 3))",
    "element of another type": "(call_indirect (i32.const 2))",
    "good element": "(call_indirect (i32.const 1))",
    "conversion": "(drop (i32.trunc_f64_s (f64.const 1e300)))",
    "conversion of nothing": "(drop (i64.trunc_f32_u (f32.const nan)))",
    "saturating conversion": "(drop (i32.trunc_sat_f64_s (f64.const 1e300)))",
    "range outside": "(call $output (i32.const 65530) (i32.const 7))",
    "handle of nobody": "(drop (call $next (i32.const 1) (i32.const 0) (i32.const 9)))",
    "result that is no JSON": "(call $output (i32.const 0) (i32.const 3))",
    "globals and branches": (
        "(loop $l (global.set $left (i32.sub (global.get $left) (i32.const 1)))"
        "(block $a (block $b (br_table $a $b $a (i32.and (global.get $left) (i32.const 3)))))"
        "(br_if $l (global.get $left)))"
    ),
    "bulk": (
        "(memory.fill (i32.const 1024) (i32.const 97) (i32.const 3000))"
        "(memory.copy (i32.const 1025) (i32.const 1024) (i32.const 2999))"
        "(call $sha256 (i32.const 1024) (i32.const 3000) (i32.const 0))"
    ),
    "not a number": (
        "(f64.store (i32.const 1024) (f64.div (f64.const 0) (f64.const 0)))"
        "(f32.store (i32.const 1032) (f32.sqrt (f32.const -1)))"
        "(f64.store (i32.const 1040) (f64.mul (f64.const nan:0x4000000000001) (f64.const 2)))"
        "(local.set $n (i32.const 24))"
    ),
}


def _outcomes(engine: str, module: bytes) -> list[Outcome]:
    executor = BlockingExecutor(new_engine(engine))
    executor.install(RELEASE, module)
    base = Entries(("items", b"a", b"1"), ("items", b"b", b"22"))
    work = batch(Call("run", b"first"), Call("run", b""), Call("run", b"third"))
    return [*executor.run_batch(work, base), executor.query(query(b"5"), base)]


@pytest.mark.parametrize("name", _BODIES)
def test_engines_agree_on_every_end(name: str) -> None:
    """How it ended, in which words, with how much fuel: also between an engine and itself."""
    script = Script()
    scan = script.scan("items") + script.next() + script.emit()
    body = script.add("sums", "s", 3) + scan + _BODIES[name] + script.emit() + script.log("end")
    module = script.build(body, ask=_BODIES[name], rest=_DEEP, floats=True)
    first, *others = [_outcomes(engine, module) for engine in (*HERE, HERE[0])]
    assert all(other == first for other in others)
    assert all(outcome.fuel > 0 for outcome in first)
