"""How wasmer's errors read, in the words that all engines share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from covey.model import limits
from covey.runtime.engine import GuestStopped
from covey.runtime.traps import TrapKind, native_overflow, trapped, unexplained

__all__ = ["first_line", "is_panic", "judge"]

# The library tells traps by their text alone.
_KINDS: Final[Mapping[str, TrapKind]] = {
    "unreachable": TrapKind.UNREACHABLE,
    "integer divide by zero": TrapKind.DIVISION_BY_ZERO,
    "integer overflow": TrapKind.DIVISION_OVERFLOW,
    "out of bounds memory access": TrapKind.MEMORY_OUT_OF_BOUNDS,
    "undefined element: out of bounds table access": TrapKind.TABLE_OUT_OF_BOUNDS,
    "uninitialized element": TrapKind.EMPTY_ELEMENT,
    "indirect call type mismatch": TrapKind.WRONG_TYPE,
    "invalid conversion to integer": TrapKind.CONVERSION,
}
_STACK_EXHAUSTED: Final = "call stack exhausted"
_PREFIX: Final = "RuntimeError: "


def judge(error: RuntimeError, fuel_left: int, stack_left: int) -> GuestStopped:
    """Why a run ended, by what was raised and what the module's own counters say."""
    reason = first_line(error)
    if reason == _STACK_EXHAUSTED:
        return native_overflow()
    kind = _KINDS.get(reason)
    return unexplained(reason) if kind is None else trapped(kind, fuel_left, stack_left)


def first_line(error: BaseException) -> str:
    """The engine's reason without its trace of frames, bounded."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].removeprefix(_PREFIX)[: limits.MESSAGE_BYTES_MAX]


def is_panic(error: BaseException) -> bool:
    """Whether the engine itself broke; by name, since the class cannot be imported."""
    return type(error).__name__ == "PanicException"
