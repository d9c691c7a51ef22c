"""Vectors of `covey-exec/1`: modules, how their call ends, its exact fuel; and modules refused.

The fuel is written out here, counted by hand from the specification: a meter is not its own proof.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from covey.runtime.module.encode import name, section, signed, unsigned, vector
from covey.testkit.vectors.form import Case, Vectors, case
from covey.testkit.vectors.validation import refused_validations, validations

__all__ = ["executions"]

_DESCRIPTION: Final = (
    "covey-exec/1 (execution.md). Valid: a module, and how its call `run` with the arguments {} "
    'ends on an empty state, given 50,000,000 fuel: `ends` is "completed" or the failure, `result` '
    "what it put out, `fuel` what it used; a second call ends in the same way. Invalid: `code` is "
    "the rule of application.md, section 9, that refuses the module."
)
_RUN: Final = 10_000 + 4_096
_ALL: Final = 50_000_000
_I32, _I64, _END = b"\x41\x00", b"\x42\x00", b"\x0b"
_LOAD: Final = b"\x41\x00\x28\x02\x00\x1a"
_UNREACHABLE_UNLESS: Final = b"\x45\x04\x40\x00\x0b"
_ORDER: Final = (1, 2, 3, 4, 5, 6, 7, 9, 12, 10, 11)


def executions() -> Vectors:
    """The file `execution.json`."""
    return Vectors(
        _DESCRIPTION,
        (*_flow(), *_memory(), *_host(), *_others(), *validations()),
        (*_bad_code(), *_bad_parts(), *refused_validations()),
    )


def _module(
    code: bytes = b"",
    locals_: bytes = b"\0",
    parts: Mapping[int, bytes | None] | None = None,
    *,
    floats: bool = False,
    tail: bytes = b"",
) -> bytes:
    """A module of four functions: `run` with this code, two that do nothing, one (i32) -> i32."""
    bodies = (locals_ + code + _END, b"\0\x0b", b"\0\x0b", b"\0\x20\0\x0b")
    chosen: dict[int, bytes | None] = {
        1: vector((b"\x60\0\0", b"\x60\x01\x7f\x01\x7f", b"\x60\x02\x7f\x7e\x02\x7e\x7f")),
        3: b"\x04\0\0\0\x01",
        4: b"\x01\x70\0\x03",
        5: b"\x01\0\x01",
        6: b"\x02\x7f\x01\x41\0\x0b\x7e\0\x42\x05\x0b",
        7: vector((name("run") + b"\0\0", name("memory") + b"\x02\0")),
        9: b"\x01\0\x41\0\x0b\x02\x01\x03",
        10: vector([unsigned(len(body)) + body for body in bodies]),
        **(parts or {}),
    }
    content = b"".join(section(n, chosen[n] or b"") for n in _ORDER if chosen.get(n) is not None)
    document = {"abi": "covey/1", "floats": floats, "collections": []}
    document["methods"] = [{"name": "run", "kind": "call"}]
    abi = section(0, name("covey.abi") + json.dumps(document, separators=(",", ":")).encode())
    return b"\0asm\x01\0\0\0" + content + tail + abi


def _ends(text: str, module: bytes, fuel: int, ends: str = "completed", result: str = "") -> Case:
    return case(text, module=module, ends=ends, result=result, fuel=fuel)


def _flow() -> tuple[Case, ...]:
    block, loop = b"\x02\x40", b"\x03\x40"
    count = b"\x20\0\x41\x01\x6a\x22\0\x41\xe8\x07\x49\x0d\0"
    arms = b"\x04\x40\x10\x01\x05\x10\x01\x10\x02\x0b"
    return (
        _ends("nothing", _module(), _RUN),
        _ends("one stretch", _module(b"\x41\x01\x41\x02\x6a\x1a"), _RUN + 3),
        _ends("blocks are free", _module(block + block + _END + _END), _RUN),
        _ends("loop of 1,000", _module(loop + count + _END, b"\x01\x01\x7f"), _RUN + 8_000),
        _ends("endless loop", _module(loop + b"\x0c\0" + _END), _ALL, "out-of-fuel"),
        _ends("endless recursion", _module(b"\x10\0"), _RUN + 2_048 * 10, "trap"),
        _ends("then", _module(b"\x41\x01" + arms), _RUN + 3 + 10),
        _ends("else", _module(b"\x41\0" + arms), _RUN + 3 + 20),
        _ends("dead code", _module(block + b"\x0c\0\x10\x01\x10\x01" + _END), _RUN + 2),
        _ends("dead blocks", _module(b"\x0f\x03\x40\x0c\0\x0b\x02\x40\x10\x01\x0b"), _RUN + 2),
        _ends("life after a block", _module(block + b"\x0c\0\0" + _END + b"\x10\x01"), _RUN + 12),
        _ends("br_if not taken", _module(block + b"\x41\0\x0d\0\x10\x01" + _END), _RUN + 3 + 10),
        _ends("br_if taken", _module(block + b"\x41\x01\x0d\0\x10\x01" + _END), _RUN + 3),
        _ends(
            "br_table",
            _module(block + block + b"\x41\x07\x0e\x01\0\x01" + _END + b"\0" + _END + b"\x10\x01"),
            _RUN + 7 + 10,
        ),
        _ends("call with a value", _module(b"\x41\x05\x10\x03\x1a"), _RUN + 1 + 10 + 1),
        _ends("call_indirect", _module(b"\x41\x05\x41\x01\x11\x01\0\x1a"), _RUN + 2 + 16 + 1),
        _ends(
            "several values through a block",
            _module(b"\x41\x05\x42\x06\x02\x02\x1a\x1a\x42\x07\x41\x08\x0b\x1a\x1a"),
            _RUN + 4,
        ),
        _ends("unreachable", _module(b"\x10\x01\0"), _RUN + 10 + 1, "trap"),
        _ends("division by zero", _module(b"\x41\x01\x41\0\x6d\x1a\x10\x01"), _RUN + 22, "trap"),
        _ends(
            "division that overflows",
            _module(b"\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f\x42\x7f\x7f\x1a"),
            _RUN + 12,
            "trap",
        ),
        _ends("beyond the table", _module(b"\x41\x03\x11\0\0"), _RUN + 17, "trap"),
        _ends("empty element", _module(b"\x41\x02\x11\0\0"), _RUN + 17, "trap"),
        _ends("element of another type", _module(b"\x41\x01\x11\0\0"), _RUN + 17, "trap"),
    )


def _memory() -> tuple[Case, ...]:
    fill = b"\xfc\x0b\0"
    passive: dict[int, bytes | None] = {12: b"\x01", 11: b"\x01\x01\x04abcd"}
    large, larger = ({5: b"\x01\0" + unsigned(pages)} for pages in (24, 25))
    grow = b"\x40\0\x1a"
    return (
        _ends("load", _module(_LOAD), _RUN + 5),
        _ends("load at the end", _module(b"\x41\xfc\xff\x03\x28\x02\0\x1a"), _RUN + 5),
        _ends("load beyond", _module(b"\x41\xfd\xff\x03\x28\x02\0\x1a"), _RUN + 5, "trap"),
        _ends("load that wraps", _module(b"\x41\x7f\x28\0\x04\x1a"), _RUN + 5, "trap"),
        _ends("24 pages", _module(_LOAD, parts=large), 10_000 + 24 * 4_096 + 5),
        _ends("25 pages", _module(_LOAD, parts=larger), 10_000 + 25 * 4_096 + 5 + 64),
        _ends(
            "grown to 25 pages",
            _module(b"\x41\x01" + grow + _LOAD + b"\x10\x01" + _LOAD, parts=large),
            10_000 + 24 * 4_096 + 501 + 16_384 + 5 + 10 + 5 + 64,
        ),
        _ends("grow", _module(b"\x41\x02" + grow), _RUN + 501 + 2 * 16_384),
        _ends("grow to 256 pages", _module(b"\x41\xff\x01" + grow), _RUN + 501 + 255 * 16_384),
        _ends(
            "grow beyond 256 pages is -1",
            _module(b"\x41\x80\x02\x40\0\x41\x7f\x46" + _UNREACHABLE_UNLESS),
            _RUN + 500 + 1 + 1 + 1 + 1 + 2,
        ),
        _ends(
            "grow beyond the declared maximum is -1",
            _module(
                b"\x41\x02\x40\0\x41\x7f\x46" + _UNREACHABLE_UNLESS, parts={5: b"\x01\x01\x01\x02"}
            ),
            _RUN + 500 + 1 + 1 + 1 + 1 + 2,
        ),
        _ends("fill", _module(b"\x41\0\x41\x07\x41\xeb\x07" + fill), _RUN + 103 + 250),
        _ends("fill beyond", _module(b"\x41\x7f\x41\0\x41\x04" + fill), _RUN + 104, "trap"),
        _ends("fill of 2^32 - 1", _module(b"\x41\0\x41\0\x41\x7f" + fill), _ALL, "out-of-fuel"),
        _ends("copy", _module(b"\x41\0\x41\x04\x41\xc0\0\xfc\x0a\0\0"), _RUN + 103 + 16),
        _ends(
            "init",
            _module(b"\x41\0\x41\x01\x41\x03\xfc\x08\0\0", parts=passive),
            _RUN + 103,
        ),
        _ends(
            "init after drop",
            _module(b"\xfc\x09\0\x41\0\x41\0\x41\x04\xfc\x08\0\0", parts=passive),
            _RUN + 100 + 103 + 1,
            "trap",
        ),
    )


def _host() -> tuple[Case, ...]:
    output: dict[int, bytes | None] = {
        1: vector((b"\x60\0\0", b"\x60\x01\x7f\x01\x7f", b"\x60\x02\x7f\x7f\0")),
        2: b"\x01" + name("covey") + name("output") + b"\0\x02",
        7: vector((name("run") + b"\0\x01", name("memory") + b"\x02\0")),
        11: b"\x01\0\x41\x04\x0b\x0242",
    }
    through: dict[int, bytes | None] = {**output, 9: b"\x01\0\x41\0\x0b\x01\0"}
    validated = vector(
        (name("run") + b"\0\0", name("memory") + b"\x02\0", name("validate") + b"\0\x01")
    )
    return (
        _ends(
            "result",
            _module(b"\x41\x04\x41\x02\x10\0", parts=output),
            _RUN + 12 + 5_042,
            result="42",
        ),
        _ends(
            "host function through the table",
            _module(b"\x41\x04\x41\x02\x41\0\x11\x02\0", parts=through),
            _RUN + 3 + 16 + 5_042,
            result="42",
        ),
        _ends(
            "range of a host function beyond memory",
            _module(b"\x41\x7f\x41\x02\x10\0", parts=output),
            _RUN + 12,
            "trap",
        ),
        _ends("validate is paid too", _module(b"\x10\x01", parts={7: validated}), 2 * _RUN + 10),
    )


def _others() -> tuple[Case, ...]:
    padded = b"\x41\x85\x80\x80\x80\0\x10\x83\x80\x80\x80\0\x1a"
    padded += b"\x41\x85\0\x41\x81\0\x11\x81\0\x80\x80\x80\x80\0\x1a"
    zero, nan = b"\x44" + bytes(8), b"\x42" + signed(0x7FF8 << 48)
    return (
        _ends("numbers longer than needed", _module(padded), _RUN + 11 + 1 + 2 + 16 + 1),
        _ends("global", _module(b"\x23\0\x24\0"), _RUN + 2),
        _ends(
            "global begins anew",
            _module(b"\x23\0\x04\x40\0\x0b\x41\x01\x24\0"),
            _RUN + 3 + 2,
        ),
        # Frames of 16 + 4,000 slots, and of 16 + 320 / 16: eight and 910 fit.
        _ends("fat frames", _module(b"\x10\0", b"\x01\xa0\x1f\x7e"), _RUN + 80, "trap"),
        _ends("frames of much code", _module(b"\x01" * 316 + b"\x10\0"), _RUN + 9_100, "trap"),
        _ends(
            "canonical NaN",
            _module(zero + zero + b"\xa3\xbd" + nan + b"\x51" + _UNREACHABLE_UNLESS, floats=True),
            _RUN + 2 + 50 + 1 + 1 + 1 + 1 + 2,
        ),
        _ends(
            "NaN that keeps its payload",
            _module(
                b"\x43\x01\0\xa0\xff\x8c\xbc\x41"
                + signed(0x7FA00001)
                + b"\x46"
                + _UNREACHABLE_UNLESS,
                floats=True,
            ),
            _RUN + 1 + 1 + 1 + 1 + 1 + 1 + 2,
        ),
        _ends(
            "truncation of a NaN",
            _module(zero + zero + b"\xa3\xaa\x1a", floats=True),
            _RUN + 58,
            "trap",
        ),
    )


def _bad_code() -> tuple[Case, ...]:
    block = b"\x02\x40"
    cases = {
        "operand missing": (b"\x1a", "invalid"),
        "operand of another type": (_I64 + b"\x45\x1a", "invalid"),
        "operand of the block around": (_I32 + block + b"\x1a" + _END, "invalid"),
        "operand left": (_I32, "invalid"),
        "dead code of a wrong type": (b"\0" + _I64 + b"\x45\x1a", "invalid"),
        "dead block without its operand": (b"\0" + block + b"\x1a" + _END, "invalid"),
        "if that gives and has no else": (_I32 + b"\x04\x7f" + _I32 + _END + b"\x1a", "invalid"),
        "label beyond": (b"\x0c\x01", "invalid"),
        "local beyond": (b"\x20\0\x1a", "invalid"),
        "function beyond": (b"\x10\x04", "invalid"),
        "type beyond": (_I32 + b"\x11\x03\0", "invalid"),
        "global that a meter adds": (_I64 + b"\x24\x02", "invalid"),
        "global that a meter adds, padded": (_I64 + b"\x24\x82\x80\0", "invalid"),
        "constant global set": (_I64 + b"\x24\x01", "invalid"),
        "alignment over the natural": (_I32 + b"\x28\x03\0\x1a", "invalid"),
        "init without a data count": (_I32 * 3 + b"\xfc\x08\0\0", "invalid"),
        "i32 over 32 bits": (b"\x41\xff\xff\xff\xff\x0f\x1a", "malformed"),
        "i32 of six bytes": (b"\x41\x80\x80\x80\x80\x80\0\x1a", "malformed"),
        "index over 32 bits": (b"\x10\x80\x80\x80\x80\x10", "malformed"),
        "code after the end": (b"\x0b", "malformed"),
        "block without end": (block, "malformed"),
        "second memory": (b"\x3f\x01\x1a", "opcode"),
        "second table": (_I32 + b"\x11\0\x01", "opcode"),
        "table.get": (_I32 + b"\x25\0\x1a", "opcode"),
        "table.init": (_I32 * 3 + b"\xfc\x0c\0\0", "opcode"),
        "table.grow": (_I32 * 2 + b"\xfc\x0f\0\x1a", "opcode"),
        "null reference": (b"\xd0\x70\x1a", "opcode"),
        "tail call": (b"\x12\0", "opcode"),
        "exception": (b"\x06\x40\x0b", "opcode"),
        "object": (b"\xfb\0\0\x1a", "opcode"),
        "unknown opcode": (b"\xff", "opcode"),
        "vector": (b"\xfd\x0c" + bytes(16) + b"\x1a", "simd"),
        "atomic": (b"\xfe\x03\0", "threads"),
        "float": (b"\x43" + bytes(4) + b"\x1a", "floats"),
        "dead float": (b"\0\x92\x1a", "floats"),
        "600 nested blocks": (block * 600 + _END * 600, "too-many"),
        "8,193 stretches": ((_I32 + b"\x04\x40\x0b") * 8_193, "too-many"),
        "1,025 loops": (b"\x03\x40\x0b" * 1_025, "too-many"),
        "2,049 indirect calls": ((_I32 + b"\x11\0\0") * 2_049, "too-many"),
        "4,097 operands": (_I32 * 4_097 + b"\x1a" * 4_097, "too-many"),
        "branch table of 4,097": (_I32 + b"\x0e\x81\x20" + bytes(4_098), "too-many"),
    }
    return tuple(case(text, module=_module(c), code=rule) for text, (c, rule) in cases.items())


def _bad_parts() -> tuple[Case, ...]:
    exported = (name("run") + b"\0\0", name("memory") + b"\x02\0")
    cases: dict[str, tuple[dict[int, bytes | None], str]] = {
        "shared memory": ({5: b"\x01\x03\x01\x01"}, "threads"),
        "shared memory, padded": ({5: b"\x01\x83\0\x01\x01"}, "threads"),
        "memory of 64 bits": ({5: b"\x01\x04\x01"}, "memory"),
        "257 pages": ({5: b"\x01\0\x81\x02"}, "memory"),
        "maximum below the minimum": ({5: b"\x01\x01\x02\x01"}, "invalid"),
        "table of 10,001": ({4: b"\x01\x70\0\x91\x4e"}, "too-large"),
        "table of references": ({4: b"\x01\x6f\0\x01"}, "unknown-type"),
        "passive elements": ({9: b"\x01\x01\0\x01\x01"}, "segment"),
        "declared elements": ({9: b"\x01\x03\0\x01\x01"}, "segment"),
        "elements as expressions": ({9: b"\x01\x04\x41\0\x0b\x01\xd2\x01\x0b"}, "segment"),
        "elements beyond the table": ({9: b"\x01\0\x41\x03\x0b\x01\x01"}, "invalid"),
        "element that is no function": ({9: b"\x01\0\x41\0\x0b\x01\x04"}, "invalid"),
        "data beyond the memory": ({11: b"\x01\0\x41\xff\xff\x03\x0b\x02ab"}, "invalid"),
        "data at a global": ({11: b"\x01\0\x23\x01\x0b\x01a"}, "opcode"),
        "global of a sum": ({6: b"\x01\x7f\0\x41\x01\x41\x01\x6a\x0b"}, "opcode"),
        "global of another type": ({6: b"\x01\x7f\0\x42\0\x0b"}, "invalid"),
        "data count that differs": ({12: b"\x02", 11: b"\x01\x01\x01a"}, "malformed"),
        "fewer bodies than functions": ({10: b"\x01\x02\0\x0b"}, "malformed"),
        "reserved export": ({7: vector((*exported, name("covey:fuel") + b"\0\0"))}, "export"),
        "method that takes a value": (
            {7: vector((name("run") + b"\0\x03", exported[1]))},
            "export",
        ),
        "import from elsewhere": ({2: b"\x01" + name("env") + name("now") + b"\0\0"}, "import"),
        "imported memory": ({2: b"\x01" + name("covey") + name("m") + b"\x02\0\x01"}, "import"),
    }
    made = [case(text, module=_module(parts=p), code=rule) for text, (p, rule) in cases.items()]
    start = _module(tail=section(8, b"\0"))
    return (
        *made,
        case("start section out of order", module=start, code="start-section"),
        case("unknown section", module=_module(tail=section(13, b"\0")), code="unknown-section"),
        case("text", module=b"(module)", code="not-wasm"),
        case("cut off", module=_module()[:-1], code="malformed"),
    )
