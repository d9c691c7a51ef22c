"""The code of one function, drawn step by step over a stack of types.

Every step is one that the types on the stack allow, dead code included, so that what comes out
is valid; values lie about on the stack across calls and blocks, as no compiler would leave them.
Source of the typing: WebAssembly Core Specification 2.0, appendix "Validation Algorithm".
"""

from __future__ import annotations

from covey.runtime.module.opcodes import OPCODES, Immediate, Opcode
from covey.runtime.module.values import I32, FunctionType
from covey.testkit.modules.encode import signed, unsigned
from covey.testkit.modules.shape import HANG_GLOBAL
from covey.testkit.modules.writer import Frame, Writer

__all__ = ["Body"]

_END, _ELSE = b"\x0b", b"\x05"
_TRAPPING_CONVERSIONS = frozenset((*range(0xA8, 0xAC), *range(0xAE, 0xB2)))
_DIVISIONS = {
    **dict.fromkeys((0x6D, 0x6E, 0x6F, 0x70), b"\x41\x01\x72"),
    **dict.fromkeys((0x7F, 0x80, 0x81, 0x82), b"\x42\x01\x84"),
}
"""Divisions, with what makes the divisor odd before a careful one."""


def _by_operands() -> dict[bytes, list[Opcode]]:
    table: dict[bytes, list[Opcode]] = {}
    for opcode in OPCODES.values():
        if opcode.immediate is Immediate.NONE and opcode.pops:
            table.setdefault(opcode.pops, []).append(opcode)
    return table


_NUMERIC = _by_operands()
_ADDRESSED = [o for o in OPCODES.values() if o.immediate is Immediate.ADDRESS]
_LOADS = [o for o in _ADDRESSED if o.pushes]
_STORES = [o for o in _ADDRESSED if not o.pushes]


class Body(Writer):
    """One function; `steps` is about how many instructions are drawn, nested ones included."""

    def build(self) -> bytes:
        """The code, with its `end`."""
        self.countdown()
        self._sequence()
        self.code += _END
        return bytes(self.code)

    # -- steps --------------------------------------------------------------------------------

    def _sequence(self) -> None:
        frame = self.frames[-1]
        for _ in range(self.rng.randint(1, 14)):
            if self.steps <= 0 or (frame.is_dead and self.rng.random() < 0.3):
                break
            self.steps -= 1
            self._step()
        self.settle()

    def _step(self) -> None:
        choice = self.rng.choices(_STEPS, _WEIGHTS)[0]
        choice(self)

    def _push(self) -> None:
        self.produce(self.rng.choice(self.values))

    def _compute(self) -> None:
        top = self.stack[self.frames[-1].height :]
        choices = _NUMERIC.get(bytes(top[-2:]), []) if len(top) > 1 else []
        if not choices or self.rng.random() < 0.4:
            if not top:
                self._push()
            choices = _NUMERIC[bytes(self.stack[-1:])]
        opcode = self.rng.choice(choices)
        if self.shape.is_careful and opcode.code in _TRAPPING_CONVERSIONS:
            return
        if opcode.is_float and not self.shape.floats:
            return
        if self.shape.is_careful or self.rng.random() < 0.8:
            self.code += _DIVISIONS.get(opcode.code, b"")
        self.emit(_encoded(opcode), opcode.pops, opcode.pushes)

    def _dead(self) -> None:
        """In dead code, anything may be popped from nothing."""
        if not self.frames[-1].is_dead:
            return
        opcode = self.rng.choice(self.rng.choice(list(_NUMERIC.values())))
        if self.fits(opcode.pops) and (self.shape.floats or not opcode.is_float):
            self.emit(_encoded(opcode), opcode.pops, opcode.pushes)
        elif self.rng.random() < 0.5 and self.top() is None:
            self.code += self.rng.choice((b"\x1a", b"\x1a\x1a", b"\x1b\x1a", b"\x01", b"\x00"))

    def _set(self) -> None:
        kind = self.top()
        places = [b"\x21" + unsigned(n) for n, local in enumerate(self.locals) if local == kind]
        places += [
            b"\x24" + unsigned(n)
            for n, g in enumerate(self.shape.globals_)
            if g.value_type == kind and g.is_mutable and n != HANG_GLOBAL
        ]
        if kind is not None and places:
            self.emit(self.rng.choice(places), [kind])

    def _tee(self) -> None:
        kind = self.top()
        places = [n for n, local in enumerate(self.locals) if local == kind]
        if kind is not None and places:
            self.emit(b"\x22" + unsigned(self.rng.choice(places)), [kind], [kind])

    def _select(self) -> None:
        kind = self.rng.choice(self.values)
        self.produce_all((kind, kind, I32))
        self.emit(b"\x1b", (kind, kind, I32), [kind])

    def _nop(self) -> None:
        self.emit(b"\x01")

    def _load(self) -> None:
        opcode = self.rng.choice(_LOADS)
        if opcode.is_float and not self.shape.floats:
            return
        self.address()
        self.emit(bytes([opcode.code]) + self._place(opcode), opcode.pops, opcode.pushes)

    def _store(self) -> None:
        opcode = self.rng.choice(_STORES)
        if opcode.is_float and not self.shape.floats:
            return
        self.address()
        self.produce(opcode.pops[1])
        self.emit(bytes([opcode.code]) + self._place(opcode), opcode.pops)

    def _place(self, opcode: Opcode) -> bytes:
        offset = self.rng.randint(0, 40)
        if not self.shape.is_careful and self.rng.random() < 0.05:
            offset = self.rng.choice((65_535, 1 << 16, (1 << 32) - 1, 1 << 31))
        return unsigned(self.rng.randint(0, opcode.align_max)) + unsigned(offset)

    def _memory(self) -> None:
        rng = self.rng
        choice = rng.randrange(6)
        if choice == 0:
            self.emit(b"\x3f\0", b"", [I32])
        elif choice == 1:
            self.small(2)
            self.emit(b"\x40\0", [I32], [I32])
        elif choice < 4:
            self.address()
            if choice == 2:
                self.produce(I32)
            else:
                self.address()
            self.small(60)
            code = b"\xfc\x0b\0" if choice == 2 else b"\xfc\x0a\0\0"
            self.emit(code, (I32, I32, I32))
        elif self.shape.passive:
            place = rng.randrange(len(self.shape.passive))
            segment = unsigned(self.shape.active_segments + place)
            if choice == 4:
                self.address()
                self.small(self.shape.passive[place] // 2)
                self.small(self.shape.passive[place] // 2)
                self.emit(b"\xfc\x08" + segment + b"\0", (I32, I32, I32))
            elif rng.random() < 0.3:
                self.emit(b"\xfc\x09" + segment)

    # -- calls --------------------------------------------------------------------------------

    def _call(self) -> None:
        index = self.rng.randrange(len(self.shape.functions))
        kind = self.shape.function_type(index)
        if index < len(self.shape.imports):
            for parameter in kind.parameters:
                if parameter == I32:
                    self.small(255)
                else:
                    self.produce(parameter)
        elif not self.fits(kind.parameters) or self.rng.random() < 0.5:
            self.produce_all(kind.parameters)
        self.emit(b"\x10" + unsigned(index), kind.parameters, kind.results)

    def _call_indirect(self) -> None:
        table = self.shape.table
        if not table:
            return
        slot = self.rng.randrange(len(table))
        function = table[slot]
        if self.shape.is_careful and function is None:
            return
        if function is None or (not self.shape.is_careful and self.rng.random() < 0.2):
            index = self.rng.randrange(len(self.shape.types))
        else:
            index = self.shape.functions[function]
        kind = self.shape.types[index]
        self.produce_all(kind.parameters)
        if self.shape.is_careful or self.rng.random() < 0.9:
            self.emit(b"\x41" + signed(slot), b"", [I32])
        else:
            self.produce(I32)
        self.emit(b"\x11" + unsigned(index) + b"\0", (*kind.parameters, I32), kind.results)

    # -- control ------------------------------------------------------------------------------

    def _block(self) -> None:
        if len(self.frames) > self.shape.depth_max:
            return
        rng = self.rng
        opcode = rng.choice((0x02, 0x02, 0x03, 0x03, 0x04, 0x04))
        is_if = opcode == 0x04
        if is_if:
            self.produce(I32)
        start, end, encoded = self._block_type(I32 if is_if else None)
        self.emit(bytes([opcode]) + encoded, (*start, I32) if is_if else start)
        has_else = is_if and (start != end or rng.random() < 0.5)
        self._open(start, start if opcode == 0x03 else end, end)
        if opcode == 0x03:
            self.countdown()
        self._sequence()
        if has_else:
            self._close()
            self.code += _ELSE
            self._open(start, end, end)
            self._sequence()
        self._close()
        self.stack += end
        self.code += _END

    def _open(self, start: bytes, label: bytes, end: bytes) -> None:
        self.frames.append(Frame(label, end, len(self.stack)))
        self.stack += start

    def _close(self) -> None:
        frame = self.frames.pop()
        del self.stack[frame.height :]

    def _block_type(self, condition: int | None) -> tuple[bytes, bytes, bytes]:
        """Parameters, results and their encoding; the parameters are on the stack."""
        choice = self.rng.random()
        if choice < 0.4:
            return b"", b"", b"\x40"
        if choice < 0.7:
            kind = self.rng.choice(self.values)
            return b"", bytes([kind]), bytes([kind])
        below = () if condition is None else (condition,)
        fitting = [
            n
            for n, known in enumerate(self.shape.types)
            if self.fits((*known.parameters, *below)) and len(self.stack) >= self._needed(known)
        ]
        if not fitting:
            return b"", b"", b"\x40"
        index = self.rng.choice(fitting)
        chosen = self.shape.types[index]
        return chosen.parameters, chosen.results, signed(index)

    def _needed(self, kind: FunctionType) -> int:
        return self.frames[-1].height + len(kind.parameters)

    def _branch(self) -> None:
        depth = self.rng.randrange(len(self.frames))
        label = self.frames[-1 - depth].label
        if not self.fits(label) or self.rng.random() < 0.7:
            self.produce_all(label)
        if self.rng.random() < 0.75:
            self.produce(I32)
            self.emit(b"\x0d" + unsigned(depth), (*label, I32), label)
        else:
            self.emit(b"\x0c" + unsigned(depth), label)
            self.die()

    def _branch_table(self) -> None:
        depth = self.rng.randrange(len(self.frames))
        label = self.frames[-1 - depth].label
        equal = [n for n in range(len(self.frames)) if self.frames[-1 - n].label == label]
        self.produce_all(label)
        self.small(7)
        targets = [self.rng.choice(equal) for _ in range(self.rng.randint(0, 7))]
        code = unsigned(len(targets)) + b"".join(unsigned(n) for n in targets)
        self.emit(b"\x0e" + code + unsigned(depth), (*label, I32))
        self.die()

    def _leave(self) -> None:
        if len(self.frames) == 1 and self.rng.random() < 0.8:
            return
        self.produce_all(self.results)
        self.emit(b"\x0f", self.results)
        self.die()

    def _unreachable(self) -> None:
        if not self.shape.is_careful or self.frames[-1].is_dead:
            self.emit(b"\x00")
            self.die()


def _encoded(opcode: Opcode) -> bytes:
    if opcode.code > 0xFF:
        return b"\xfc" + unsigned(opcode.code & 0xFF)
    return bytes([opcode.code])


_WEIGHTED = (
    (Body._push, 8), (Body._compute, 22), (Body._dead, 3), (Body._set, 7), (Body._tee, 3),
    (Body._select, 3), (Body._nop, 1), (Body.drop, 2), (Body._load, 6), (Body._store, 7),
    (Body._memory, 4), (Body._call, 5), (Body._call_indirect, 3), (Body._block, 13),
    (Body._branch, 5), (Body._branch_table, 2), (Body._leave, 1), (Body._unreachable, 1),
)  # fmt: skip
_STEPS = tuple(step for step, _ in _WEIGHTED)
_WEIGHTS = tuple(weight for _, weight in _WEIGHTED)
