"""One pass over a function's code that validates it, measures its frame and rewrites it.

The loop here knows the instructions that most code consists of; `control.py` has those that
change the flow, and what is rare. Operand types are a `bytearray`, so that one comparison of bytes
checks the operands of an instruction, their number included.
Source: WebAssembly Core Specification 2.0, appendix "Validation Algorithm".
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.model import limits
from covey.runtime.module.control import Control
from covey.runtime.module.dispatch import CONST, HANDLED, LOCAL_GET, LOCAL_SET, LOCAL_TEE, PLAIN
from covey.runtime.module.layout import Scope
from covey.runtime.module.meter import Meter, locals_code
from covey.runtime.module.parts import read_value_type
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.values import F32, F64, I64, FunctionType

__all__ = ["RewrittenFunction", "rewrite_function"]


@dataclass(frozen=True, slots=True)
class RewrittenFunction:
    """code: the body. drops_data: it may drop data. The others: what it takes to compile.

    stretches, carried: see `limits.py`. live: stretches times values that may be alive in them.
    """

    code: bytes
    drops_data: bool
    stretches: int
    carried: int
    live: int


def rewrite_function(
    reader: BinaryReader, kind: FunctionType, scope: Scope, meter: Meter
) -> RewrittenFunction:
    """Validate and rewrite the body of one function.

    reader: of this body alone. Raises ConfigError naming the rule and the byte.
    """
    start, size_bytes = reader.at, reader.end - reader.at
    groups = _read_locals(reader, floats=scope.parts.floats)
    types = kind.parameters + b"".join(bytes((code,)) * count for count, code in groups)
    body = _Body(reader, types, kind, scope, meter)
    code = body.rewrite()
    for what, count, most in (
        ("operands at once", body.high, limits.OPERANDS_MAX),
        ("stretches of code", body.stretches, limits.FUNCTION_STRETCHES_MAX),
        ("values carried where code meets", body.carried, limits.FUNCTION_CARRIED_MAX),
    ):
        if count > most:
            refuse("too-many", f"a function has {count} {what}, more than {most}", start)
    groups += [(1, I64), (1, F32), (1, F64)] if scope.parts.floats else [(1, I64)]
    slots = limits.FRAME_SLOTS + len(types) + len(kind.results) + body.high
    slots += size_bytes // limits.FRAME_BYTES_PER_SLOT
    code = locals_code(groups) + meter.framed(slots, code, kind.results, len(types))
    live = body.stretches * (len(types) + body.high)
    return RewrittenFunction(code, body.drops_data, body.stretches, body.carried, live)


def _read_locals(reader: BinaryReader, *, floats: bool) -> list[tuple[int, int]]:
    """Groups of (count, value type); empty ones are left out."""
    at, total = reader.at, 0
    groups = []
    for _ in range(reader.count("groups of locals", limits.FUNCTION_LOCALS_MAX)):
        count = reader.u32()
        total += count
        value_type = read_value_type(reader, floats=floats)
        if total > limits.FUNCTION_LOCALS_MAX:
            most = limits.FUNCTION_LOCALS_MAX
            refuse("too-many", f"a function has more than {most} locals", at)
        if count:
            groups.append((count, value_type))
    return groups


class _Body(Control):
    """One function under way."""

    __slots__ = ()

    def rewrite(self) -> bytes:
        """The code of the block that takes the function's place. Raises ConfigError."""
        try:
            while self.frames:
                self._run_plain()
        except IndexError:
            refuse("malformed", "a function is shorter than its code", self.base + len(self.code))
        if self.at != len(self.code):
            refuse("malformed", "a function is longer than its code", self.base + self.at)
        return bytes(self.out)

    def _run_plain(self) -> None:
        """Instructions up to one that needs more, and that one. Hot: names are local."""
        code, stack, locals_, rows = self.code, self.stack, self.locals, self.rows
        at, floor, high, cost = self.at, self.floor, self.high, self.cost
        local_count, assigned = len(locals_), self.assigned
        while True:
            if len(stack) > high:  # noqa: PLR1730 - a call of `max` is dear here
                high = len(stack)
            kind, pops, taken, pushes, price, need = rows[code[at]]
            cost += price
            if kind <= LOCAL_TEE:
                index, after = code[at + 1], at + 2
                if index >= 0x80:
                    index, after = self.long_index(at)
                if index >= local_count:
                    refuse("invalid", f"there is no local {index}", self.base + at)
                if kind == LOCAL_GET:
                    stack.append(locals_[index])
                else:
                    if len(stack) == floor or stack[-1] != locals_[index]:
                        self.require(locals_[index : index + 1], at)
                    assigned.append(index)
                    if kind == LOCAL_SET:
                        del stack[-1]
                at = after
                continue
            if kind == HANDLED:
                self.at, self.cost = at, cost
                if not self.dead_depth:
                    self.high = high
                self.handle(code[at])
                return
            if stack.endswith(pops, floor):
                stack[taken] = pushes
            else:
                self.pop_slowly(pops, at)
                stack += pushes
            if kind == PLAIN:
                at += 1
            elif kind == CONST:
                at = at + 2 if code[at + 1] < 0x80 else self.long_constant(at)
            elif code[at + 1] > need or code[at + 2] >= 0x80:
                at = self.long_address(at, need)
            else:
                at += 3
