"""The table of instructions as the loop over a function's code wants it: a row for each byte."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from covey.runtime.module.opcodes import OPCODES, PREFIX, Immediate, Opcode

__all__ = [
    "ACCESS",
    "ADDRESS",
    "CONST",
    "HANDLED",
    "LOCAL_GET",
    "LOCAL_SET",
    "LOCAL_TEE",
    "PLAIN",
    "REFUSED",
    "SLOW_TO_COMPILE",
    "Row",
    "dispatch_rows",
]

LOCAL_GET, LOCAL_SET, LOCAL_TEE, PLAIN, CONST, ADDRESS, HANDLED = range(7)

Row: TypeAlias = "tuple[int, bytes, slice, bytes, int, int]"
"""Kind, operands taken, the slice of the stack they are, operands given, price, and what the kind
needs: the greatest exponent of an alignment, the size of a constant, or REFUSED."""

ACCESS: Final = 1 << 32
"""Added to the price of a load or store, so that one sum has both fuel and number of accesses."""

REFUSED: Final = -1
SLOW_TO_COMPILE: Final = (0x77, 0x78, 0x89, 0x8A, 0xA8, 0xA9, 0xAA, 0xAB, 0xAE, 0xAF, 0xB0, 0xB1)
"""`rotl`, `rotr`, and conversions of floats to integers that may trap: checks of their own."""

_AFTER_THE_TOP: Final = slice(1 << 30, None)
_KINDS: Final = {
    Immediate.NONE: PLAIN,
    Immediate.ADDRESS: ADDRESS,
    Immediate.CONST_I32: CONST,
    Immediate.CONST_I64: CONST,
}
_LOCALS: Final = {"local.get": LOCAL_GET, "local.set": LOCAL_SET, "local.tee": LOCAL_TEE}


@lru_cache(maxsize=4)
def dispatch_rows(*, floats: bool, memory: bool) -> tuple[Row, ...]:
    """A row for each opcode of one byte; floats, memory: whether the module may use them."""
    rows: list[Row] = [(HANDLED, b"", _AFTER_THE_TOP, b"", 0, REFUSED)] * 256
    for code, opcode in OPCODES.items():
        allowed = (floats or not opcode.is_float) and (memory or not _is_memory(opcode))
        if code < 256 and allowed:
            rows[code] = _row(opcode)
    rows[PREFIX] = (HANDLED, b"", _AFTER_THE_TOP, b"", 0, 0)
    return tuple(rows)


def _is_memory(opcode: Opcode) -> bool:
    return opcode.immediate is Immediate.ADDRESS or opcode.name.startswith("memory.")


def _row(opcode: Opcode) -> Row:
    kind = _LOCALS.get(opcode.name)
    if kind is None:
        is_handled = opcode.is_canonical or opcode.code in SLOW_TO_COMPILE
        kind = HANDLED if is_handled else _KINDS.get(opcode.immediate, HANDLED)
    taken = slice(-len(opcode.pops), None) if opcode.pops else _AFTER_THE_TOP
    need = {"f32.const": 4, "f64.const": 8}.get(opcode.name, opcode.align_max)
    accesses = ACCESS if opcode.immediate is Immediate.ADDRESS else 0
    return (kind, opcode.pops, taken, opcode.pushes, opcode.price + accesses, need)
