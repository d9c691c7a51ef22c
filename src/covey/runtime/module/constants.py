"""Constant expressions: the first value of a global, the place of a segment.

Without imported globals, the first version of WebAssembly leaves one constant and `end`.
Source: WebAssembly Core Specification 2.0, chapter 3.3.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from covey.runtime.module.encode import signed
from covey.runtime.module.opcodes import OPCODES, REFUSED
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.values import F32, F64, I32, I64, NAMES

__all__ = ["Constant", "read_constant"]

_END: Final = 0x0B
_TYPES: Final = {0x41: I32, 0x42: I64, 0x43: F32, 0x44: F64}


@dataclass(frozen=True, slots=True)
class Constant:
    """code: its one instruction, without `end`. number: of an `i32` as unsigned, else 0."""

    code: bytes
    number: int = 0


def read_constant(reader: BinaryReader, value_type: int) -> Constant:
    """A constant expression of that type. Raises ConfigError."""
    at = reader.at
    opcode = reader.byte()
    if opcode not in _TYPES:
        _refuse(opcode, at)
    if _TYPES[opcode] != value_type:
        found = NAMES[_TYPES[opcode]]
        refuse("invalid", f"a constant is of type {found}, not {NAMES[value_type]}", at)
    constant = _read_value(reader, opcode)
    at = reader.at
    following = reader.byte()
    if following != _END:
        _refuse(following, at)
    return constant


def _read_value(reader: BinaryReader, opcode: int) -> Constant:
    value_type = _TYPES[opcode]
    if value_type in (F32, F64):
        return Constant(bytes((opcode,)) + reader.take(4 if value_type == F32 else 8))
    number = reader.signed(32 if value_type == I32 else 64)
    unsigned = number % (1 << 32) if value_type == I32 else 0
    return Constant(bytes((opcode,)) + signed(number), unsigned)


def _refuse(opcode: int, at: int) -> None:
    """Anything else: references, the extended constants, or no constant at all."""
    rule, what = REFUSED.get(opcode, ("opcode", "an instruction"))
    known = OPCODES.get(opcode)
    if opcode == _END:
        refuse("invalid", "a constant expression is empty", at)
    what = known.name if known is not None else f"{what} (0x{opcode:02x})"
    refuse(rule, f"it uses {what} in a constant expression", at)
