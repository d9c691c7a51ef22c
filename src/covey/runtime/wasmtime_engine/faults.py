"""How wasmtime's traps and errors read to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import wasmtime

from covey.model import Failure, limits
from covey.runtime.engine import GuestStopped, Interrupt

__all__ = ["first_line", "interrupted", "out_of_fuel", "trapped"]

_KNOWN: Final[Mapping[wasmtime.TrapCode, tuple[Failure, str]]] = {
    wasmtime.TrapCode.STACK_OVERFLOW: (
        Failure.HOST_FAULT,
        "the code recursed deeper than this node's stack allows",
    ),
    wasmtime.TrapCode.OUT_OF_FUEL: (Failure.OUT_OF_FUEL, "the call ran out of fuel"),
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: (
        Failure.TRAP,
        "the code reached outside its memory",
    ),
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: (Failure.TRAP, "the code reached outside its table"),
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: (
        Failure.TRAP,
        "the code called an empty element of its table",
    ),
    wasmtime.TrapCode.BAD_SIGNATURE: (
        Failure.TRAP,
        "the code called a function as one of another type",
    ),
    wasmtime.TrapCode.INTEGER_OVERFLOW: (Failure.TRAP, "a division overflowed"),
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: (Failure.TRAP, "the code divided by zero"),
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: (
        Failure.TRAP,
        "the code converted to an integer what is none",
    ),
    wasmtime.TrapCode.UNREACHABLE: (Failure.TRAP, "the code reached `unreachable`"),
}
_INTERRUPTIONS: Final = {
    Failure.CANCELLED: "the caller went away",
    Failure.HOST_FAULT: "the node stopped the code, which took too long",
}


def out_of_fuel() -> GuestStopped:
    """The run used all it was given."""
    return GuestStopped(*_KNOWN[wasmtime.TrapCode.OUT_OF_FUEL])


def trapped(trap: wasmtime.Trap, interrupt: Interrupt) -> GuestStopped:
    """Why the code trapped by itself."""
    code = trap.trap_code
    if code is wasmtime.TrapCode.INTERRUPT:
        return interrupted(interrupt)
    known = _KNOWN.get(code) if code is not None else None
    if known is None:
        return GuestStopped(Failure.TRAP, f"the code trapped: {first_line(trap)}")
    return GuestStopped(*known)


def interrupted(interrupt: Interrupt) -> GuestStopped:
    """The run was ended from outside."""
    reason = interrupt.reason or Failure.HOST_FAULT
    return GuestStopped(reason, _INTERRUPTIONS.get(reason, "the node stopped the code"))


def first_line(error: Exception) -> str:
    """The engine's reason without its trace of addresses, bounded."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line[:2] in ("0:", "1:")]
    return "; ".join([*lines[:1], *causes[-1:]])[: limits.MESSAGE_BYTES_MAX]
