"""Vectors of `validate`: what it is told and sees, how it ends a call, and its exact fuel.

The fuel is counted by hand here too, from execution.md and the prices of application.md.
"""

from __future__ import annotations

import json
from typing import Final

from covey.runtime.module.encode import name, section, signed, unsigned, vector
from covey.testkit.vectors.form import Case, case

__all__ = ["refused_validations", "validations"]

_RUN: Final = 10_000 + 4_096
_ALL: Final = 50_000_000
_CALL: Final = 10
_HOST: Final = 5_000
_I32: Final = b"\x7f"
_IMPORTS: Final = (
    ("input", 1),
    ("output", 2),
    ("fail", 2),
    ("get", 3),
    ("put", 4),
    ("emit", 5),
    ("add", 6),
    ("random", 2),
)
_TYPES: Final = (
    b"\x60\0\0",
    b"\x60\x02" + _I32 * 2 + b"\x01" + _I32,
    b"\x60\x02" + _I32 * 2 + b"\0",
    b"\x60\x06" + _I32 * 6 + b"\x01" + _I32,
    b"\x60\x06" + _I32 * 6 + b"\0",
    b"\x60\x04" + _I32 * 4 + b"\0",
    b"\x60\x05" + _I32 * 4 + b"\x7e\0",
)
_RUN_INDEX: Final = len(_IMPORTS)
_ITEMS, _SUMS, _KEY, _VALUE, _EXPECTED, _SCRATCH = 0, 8, 16, 24, 32, 1_024
_END: Final = b"\x0b"
_TRAP_IF: Final = b"\x04\x40\0\x0b"
_TRAP_IF_FUEL: Final = 2


def validations() -> tuple[Case, ...]:
    """Calls of modules that export `validate`, as in `execution.json`."""
    return (*_told(), *_ended(), *_forbidden())


def refused_validations() -> tuple[Case, ...]:
    """Modules whose `validate` is none."""
    cases = {
        "validate that takes a value": (_module(validate=3), "export"),
        "validate that is the memory": (_module(validate=None), "export"),
        "method called validate": (_module(method="validate"), "abi"),
    }
    return tuple(case(text, module=m, code=rule) for text, (m, rule) in cases.items())


def _told() -> tuple[Case, ...]:
    """The input is compared byte by byte; what differs traps."""
    effects = (
        b'[{"collection":"items","op":"put","key":"aw==","value":"dg=="},'
        b'{"collection":"sums","op":"add","key":"aw==","amount":-4}]'
    )
    seen = _call("get", _ITEMS, 5, _KEY, 1, _SCRATCH, 8) + _const(1) + b"\x47" + _TRAP_IF
    seen_fuel = 6 + _CALL + _HOST + 5 + 1 + 2_000 + 1 + 2 + _TRAP_IF_FUEL
    return (
        _ends(
            "validate is told the effects",
            _module(_put() + _add(), *_compare(effects)),
            _PUT_FUEL + _ADD_FUEL + _compare_fuel(effects),
        ),
        _ends(
            "validate is told that there are none",
            _module(b"", *_compare(b"[]")),
            _compare_fuel(b"[]"),
        ),
        _ends("validate sees the state", _module(_put(), seen), _PUT_FUEL + seen_fuel),
    )


def _ended() -> tuple[Case, ...]:
    output, output_fuel = _call("output", _VALUE, 1), 2 + _CALL + _HOST + 20 + 1
    fail, fail_fuel = _call("fail", _VALUE, 1), 2 + _CALL + _HOST + 1
    return (
        _ends("validate fails", _module(_put(), fail), _PUT_FUEL + fail_fuel, "refused"),
        _ends("validate traps", _module(_put(), b"\0"), _PUT_FUEL + 1, "trap"),
        _ends(
            "validate never ends",
            _module(_put(), b"\x03\x40\x0c\0\x0b"),
            _ALL - 2 * _RUN,
            "out-of-fuel",
        ),
        _ends("validate has a result", _module(b"", output), output_fuel),
        _ends("result that is no JSON, validated", _module(output), output_fuel, "trap"),
        _ends(
            "result that is no JSON, and validate fails",
            _module(output, fail),
            output_fuel + fail_fuel,
            "refused",
        ),
    )


def _forbidden() -> tuple[Case, ...]:
    """At once: what is forbidden takes no price."""
    emit, random = _call("emit", _KEY, 1, _VALUE, 1), _call("random", _SCRATCH, 1)
    return (
        _ends("put in validate", _module(b"", _put()), 6 + _CALL, "forbidden"),
        _ends("add in validate", _module(b"", _add()), 5 + _CALL, "forbidden"),
        _ends("event in validate", _module(b"", emit), 4 + _CALL, "forbidden"),
        _ends("random in validate", _module(b"", random), 2 + _CALL, "forbidden"),
    )


def _ends(text: str, module: bytes, fuel: int, ends: str = "completed") -> Case:
    """fuel: besides the beginning of two runs."""
    return case(text, module=module, ends=ends, result="", fuel=2 * _RUN + fuel)


def _module(
    run: bytes = b"",
    check: bytes = b"",
    expected: bytes = b"",
    *,
    validate: int | None = 1,
    method: str = "run",
) -> bytes:
    """A module whose `run` and `validate` have this code; expected: lies at its place in memory.

    validate: which function is exported so (1: the check, 3: one that takes a value), or the
    memory.
    """
    bodies = (b"\0" + run, b"\x01\x01\x7f" + check, b"\0", b"\0\x20\0\x1a")
    export = b"\x02\0" if validate is None else b"\0" + unsigned(_RUN_INDEX + validate)
    exports = (
        name(method) + b"\0" + unsigned(_RUN_INDEX),
        name("memory") + b"\x02\0",
        *((name("validate") + export,) if method != "validate" else ()),
    )
    pool = b"items".ljust(_SUMS, b"\0") + b"sums".ljust(_KEY - _SUMS, b"\0")
    pool += b"k".ljust(_VALUE - _KEY, b"\0") + b"v".ljust(_EXPECTED - _VALUE, b"\0") + expected
    imports = [name("covey") + name(text) + b"\0" + unsigned(kind) for text, kind in _IMPORTS]
    rules = {"items": "register", "sums": "counter"}
    document = {
        "abi": "covey/1",
        "collections": [{"name": text, "rule": rule} for text, rule in rules.items()],
        "methods": [{"name": method, "kind": "call"}],
    }
    return b"".join((
        b"\0asm\x01\0\0\0",
        section(1, vector((*_TYPES, b"\x60\x01" + _I32 + b"\0"))),
        section(2, vector(imports)),
        section(3, vector((b"\0", b"\0", b"\0", unsigned(len(_TYPES))))),
        section(5, b"\x01\0\x01"),
        section(7, vector(exports)),
        section(10, vector([unsigned(len(body) + 1) + body + _END for body in bodies])),
        section(11, b"\x01\0\x41\0\x0b" + unsigned(len(pool)) + pool),
        section(0, name("covey.abi") + json.dumps(document, separators=(",", ":")).encode()),
    ))  # fmt: skip


def _const(number: int) -> bytes:
    return b"\x41" + signed(number)


def _call(function: str, *arguments: int) -> bytes:
    index = [text for text, _ in _IMPORTS].index(function)
    return b"".join(map(_const, arguments)) + b"\x10" + unsigned(index)


def _put() -> bytes:
    return _call("put", _ITEMS, 5, _KEY, 1, _VALUE, 1)


_PUT_FUEL: Final = 6 + _CALL + _HOST + 5 + 1 + 2_000 + 1


def _add() -> bytes:
    amount = b"\x42" + signed(-4)
    return b"".join(map(_const, (_SUMS, 4, _KEY, 1))) + amount + b"\x10" + unsigned(6)


_ADD_FUEL: Final = 5 + _CALL + _HOST + 4 + 1 + 2_000


def _compare(expected: bytes) -> tuple[bytes, bytes]:
    """Code that traps unless `input` gives these bytes, and the bytes."""
    length = _const(len(expected))
    given = b"\x20\0\x2d\0" + unsigned(_SCRATCH)
    wanted = b"\x20\0\x2d\0" + unsigned(_EXPECTED)
    step = b"\x20\0\x41\x01\x6a\x22\0" + length + b"\x49\x0d\0"
    return (
        _call("input", _SCRATCH, 4_096)
        + (length + b"\x47" + _TRAP_IF)
        + (b"\x03\x40" + given + wanted + b"\x47" + _TRAP_IF + step + _END)
    ), expected


def _compare_fuel(expected: bytes) -> int:
    """The input is copied, its length compared; each byte costs a turn of the loop."""
    turn = (1 + 4) * 2 + 1 + _TRAP_IF_FUEL + 1 + 1 + 1 + 1 + 1 + 1 + 2
    told = 2 + _CALL + _HOST + len(expected)
    return told + 2 + _TRAP_IF_FUEL + len(expected) * turn
