"""What ended a run, in the same words on every engine: one table of traps, one way to judge.

An engine translates its own names of traps into `TrapKind`, and everything it does not know into
None: that is its own failure, never a verdict on the code.
"""

from __future__ import annotations

import enum
from typing import Final

from covey.model import Failure
from covey.runtime.engine import GuestStopped, Interrupt
from covey.runtime.module import HOST_MEMORY_MARK

__all__ = [
    "TrapKind",
    "interrupted",
    "native_overflow",
    "not_started",
    "out_of_fuel",
    "trapped",
    "unexplained",
]


class TrapKind(enum.Enum):
    """Why the specification ends a program; the value is what a person is told."""

    UNREACHABLE = "the code reached `unreachable`"
    DIVISION_BY_ZERO = "the code divided by zero"
    DIVISION_OVERFLOW = "an integer overflowed"
    MEMORY_OUT_OF_BOUNDS = "the code reached outside its memory"
    TABLE_OUT_OF_BOUNDS = "the code reached outside its table"
    EMPTY_ELEMENT = "the code called an empty element of its table"
    WRONG_TYPE = "the code called a function as one of another type"
    CONVERSION = "the code converted to an integer what is none"


_INTERRUPTIONS: Final = {
    Failure.CANCELLED: "the caller went away",
    Failure.HOST_FAULT: "the node stopped the code, which took too long",
}


def trapped(kind: TrapKind, fuel_left: int, stack_left: int) -> GuestStopped:
    """The verdict on code that trapped by itself.

    fuel_left, stack_left: what the module's own counters say after it; they explain the
    `unreachable` that a prepared module ends in when one of them is used up.
    """
    if fuel_left <= 0:
        return out_of_fuel()
    if stack_left == HOST_MEMORY_MARK:
        message = "this node could not give the memory that the code may have"
        return GuestStopped(Failure.HOST_FAULT, message)
    if stack_left < 0:
        message = "the code recursed deeper than an application may"
        return GuestStopped(Failure.TRAP, message)
    return GuestStopped(Failure.TRAP, kind.value)


def out_of_fuel() -> GuestStopped:
    """The run used all it was given."""
    return GuestStopped(Failure.OUT_OF_FUEL, "the call ran out of fuel")


def native_overflow() -> GuestStopped:
    """The stack of this node ended before the one that the module counts."""
    message = "the code recursed deeper than this node's stack allows"
    return GuestStopped(Failure.HOST_FAULT, message)


def interrupted(interrupt: Interrupt) -> GuestStopped:
    """The run was ended from outside."""
    reason = interrupt.reason or Failure.HOST_FAULT
    return GuestStopped(reason, _INTERRUPTIONS.get(reason, "the node stopped the code"))


def not_started(reason: str) -> GuestStopped:
    """What could be instantiated once cannot be now: this node lacks something."""
    return GuestStopped(Failure.HOST_FAULT, f"this node could not start the code: {reason}")


def unexplained(reason: str) -> GuestStopped:
    """The engine failed in a way that says nothing about the code."""
    return GuestStopped(Failure.HOST_FAULT, f"the engine failed: {reason}")
