"""Code under construction over a stack of types: what may be popped, and how a block ends.

Source of the typing: WebAssembly Core Specification 2.0, appendix "Validation Algorithm".
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from covey.runtime.module.values import F32, F64, I32, I64, FunctionType
from covey.testkit.modules.constants import constant
from covey.testkit.modules.encode import signed, unsigned
from covey.testkit.modules.shape import HANG_GLOBAL, Shape

__all__ = ["Frame", "Writer"]


@dataclass(slots=True)
class Frame:
    """An open block. label: what a branch to it carries. is_dead: after a jump, until its end."""

    label: bytes
    end: bytes
    height: int
    is_dead: bool = False


class Writer:
    """One function's code in the making; every value it pushes or drops keeps the types right.

    steps: about how many instructions may still be drawn, nested blocks included.
    """

    def __init__(
        self, rng: random.Random, shape: Shape, kind: FunctionType, local_types: bytes, steps: int
    ) -> None:
        self.rng = rng
        self.shape = shape
        self.code = bytearray()
        self.locals = kind.parameters + local_types
        self.results = kind.results
        self.stack: list[int] = []
        self.frames = [Frame(kind.results, kind.results, 0)]
        self.steps = steps
        self.values = (I32, I64, F32, F64) if shape.floats else (I32, I64)

    # -- the stack of types -------------------------------------------------------------------

    def fits(self, types: Sequence[int]) -> bool:
        """Whether these types can be popped."""
        frame = self.frames[-1]
        here = self.stack[frame.height :]
        for place in range(1, len(types) + 1):
            if place > len(here):
                return frame.is_dead
            if here[-place] != types[-place]:
                return False
        return True

    def pop(self, count: int) -> None:
        """Forget the types on top, as far as this block has them."""
        keep = max(self.frames[-1].height, len(self.stack) - count)
        del self.stack[keep:]

    def emit(self, code: bytes, pops: Sequence[int] = b"", pushes: Sequence[int] = b"") -> None:
        """Write an instruction that takes and gives these types."""
        assert self.fits(pops)
        self.pop(len(pops))
        self.stack += pushes
        self.code += code

    def die(self) -> None:
        """Note that nothing after this runs, up to the end of the block."""
        frame = self.frames[-1]
        frame.is_dead = True
        del self.stack[frame.height :]

    def top(self) -> int | None:
        """The type on top, None where this block has none."""
        return self.stack[-1] if len(self.stack) > self.frames[-1].height else None

    # -- values -------------------------------------------------------------------------------

    def produce(self, value_type: int) -> None:
        """Push one value of a type."""
        rng = self.rng
        choice = rng.random()
        locals_ = [n for n, kind in enumerate(self.locals) if kind == value_type]
        globals_ = [n for n, g in enumerate(self.shape.globals_) if g.value_type == value_type]
        if choice < 0.45 and locals_:
            self.emit(b"\x20" + unsigned(rng.choice(locals_)), b"", [value_type])
        elif choice < 0.6 and globals_:
            self.emit(b"\x23" + unsigned(rng.choice(globals_)), b"", [value_type])
        else:
            self.emit(constant(rng, value_type), b"", [value_type])

    def produce_all(self, types: Sequence[int]) -> None:
        """Push a value of each type."""
        for value_type in types:
            self.produce(value_type)

    def small(self, most: int) -> None:
        """Push an i32 that is, in careful code, from 0 to `most`."""
        if not self.shape.is_careful and self.rng.random() < 0.1:
            self.produce(I32)
        elif self.rng.random() < 0.6:
            self.emit(b"\x41" + signed(self.rng.randint(0, most)), b"", [I32])
        else:
            self.produce(I32)
            mask = (1 << most.bit_length() - 1) - 1 if most else 0
            self.emit(b"\x41" + signed(mask) + b"\x71")

    def address(self) -> None:
        """Push an i32 that is, in careful code, an address in memory."""
        self.small(max(0, min(self.shape.pages, 2) * 65_536 - 64))

    def drop(self) -> None:
        """Take the top of the stack away, or into a local."""
        kind = self.top()
        locals_ = [n for n, local in enumerate(self.locals) if local == kind]
        if kind is not None and locals_ and self.rng.random() < 0.6:
            self.emit(b"\x21" + unsigned(self.rng.choice(locals_)), [kind])
        elif kind is not None:
            self.emit(b"\x1a", [kind])

    def settle(self) -> None:
        """Bring the stack to what the end of the block wants."""
        frame = self.frames[-1]
        want = list(frame.end)
        here = self.stack[frame.height :]
        keep = 0
        while keep < min(len(here), len(want)) and here[keep] == want[keep]:
            keep += 1
        for _ in range(len(here) - keep):
            self.drop()
        # What is missing at the end of dead code needs not be there.
        if not (frame.is_dead and keep == 0 and self.rng.random() < 0.5):
            self.produce_all(want[keep:])

    def countdown(self) -> None:
        """At 0 return something, else count down: no generated code runs for ever."""
        get = b"\x23" + unsigned(HANG_GLOBAL)
        results = b"".join(constant(self.rng, kind) for kind in self.results)
        self.code += get + b"\x45\x04\x40" + results + b"\x0f\x0b"
        self.code += get + b"\x41\x01\x6b\x24" + unsigned(HANG_GLOBAL)
