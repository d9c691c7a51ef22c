"""How wasmtime's numbers of traps are called by every engine, and its errors by a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wasmtime import TrapCode

from covey.model import limits
from covey.runtime.traps import TrapKind

__all__ = ["INTERRUPT", "KINDS", "STACK_OVERFLOW", "first_line"]

INTERRUPT: Final[int] = TrapCode.INTERRUPT.value
STACK_OVERFLOW: Final[int] = TrapCode.STACK_OVERFLOW.value
KINDS: Final[Mapping[int, TrapKind]] = {
    TrapCode.UNREACHABLE.value: TrapKind.UNREACHABLE,
    TrapCode.INTEGER_DIVISION_BY_ZERO.value: TrapKind.DIVISION_BY_ZERO,
    TrapCode.INTEGER_OVERFLOW.value: TrapKind.DIVISION_OVERFLOW,
    TrapCode.MEMORY_OUT_OF_BOUNDS.value: TrapKind.MEMORY_OUT_OF_BOUNDS,
    TrapCode.TABLE_OUT_OF_BOUNDS.value: TrapKind.TABLE_OUT_OF_BOUNDS,
    TrapCode.INDIRECT_CALL_TO_NULL.value: TrapKind.EMPTY_ELEMENT,
    TrapCode.BAD_SIGNATURE.value: TrapKind.WRONG_TYPE,
    TrapCode.BAD_CONVERSION_TO_INTEGER.value: TrapKind.CONVERSION,
}


def first_line(error: Exception) -> str:
    """The engine's reason without its trace of addresses, bounded."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line[:2] in ("0:", "1:")]
    return "; ".join([*lines[:1], *causes[-1:]])[: limits.MESSAGE_BYTES_MAX]
