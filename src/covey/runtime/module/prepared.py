"""A module that passed every rule and was rewritten to meter itself.

The form of the rewritten code, which engines rely on (protocols/execution.md says what it means):

- every import `covey.NAME : (P...) -> (R...)` has become `(P..., i64) -> (R..., i64)`: the last
  argument is the fuel left, the last result the fuel left after the host took its price;
- every entry (method, `validate`) is exported under its name as `(i64) -> (i64)`: fuel given, fuel
  left. It first sets fuel, stack and every mutable global to what they are at the start of a run;
- besides it exports `memory`, and for a host that looks at a run that trapped `covey:fuel`
  (mutable i64: not positive where fuel ran out) and `covey:stack` (mutable i32: negative where
  the stack was used up). No other export of the original is left.
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.model import Interface

__all__ = [
    "FUEL_EXPORT",
    "HOST_MEMORY_MARK",
    "RESERVED_PREFIX",
    "STACK_EXPORT",
    "ModuleFacts",
    "PreparedModule",
]

RESERVED_PREFIX = "covey:"
FUEL_EXPORT = "covey:fuel"
STACK_EXPORT = "covey:stack"

HOST_MEMORY_MARK = -(2**31)
"""What `covey:stack` holds where the engine refused pages that the module may have: a host fault,
since another node may have the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleFacts:
    """What whoever runs a module needs to know of it, without its code.

    entries: the methods, and `validate` where there is one, in the order of the interface.
    floats: it uses floating point (NaNs are made canonical by the code itself).
    memory_pages: of 64 KiB, at the start of a run. is_restorable: nothing but memory and globals
    can differ after a run that returned and did not grow memory, so an instance whose memory is
    restored is as good as a fresh one.
    """

    interface: Interface
    entries: tuple[str, ...]
    floats: bool
    memory_pages: int
    is_restorable: bool


@dataclass(frozen=True, slots=True)
class PreparedModule:
    """code: the rewritten binary."""

    facts: ModuleFacts
    code: bytes
