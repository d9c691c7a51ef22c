"""The one table of instructions: what each takes, gives and costs.

Validation, rewriting, the specification's table, tests and the benchmark are all driven by it.
What it does not list, no module may hold.
Source: WebAssembly Core Specification 2.0, chapters 3.3 and 5.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from covey.runtime.module import prices
from covey.runtime.module.values import F32, F64, I32, I64

__all__ = ["OPCODES", "PREFIX", "REFUSED", "REFUSED_PREFIXED", "Immediate", "Opcode"]

PREFIX: Final = 0xFC
"""The byte before the numbers of saturating truncation and bulk memory."""


class Immediate(Enum):
    """What follows an opcode, and with it who reads it."""

    NONE = "none"
    LOCAL = "local"
    GLOBAL = "global"
    ADDRESS = "address"
    CONST_I32 = "i32"
    CONST_I64 = "i64"
    CONST_F32 = "f32"
    CONST_F64 = "f64"
    BLOCK = "block"
    CONTROL = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opcode:
    """One instruction.

    code: the byte, or 0xfc00 and the number after the prefix. pops, pushes: value types, the top
    of the stack last; empty where they depend on the place. align_max: exponent of the natural
    alignment of an address. is_canonical: a NaN it gives is replaced by the canonical one.
    """

    code: int
    name: str
    immediate: Immediate
    pops: bytes
    pushes: bytes
    price: int
    align_max: int = 0
    is_float: bool = False
    is_canonical: bool = False


_LETTERS: Final = {"i": I32, "l": I64, "f": F32, "d": F64}
_COMPARED: Final = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"
_INTEGER: Final = "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"
_FLOAT_ONE: Final = "abs neg ceil floor trunc nearest sqrt"
_FLOAT_TWO: Final = "add sub mul div min max copysign"
# First byte, prefix of the names, names, types.
_NUMERIC: Final = (
    (0x45, "i32.", "eqz", "i>i"),
    (0x46, "i32.", _COMPARED, "ii>i"),
    (0x50, "i64.", "eqz", "l>i"),
    (0x51, "i64.", _COMPARED, "ll>i"),
    (0x5B, "f32.", "eq ne lt gt le ge", "ff>i"),
    (0x61, "f64.", "eq ne lt gt le ge", "dd>i"),
    (0x67, "i32.", "clz ctz popcnt", "i>i"),
    (0x6A, "i32.", _INTEGER, "ii>i"),
    (0x79, "i64.", "clz ctz popcnt", "l>l"),
    (0x7C, "i64.", _INTEGER, "ll>l"),
    (0x8B, "f32.", _FLOAT_ONE, "f>f"),
    (0x92, "f32.", _FLOAT_TWO, "ff>f"),
    (0x99, "f64.", _FLOAT_ONE, "d>d"),
    (0xA0, "f64.", _FLOAT_TWO, "dd>d"),
    (0xA7, "i32.", "wrap_i64", "l>i"),
    (0xA8, "i32.", "trunc_f32_s trunc_f32_u", "f>i"),
    (0xAA, "i32.", "trunc_f64_s trunc_f64_u", "d>i"),
    (0xAC, "i64.", "extend_i32_s extend_i32_u", "i>l"),
    (0xAE, "i64.", "trunc_f32_s trunc_f32_u", "f>l"),
    (0xB0, "i64.", "trunc_f64_s trunc_f64_u", "d>l"),
    (0xB2, "f32.", "convert_i32_s convert_i32_u", "i>f"),
    (0xB4, "f32.", "convert_i64_s convert_i64_u", "l>f"),
    (0xB6, "f32.", "demote_f64", "d>f"),
    (0xB7, "f64.", "convert_i32_s convert_i32_u", "i>d"),
    (0xB9, "f64.", "convert_i64_s convert_i64_u", "l>d"),
    (0xBB, "f64.", "promote_f32", "f>d"),
    (0xBC, "i32.", "reinterpret_f32", "f>i"),
    (0xBD, "i64.", "reinterpret_f64", "d>l"),
    (0xBE, "f32.", "reinterpret_i32", "i>f"),
    (0xBF, "f64.", "reinterpret_i64", "l>d"),
    (0xC0, "i32.", "extend8_s extend16_s", "i>i"),
    (0xC2, "i64.", "extend8_s extend16_s extend32_s", "l>l"),
    (0xFC00, "i32.", "trunc_sat_f32_s trunc_sat_f32_u", "f>i"),
    (0xFC02, "i32.", "trunc_sat_f64_s trunc_sat_f64_u", "d>i"),
    (0xFC04, "i64.", "trunc_sat_f32_s trunc_sat_f32_u", "f>l"),
    (0xFC06, "i64.", "trunc_sat_f64_s trunc_sat_f64_u", "d>l"),
)
# Name, types, exponent of the natural alignment; from byte 0x28 on.
_ADDRESSED: Final = (
    ("i32.load", "i>i", 2), ("i64.load", "i>l", 3), ("f32.load", "i>f", 2), ("f64.load", "i>d", 3),
    ("i32.load8_s", "i>i", 0), ("i32.load8_u", "i>i", 0),
    ("i32.load16_s", "i>i", 1), ("i32.load16_u", "i>i", 1),
    ("i64.load8_s", "i>l", 0), ("i64.load8_u", "i>l", 0),
    ("i64.load16_s", "i>l", 1), ("i64.load16_u", "i>l", 1),
    ("i64.load32_s", "i>l", 2), ("i64.load32_u", "i>l", 2),
    ("i32.store", "ii>", 2), ("i64.store", "il>", 3),
    ("f32.store", "if>", 2), ("f64.store", "id>", 3),
    ("i32.store8", "ii>", 0), ("i32.store16", "ii>", 1),
    ("i64.store8", "il>", 0), ("i64.store16", "il>", 1), ("i64.store32", "il>", 2),
)  # fmt: skip
_OTHERS: Final = (
    (0x00, "unreachable", Immediate.CONTROL, ">", prices.PLAIN),
    (0x01, "nop", Immediate.NONE, ">", prices.FREE),
    (0x02, "block", Immediate.BLOCK, ">", prices.FREE),
    (0x03, "loop", Immediate.BLOCK, ">", prices.FREE),
    (0x04, "if", Immediate.BLOCK, "i>", prices.BRANCH),
    (0x05, "else", Immediate.CONTROL, ">", prices.FREE),
    (0x0B, "end", Immediate.CONTROL, ">", prices.FREE),
    (0x0C, "br", Immediate.CONTROL, ">", prices.BRANCH),
    (0x0D, "br_if", Immediate.CONTROL, "i>", prices.BRANCH),
    (0x0E, "br_table", Immediate.CONTROL, "i>", prices.BRANCH_TABLE),
    (0x0F, "return", Immediate.CONTROL, ">", prices.BRANCH),
    (0x10, "call", Immediate.CONTROL, ">", prices.CALL),
    (0x11, "call_indirect", Immediate.CONTROL, "i>", prices.CALL_INDIRECT),
    (0x1A, "drop", Immediate.CONTROL, ">", prices.FREE),
    (0x1B, "select", Immediate.CONTROL, ">", prices.PLAIN),
    (0x20, "local.get", Immediate.LOCAL, ">", prices.PLAIN),
    (0x21, "local.set", Immediate.LOCAL, ">", prices.PLAIN),
    (0x22, "local.tee", Immediate.LOCAL, ">", prices.PLAIN),
    (0x23, "global.get", Immediate.GLOBAL, ">", prices.PLAIN),
    (0x24, "global.set", Immediate.GLOBAL, ">", prices.PLAIN),
    (0x3F, "memory.size", Immediate.CONTROL, ">i", prices.PLAIN),
    (0x40, "memory.grow", Immediate.CONTROL, "i>i", prices.GROW),
    (0x41, "i32.const", Immediate.CONST_I32, ">i", prices.PLAIN),
    (0x42, "i64.const", Immediate.CONST_I64, ">l", prices.PLAIN),
    (0x43, "f32.const", Immediate.CONST_F32, ">f", prices.PLAIN),
    (0x44, "f64.const", Immediate.CONST_F64, ">d", prices.PLAIN),
    (0xFC08, "memory.init", Immediate.CONTROL, "iii>", prices.BULK),
    (0xFC09, "data.drop", Immediate.CONTROL, ">", prices.BULK),
    (0xFC0A, "memory.copy", Immediate.CONTROL, "iii>", prices.BULK),
    (0xFC0B, "memory.fill", Immediate.CONTROL, "iii>", prices.BULK),
)
_SIGN_ONLY: Final = frozenset(("abs", "neg", "copysign"))
_SLOW: Final = ("mul", "div", "sqrt", "demote", "promote")
_DIVIDED: Final = frozenset(("div_s", "div_u", "rem_s", "rem_u"))


def _types(text: str) -> tuple[bytes, bytes]:
    pops, _, pushes = text.partition(">")
    return bytes(_LETTERS[p] for p in pops), bytes(_LETTERS[p] for p in pushes)


def _price(operation: str, *, is_float: bool) -> int:
    if operation in _DIVIDED:
        return prices.DIVISION
    if is_float and operation.startswith(_SLOW):
        return prices.FLOAT_SLOW
    if not is_float or operation in _SIGN_ONLY or operation.startswith("reinterpret"):
        return prices.PLAIN
    if "trunc_" in operation or operation.startswith("convert"):
        return prices.CONVERSION
    return prices.FLOAT


def _all() -> Iterator[Opcode]:
    for first, prefix, names, types in _NUMERIC:
        is_float = "f" in types or "d" in types
        pops, pushes = _types(types)
        for place, operation in enumerate(names.split()):
            yield Opcode(
                code=first + place,
                name=prefix + operation,
                immediate=Immediate.NONE,
                pops=pops,
                pushes=pushes,
                price=_price(operation, is_float=is_float),
                is_float=is_float,
                is_canonical=_may_give_nan(operation, types),
            )
    for place, (name, types, align_max) in enumerate(_ADDRESSED):
        pops, pushes = _types(types)
        yield Opcode(
            code=0x28 + place,
            name=name,
            immediate=Immediate.ADDRESS,
            pops=pops,
            pushes=pushes,
            price=prices.ADDRESSED,
            align_max=align_max,
            is_float=name.startswith("f"),
        )
    for code, name, immediate, types, price in _OTHERS:
        pops, pushes = _types(types)
        yield Opcode(
            code=code,
            name=name,
            immediate=immediate,
            pops=pops,
            pushes=pushes,
            price=price,
            is_float=name.startswith("f"),
        )


def _may_give_nan(operation: str, types: str) -> bool:
    """Arithmetic on floats that gives a float; conversions from integers never give NaN."""
    taken, _, given = types.partition(">")
    return given in ("f", "d") and taken[0] in ("f", "d") and operation not in _SIGN_ONLY


OPCODES: Final = MappingProxyType({opcode.code: opcode for opcode in _all()})
"""Every instruction that a module may hold, by its code."""

REFUSED: Final = MappingProxyType(
    {
        **dict.fromkeys((0x06, 0x07, 0x08, 0x09, 0x0A, 0x18, 0x19, 0x1F), ("opcode", "exceptions")),
        **dict.fromkeys((0x12, 0x13), ("opcode", "tail calls")),
        **dict.fromkeys((0x14, 0x15, 0xD3, 0xD4, 0xD5, 0xD6), ("opcode", "typed references")),
        **dict.fromkeys((0x1C, 0x25, 0x26, 0xD0, 0xD1, 0xD2), ("opcode", "reference types")),
        0xFB: ("opcode", "garbage-collected objects"),
        0xFD: ("simd", "SIMD"),
        0xFE: ("threads", "threads"),
    }
)
"""Rule and name of instructions that are known and refused."""

REFUSED_PREFIXED: Final = MappingProxyType(
    {
        12: "table.init", 13: "elem.drop", 14: "table.copy",
        15: "table.grow", 16: "table.size", 17: "table.fill",
    }
)  # fmt: skip
"""The same behind the prefix: tables never change while code runs."""
