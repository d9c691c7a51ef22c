"""Code that would never end, or only with the stack."""

from __future__ import annotations

from covey.model import Failure
from tests.contract.runtime.hostile.sources import Hostile, Stopped, coded

__all__ = ["ENDLESS", "RECURSIVE"]

_SPENT = Stopped(Failure.OUT_OF_FUEL, "ran out of fuel")
_DEEP = Stopped(Failure.TRAP, "recursed deeper than an application may")

_NESTED = "(loop $l " + "(block " * 400 + "(br $l)" + ")" * 400 + ")"
_TABLE_OF_BRANCHES = (
    "(loop $l (br_table " + "$l " * 4096 + "$l (local.get $n))"
    " (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $l))"
)
_FUNCTIONS = "".join(f"(func $f{n} (call $f{(n + 1) % 500}))" for n in range(500))

_LOOPS = {
    "branch": "(loop $l (br $l))",
    "branch if": "(loop $l (br_if $l (i32.const 1)))",
    "branch if equal to itself": "(loop $l (br_if $l (i32.eq (local.get $n) (local.get $n))))",
    "branch table": "(loop $l (br_table $l $l $l (i32.const 1)))",
    "branch table of 4,096": _TABLE_OF_BRANCHES,
    "branch out of 400 blocks": _NESTED,
    "loop with a parameter": "(i32.const 1) (loop $l (param i32) (drop)"
    " (br_if $l (i32.const 1) (i32.const 1)) (drop))",
    "loop in a loop": "(loop $a (loop $b (br_if $b (i32.const 1))) (br $a))",
    "loop behind a return": "(block (loop $l (br_if 1 (i32.const 0)) (br $l))) (return)",
    "loop in the else": "(if (i32.const 0) (then) (else (loop $l (br $l))))",
    "nothing but blocks": "(loop $l (block (block (block))) (nop) (br $l))",
    "divisions": "(loop $l (drop (i64.div_s (i64.const -1) (i64.const 3))) (br $l))",
    "memory.size": "(loop $l (drop (memory.size)) (br $l))",
    "memory.grow by nothing": "(loop $l (drop (memory.grow (i32.const 0))) (br $l))",
    "memory.grow that fails": "(loop $l (drop (memory.grow (i32.const -1))) (br $l))",
    "memory.fill of a page": "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))"
    " (br $l))",
    "memory.fill of nothing": "(loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0))"
    " (br $l))",
    "memory.copy of a page": "(loop $l (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535))"
    " (br $l))",
    "stores to every page": "(drop (memory.grow (i32.const 255))) (loop $l"
    " (i64.store (i32.and (local.get $n) (i32.const 0xffffff)) (i64.const -1))"
    " (local.set $n (i32.add (local.get $n) (i32.const 4096))) (br $l))",
    "a host function": "(loop $l (drop (call $input (i32.const 0) (i32.const 0))) (br $l))",
    "host functions of 4 KiB": "(loop $l (call $sha256 (i32.const 0) (i32.const 4096)"
    " (i32.const 8192)) (br $l))",
}
ENDLESS = {
    **{f"endless: {name}": Hostile(coded(body), _SPENT) for name, body in _LOOPS.items()},
    "endless: memory.init of a segment": Hostile(
        coded(
            "(loop $l (memory.init $d (i32.const 0) (i32.const 0) (i32.const 4000)) (br $l))",
            f'(data $d "{"x" * 4000}")',
        ),
        _SPENT,
    ),
    "endless: data.drop": Hostile(
        coded("(loop $l (data.drop $d) (br $l))", '(data $d "x")'), _SPENT
    ),
    "endless: calls of nothing": Hostile(coded("(loop $l (call $f) (br $l))", "(func $f)"), _SPENT),
    "endless: indirect calls of nothing": Hostile(
        coded(
            "(loop $l (call_indirect (i32.const 0)) (br $l))",
            "(func $f) (table 1 funcref) (elem (i32.const 0) $f)",
        ),
        _SPENT,
    ),
    "endless: square roots": Hostile(
        coded("(loop $l (drop (f64.sqrt (f64.const 2))) (br $l))", floats=True), _SPENT
    ),
    "endless: in validate": Hostile(coded(validate="(loop $l (br $l))"), _SPENT),
    "endless: 2^40 calls without a loop": Hostile(
        coded(
            "(call $f40)",
            "(func $f0)"
            + "".join(f"(func $f{n} (call $f{n - 1}) (call $f{n - 1}))" for n in range(1, 41)),
        ),
        _SPENT,
    ),
}

_FAT = "(local " + "i64 " * 1000 + ")"
_HEIGHT = "(i64.const 1) " * 1000
_WIDE = "i64 " * 120
RECURSIVE = {
    "recursion: of itself": Hostile(coded("(call $f)", "(func $f (call $f))"), _DEEP),
    "recursion: of two": Hostile(
        coded("(call $f)", "(func $f (call $g)) (func $g (call $f))"), _DEEP
    ),
    "recursion: of five hundred": Hostile(coded("(call $f0)", _FUNCTIONS), _DEEP),
    "recursion: through the table": Hostile(
        coded(
            "(call $f)",
            "(table 1 funcref) (elem (i32.const 0) $f) (func $f (call_indirect (i32.const 0)))",
        ),
        _DEEP,
    ),
    "recursion: fat frames of locals": Hostile(
        coded("(call $f)", f"(func $f {_FAT} (call $f) (drop (local.get 7)))"), _DEEP
    ),
    "recursion: fat frames of locals in use": Hostile(
        coded(
            "(call $f)",
            f"(func $f {_FAT}"
            + "".join(f"(local.set {n} (i64.load (i32.const {8 * n})))" for n in range(1000))
            + "(call $f)"
            + "".join(f"(i64.store (i32.const 0) (local.get {n}))" for n in range(1000))
            + ")",
        ),
        _DEEP,
    ),
    "recursion: fat frames of operands": Hostile(
        coded("(call $f)", f"(func $f {_HEIGHT} (call $f) {'(drop) ' * 1000})"), _DEEP
    ),
    "recursion: many parameters": Hostile(
        coded(
            f"(call $f {'(i64.const 1) ' * 120})",
            f"(func $f (param {_WIDE}) (call $f "
            + "".join(f"(local.get {n})" for n in reversed(range(120)))
            + "))",
        ),
        _DEEP,
    ),
    "recursion: many results": Hostile(
        coded(
            "(call $f) " + "(drop) " * 120,
            f"(func $f (result {_WIDE}) (call $f))",
        ),
        _DEEP,
    ),
    "recursion: within a loop": Hostile(
        coded("(call $f)", "(func $f (loop $l (call $f) (br $l)))"), _DEEP
    ),
    "recursion: of the method": Hostile(
        # Calling what is exported is calling a function: no second run begins.
        coded("(call $again)", '(func $again (export "again") (call $again))'),
        _DEEP,
    ),
    "recursion: in validate": Hostile(
        coded(validate="(call $f)", rest="(func $f (call $f))"), _DEEP
    ),
}
