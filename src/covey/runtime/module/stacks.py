"""The state of one function under validation: operands, frames, and the code that comes out.

Source: WebAssembly Core Specification 2.0, appendix "Validation Algorithm".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from covey.runtime.module.dispatch import dispatch_rows
from covey.runtime.module.encode import signed, unsigned
from covey.runtime.module.layout import Scope
from covey.runtime.module.meter import Meter
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.values import FunctionType, named

__all__ = ["UNKNOWN", "Frame", "FunctionState"]

UNKNOWN: Final = 0
"""The type of an operand that dead code takes from nowhere."""

_BLOCK: Final = 0x02
_LOOP: Final = 0x03


@dataclass(slots=True)
class Frame:
    """A block, loop, `if` or `else` under way, by its opcode.

    floor: operands below it are out of its reach. is_dead: the rest of it cannot be reached, so
    its operands may be anything. assigned: a bit for each local that live code in it sets.
    branches: how many of live code lead to its label.
    """

    opcode: int
    starts: bytes
    ends: bytes
    floor: int
    is_dead: bool = False
    assigned: int = 0
    branches: int = 0

    @property
    def label(self) -> bytes:
        """What a branch to it takes along."""
        return self.starts if self.opcode == _LOOP else self.ends


class FunctionState:
    """Operands and frames, the stretch under way and the code before it.

    added: the first local that is, which holds the fuel left. reload: code that reads it anew.
    at: in `code`, whose first byte is at `base` of the module. Code up to `start` has been copied
    to `stretch`; the rest is copied as it is when the stretch ends. dead_depth: the number of
    frames where code became dead, 0 while it is live; dead code is checked and dropped. assigned:
    locals set since the frame began or one within it ended.
    """

    __slots__ = (
        *("added", "assigned", "at", "base", "carried", "code", "content", "cost", "dead_depth"),
        *("drops_data", "floor", "frames", "high", "locals", "meter", "out", "reload", "rows"),
        *("scope", "stack", "start", "stretch", "stretches"),
    )

    def __init__(
        self, reader: BinaryReader, types: bytes, kind: FunctionType, scope: Scope, meter: Meter
    ) -> None:
        self.content = reader.content
        self.base = reader.at
        self.code = reader.content[reader.at : reader.end]
        self.at = self.start = self.floor = self.high = self.cost = self.dead_depth = 0
        self.carried = self.stretches = 0
        self.assigned: list[int] = []
        self.drops_data = False
        self.locals = types
        self.added = len(types)
        self.reload = meter.reload(self.added)
        self.scope = scope
        self.meter = meter
        self.rows = dispatch_rows(floats=scope.parts.floats, memory=scope.parts.memory is not None)
        self.stack = bytearray()
        self.stretch = bytearray()
        self.out = bytearray()
        self.frames = [Frame(0x02, b"", kind.results, 0)]

    # -- operands

    def pop(self, expected: int, at: int) -> int:
        """Take one operand; UNKNOWN expects any. Gives its type."""
        if len(self.stack) == self.floor:
            if not self.frames[-1].is_dead:
                refuse("invalid", "an instruction lacks an operand", self.base + at)
            return UNKNOWN
        actual = self.stack.pop()
        if actual not in (expected, UNKNOWN) and expected != UNKNOWN:
            found = f"an operand is of type {named((actual,))}, not {named((expected,))}"
            refuse("invalid", found, self.base + at)
        return actual

    def pop_slowly(self, expected: bytes, at: int) -> bytes:
        """Take operands one by one: where some are missing, of another type or unknown."""
        taken = bytes(self.pop(value_type, at) for value_type in reversed(expected))
        return taken[::-1]

    def take(self, expected: bytes, at: int) -> None:
        """Take operands, the last of them from the top."""
        if self.stack.endswith(expected, self.floor):
            del self.stack[len(self.stack) - len(expected) :]
        else:
            self.pop_slowly(expected, at)

    def require(self, expected: bytes, at: int) -> None:
        """See that the operands are there, and leave them."""
        if not self.stack.endswith(expected, self.floor):
            self.pop_slowly(expected, at)
            self.stack += expected

    # -- numbers in the code

    def reader(self, at: int) -> BinaryReader:
        """A reader from there to the end of the function, which tells places in the module."""
        return BinaryReader(self.content, self.base + at, self.base + len(self.code))

    def number(self, at: int) -> tuple[int, int]:
        """As `index`, for an instruction that is replaced whole."""
        reader = self.reader(at + 1)
        return reader.u32(), reader.at - self.base

    def index(self, at: int) -> tuple[int, int]:
        """The unsigned number after the byte at `at`, and where what follows it begins."""
        first = self.code[at + 1]
        return (first, at + 2) if first < 0x80 else self.long_index(at)

    def long_index(self, at: int) -> tuple[int, int]:
        """The same for a number of more than one byte, which is written anew as short as can be."""
        number, after = self.number(at)
        shortest = unsigned(number)
        if after - at - 1 != len(shortest):
            self.replace(at, after, self.code[at : at + 1] + shortest)
        return number, after

    def long_constant(self, at: int) -> int:
        """The end of an integer constant of more than one byte."""
        reader = self.reader(at + 1)
        shortest = signed(reader.signed(32 if self.code[at] == 0x41 else 64))
        after = reader.at - self.base
        if after - at - 1 != len(shortest):
            self.replace(at, after, self.code[at : at + 1] + shortest)
        return after

    def long_address(self, at: int, align_max: int) -> int:
        """The end of alignment and offset that are not a byte each, or refused."""
        reader = self.reader(at + 1)
        align = reader.u32()
        if align >= 32:
            refuse("opcode", "it addresses a second or a 64 bit memory", self.base + at)
        if align > align_max:
            refuse("invalid", "an alignment is larger than the access", self.base + at)
        shortest = unsigned(align) + unsigned(reader.u32())
        after = reader.at - self.base
        if after - at - 1 != len(shortest):
            self.replace(at, after, self.code[at : at + 1] + shortest)
        return after

    # -- code that comes out

    def replace(self, at: int, after: int, code: bytes) -> None:
        """Put other code in the place of what is at `at` up to `after`."""
        assert self.start <= at
        self.stretch += self.code[self.start : at]
        self.stretch += code
        self.start = after

    def end_stretch(self, after: int) -> None:
        """What was collected is a stretch: its charge, then its code."""
        if not self.dead_depth:
            if self.cost:
                self.out += self.meter.charge(self.cost, self.added)
                self.stretches += 1
            self.out += self.stretch
            self.out += self.code[self.start : after]
        self.stretch.clear()
        self.at = self.start = after
        self.cost = 0

    def die(self, after: int) -> None:
        """The rest of this frame cannot be reached."""
        self.end_stretch(after)
        frame = self.frames[-1]
        frame.is_dead = True
        del self.stack[frame.floor :]
        if not self.dead_depth:
            self.dead_depth = len(self.frames)

    def settle(self) -> Frame:
        """The frame under way, which knows what was assigned so far."""
        frame = self.frames[-1]
        if not self.dead_depth:
            for local in self.assigned:
                frame.assigned |= 1 << local
        self.assigned.clear()
        return frame

    def carry(self, frame: Frame) -> None:
        """A frame ends: what it assigned, the one around it did.

        Where live code meets, each way there carries the operands of the label and the locals
        that may differ; at the end of the function nobody reads locals any more.
        """
        if not self.dead_depth:
            values = len(frame.label)
            if self.frames and (frame.branches or frame.opcode != _BLOCK):
                values += frame.assigned.bit_count()
            self.carried += values * (1 + frame.branches)
        if self.frames:
            self.frames[-1].assigned |= frame.assigned

    def revive(self, at: int) -> None:
        """The frame whose rest was dead is over: forget the code since then."""
        if self.dead_depth == len(self.frames):
            self.dead_depth = 0
            self.stretch.clear()
            self.start = at
            self.cost = 0
