"""Code that wants all memory, all tables, all of the host's time, or what is another's."""

from __future__ import annotations

from covey.model import Failure
from tests.contract.runtime.guests import Script
from tests.contract.runtime.hostile.sources import (
    Hostile,
    Refused,
    Stopped,
    Survived,
    coded,
    raw,
)

__all__ = ["GREEDY", "POINTERS"]

_SPENT = Stopped(Failure.OUT_OF_FUEL)
_OUTSIDE = Stopped(Failure.TRAP, "memory")
_TOO_LARGE = Stopped(Failure.TOO_LARGE)


def _loop(body: str) -> str:
    return f"(loop $l {body} (local.set $n (i32.add (local.get $n) (i32.const 1))) (br $l))"


_ALL = '(memory (export "memory") 256)'
_GROW = "(drop (memory.grow (i32.const {pages})))"
_RANGE = "(i32.const 0) (i32.const 5)"
_KEY = "(i32.store (i32.const 0) (local.get $n))"

GREEDY = {
    "memory: all at once, and each page touched": Hostile(
        coded(
            "(drop (memory.grow (i32.const 255)))"
            "(memory.fill (i32.const 0) (i32.const 255) (i32.const 16777216))"
        ),
        Survived(effects=1),
    ),
    "memory: page by page for ever": Hostile(coded(_loop(_GROW.format(pages=1))), _SPENT),
    "memory: more than there may be": Hostile(
        coded("(if (i32.ne (memory.grow (i32.const 256)) (i32.const -1)) (then unreachable))"),
        Survived(effects=1),
    ),
    "memory: 2^32 - 1 pages": Hostile(
        coded("(if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then unreachable))"),
        Survived(effects=1),
    ),
    "memory: all from the start": Hostile(coded(memory=_ALL), Survived(effects=1)),
    "memory: too much from the start": Hostile(
        coded(memory='(memory (export "memory") 257)'), Refused("memory")
    ),
    "memory: too large a maximum": Hostile(raw(s5=b"\1\1\1\x81\x80\x04"), Refused("invalid")),
    "memory: fill beyond the end": Hostile(
        coded("(memory.fill (i32.const 65535) (i32.const 1) (i32.const 2))"), _OUTSIDE
    ),
    "memory: copy of 2^32 - 1 bytes": Hostile(
        coded("(memory.copy (i32.const 0) (i32.const 1) (i32.const -1))"), _SPENT
    ),
    "memory: init after drop": Hostile(
        coded(
            "(data.drop $d) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))",
            '(data $d "x")',
        ),
        _OUTSIDE,
    ),
    "data: 900 KB": Hostile(
        coded("", f'(data (i32.const 65536) "{"x" * 900_000}")', memory=_ALL), Survived(effects=1)
    ),
    "data: outside memory": Hostile(
        coded("", '(data (i32.const 65530) "xxxxxxx")'), Refused("invalid")
    ),
    "data: at 2^32 - 1": Hostile(coded("", '(data (i32.const -1) "x")'), Refused("invalid")),
    "data: the same page again and again": Hostile(
        coded("", f'(data (i32.const 0) "{"x" * 60_000}")' * 3), Refused("segment")
    ),
    "data: 11,000 segments": Hostile(
        coded("", '(data (i32.const 0) "")' * 11_000), Refused("too-many")
    ),
    "table: too large": Hostile(coded("", "(table 10001 funcref)"), Refused("too-large")),
    "table: 2^32 - 1 elements": Hostile(
        raw(s4=b"\1\x70\0\xff\xff\xff\xff\x0f"), Refused("too-large")
    ),
    "table: growth": Hostile(
        coded(
            "", "(table $t 1 funcref) (func (drop (table.grow $t (ref.null func) (i32.const 9))))"
        ),
        Refused("opcode"),
    ),
    "table: elements outside": Hostile(
        coded("", "(table 2 funcref) (func $f) (elem (i32.const 1) $f $f)"), Refused("invalid")
    ),
    "table: elements again and again": Hostile(
        coded(
            "",
            "(table 9000 funcref) (func $f)" + f"(elem (i32.const 0) {'$f ' * 9000})" * 2,
        ),
        Refused("segment"),
    ),
    "table: call of the last and one more": Hostile(
        coded("(call_indirect (i32.const 2))", "(table 2 funcref)"),
        Stopped(Failure.TRAP, "table"),
    ),
    "table: call at 2^32 - 1": Hostile(
        coded("(call_indirect (i32.const -1))", "(table 2 funcref)"),
        Stopped(Failure.TRAP, "table"),
    ),
    "locals: 50,001": Hostile(raw(s10=b"\1\7\1\xd1\x86\x03\x7e\x0b\0"), Refused("too-many")),
    "locals: 2^32 - 1, twice": Hostile(
        raw(s10=b"\1\x0e\2\xff\xff\xff\xff\x0f\x7e\xff\xff\xff\xff\x0f\x7e\x0b"),
        Refused("too-many"),
    ),
    "locals: 4,096": Hostile(
        coded("(call $f)", f"(func $f (local {'i64 ' * 4096}) (drop (local.get 4095)))"),
        Survived(effects=1),
    ),
    "operands: 5,000 at once": Hostile(
        coded("(call $f)", f"(func $f {'(i64.const 1) ' * 5000} {'(drop) ' * 5000})"),
        Refused("too-many"),
    ),
    "flood: results": Hostile(coded(_loop(f"(call $output {_RANGE})")), _SPENT),
    "flood: a result of 5 MiB": Hostile(
        coded("(call $output (i32.const 0) (i32.const 5242880))", memory=_ALL), _TOO_LARGE
    ),
    "flood: log lines": Hostile(coded(_loop(f"(call $log {_RANGE})")), _SPENT),
    "flood: a log line of 16 MiB": Hostile(
        coded("(call $log (i32.const 0) (i32.const 16777216))", memory=_ALL), Survived(effects=1)
    ),
    "flood: events": Hostile(coded(_loop(f"(call $emit {_RANGE} {_RANGE})")), _TOO_LARGE),
    "flood: effects": Hostile(
        coded(
            "(i32.store (i32.const 100) (i32.const 0x6d657469)) (i32.store8 (i32.const 104)"
            " (i32.const 0x73))"
            + _loop(
                _KEY + "(call $put (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 4)"
                " (i32.const 0) (i32.const 0))"
            )
        ),
        _TOO_LARGE,
    ),
    "flood: one entry set for ever": Hostile(
        coded(
            "(i32.store (i32.const 100) (i32.const 0x6d657469)) (i32.store8 (i32.const 104)"
            " (i32.const 0x73))"
            + _loop(
                _KEY + "(call $put (i32.const 100) (i32.const 5) (i32.const 100) (i32.const 4)"
                " (i32.const 0) (i32.const 4))"
            )
        ),
        _SPENT,
    ),
    "flood: scans": Hostile(
        coded(
            "(i32.store (i32.const 100) (i32.const 0x6d657469)) (i32.store8 (i32.const 104)"
            " (i32.const 0x73))"
            + _loop(
                "(drop (call $scan (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 0)"
                " (i32.const 0) (i32.const 0)))"
            )
        ),
        _TOO_LARGE,
    ),
    "flood: random bytes": Hostile(
        coded(_loop("(call $random (i32.const 0) (i32.const 65536))")), _SPENT
    ),
    "flood: hashes of 16 MiB": Hostile(
        coded(
            _loop("(call $sha256 (i32.const 0) (i32.const 16777216) (i32.const 0))"), memory=_ALL
        ),
        _SPENT,
    ),
    "flood: signatures": Hostile(
        coded(
            _loop("(drop (call $verify (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 9)))")
        ),
        _SPENT,
    ),
    "foreign: a handle of no scan": Hostile(
        coded("(drop (call $next (i32.const 1) (i32.const 0) (i32.const 9)))"),
        Stopped(Failure.TRAP, "no scan"),
    ),
    "foreign: handle 0": Hostile(
        coded("(drop (call $next (i32.const 0) (i32.const 0) (i32.const 9)))"),
        Stopped(Failure.TRAP, "no scan"),
    ),
    "foreign: handle 2^32 - 1": Hostile(
        coded("(drop (call $next (i32.const -1) (i32.const 0) (i32.const 9)))"),
        Stopped(Failure.TRAP, "no scan"),
    ),
    "foreign: a collection of another application": Hostile(
        coded(Script().put("accounts", "k", "v")), Stopped(Failure.FORBIDDEN)
    ),
    "foreign: an entry of another member": Hostile(
        coded(
            "(call $put (i32.const 200) (i32.const 4) (i32.const 204) (i32.const 33)"
            " (i32.const 0) (i32.const 1))",
            '(data (i32.const 200) "mineoooooooooooooooooooooooooooooooo/")',
        ),
        Stopped(Failure.FORBIDDEN),
    ),
    "re-entry: validate calls the method": Hostile(
        coded(
            validate="(call $other)",
            rest="(func $other (call $put "
            "(i32.const 200) (i32.const 5) (i32.const 0) (i32.const 1) (i32.const 0)"
            ' (i32.const 1))) (data (i32.const 200) "items")',
        ),
        Stopped(Failure.FORBIDDEN, "query"),
    ),
    "half way: a trap after effects and events": Hostile(
        coded(Script().emit("seen", "(i32.const 4)") + "unreachable"),
        Stopped(Failure.TRAP, "unreachable"),
    ),
    "half way: fail after effects": Hostile(
        coded("(call $fail (i32.const 0) (i32.const 4))"), Stopped(Failure.REFUSED)
    ),
    "half way: a result that is no JSON": Hostile(
        coded("(call $output (i32.const 0) (i32.const 4))"), Stopped(Failure.TRAP, "JSON")
    ),
    "half way: fail in validate": Hostile(
        coded(validate="(call $fail (i32.const 0) (i32.const 0))"), Stopped(Failure.REFUSED)
    ),
}

_ANY = "(i32.const 0) (i32.const 1) "
_BAD_RANGES = {
    "one byte beyond": "(i32.const 65535) (i32.const 2)",
    "at the end": "(i32.const 65536) (i32.const 1)",
    "wrapping at 2^32": "(i32.const -1) (i32.const 1)",
    "wrapping to the start": "(i32.const -8) (i32.const 16)",
    "of 2^32 - 1 bytes": "(i32.const 1) (i32.const -1)",
    "of 2^31 bytes": "(i32.const 0) (i32.const -2147483648)",
    "all of 2^32": "(i32.const -1) (i32.const -1)",
}
_USES = {
    "log": "(call $log {bad})",
    "put": "(call $put (i32.const 0) (i32.const 5) (i32.const 0) (i32.const 1) {bad})",
    "random": "(call $random {bad})",
}
POINTERS = {
    f"pointer: {use} {name}": Hostile(coded(body.format(bad=bad)), _OUTSIDE)
    for use, body in _USES.items()
    for name, bad in _BAD_RANGES.items()
}
