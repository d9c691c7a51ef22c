"""The stack we count is used up long before the engine's own, whatever shape frames have."""

from __future__ import annotations

import pytest

from covey.model import limits
from tests.unit.runtime.module.running import module, run_prepared

QUARTER = limits.NATIVE_STACK_BYTES_MAX // 4


def loads(kind: str, count: int) -> str:
    """Values that a compiler cannot know."""
    return "".join(f"({kind}.load offset={8 * i} (i32.const 0))" for i in range(count))


def live_locals(kind: str, count: int) -> str:
    values = "".join(
        f"(local.set {i} ({kind}.load offset={8 * i} (i32.const 0)))" for i in range(count)
    )
    used = "".join(
        f"({kind}.store offset={8 * i} (i32.const 0) (local.get {i}))" for i in range(count)
    )
    return f"(func $f (local {f'{kind} ' * count}) {values} (call $f) {used})"


def invariants(count: int) -> str:
    """What a compiler moves out of a loop and keeps for all of it."""
    sums = "".join(
        f"(local.set 0 (i32.add (local.get 0) (i32.rotl (i32.mul (global.get $g)"
        f" (i32.const {3 + i})) (global.get $g))))"
        for i in range(count)
    )
    return (
        f"(func $f (local i32) (loop {sums} (call $f) (br_if 0 (local.get 0)))"
        "(i32.store (i32.const 0) (local.get 0))) (global $g i32 (i32.const 7))"
    )


MANY = "i64 " * 128
SHAPES = {
    "small frames": "(func $f (call $f))",
    "small frames through a table": "(table 1 funcref) (elem (i32.const 0) $f) (type $t (func))"
    "(func $f (call_indirect (type $t) (i32.const 0)))",
    "floats in locals": live_locals("f64", 3_000),
    "few floats in locals": live_locals("f64", 30),
    "integers in locals": live_locals("i64", 300),
    "operands": f"(func $f (local i64) {loads('i64', 1_000)} (call $f)"
    f" {'i64.xor ' * 999} (local.set 0) (i64.store (i32.const 0) (local.get 0)))",
    "results": f"(func $f (call $f) (call $g) {'drop ' * 128})"
    f"(func $g (result {MANY}) {loads('i64', 128)})",
    "parameters and results": f"(func $f (call $g {loads('i64', 128)}) {'drop ' * 128})"
    f"(func $g (param {MANY}) (result {MANY})"
    f" (call $g {' '.join(f'(local.get {i})' for i in range(128))}))",
    "invariants of a loop": invariants(1_000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_deepest_call_ends_by_our_count(shape: str) -> None:
    """On a quarter of the native stack that a node sets aside."""
    ended = run_prepared(module("(call $f)", SHAPES[shape], floats=True), stack_bytes=QUARTER)
    assert ended.trap is not None
    assert ended.stack < 0
