"""Instructions that change the flow or are rare, one method each.

Each checks its operands, says what code takes its place, and ends the stretch where the next
instruction may be reached from elsewhere or not at all.
Source: WebAssembly Core Specification 2.0, chapter 3.3; protocols/execution.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from covey.model import limits
from covey.runtime.module.dispatch import SLOW_TO_COMPILE
from covey.runtime.module.encode import signed, unsigned, vector
from covey.runtime.module.layout import called
from covey.runtime.module.opcodes import OPCODES, PREFIX, REFUSED, REFUSED_PREFIXED
from covey.runtime.module.parts import read_value_type
from covey.runtime.module.reader import refuse
from covey.runtime.module.stacks import UNKNOWN, Frame, FunctionState
from covey.runtime.module.values import F32, I32, FunctionType

__all__ = ["Control"]

_IF, _ELSE, _BR, _LOOP = 0x04, 0x05, 0x0C, 0x03
_I32: Final = bytes((I32,))
_EMPTY_BLOCK: Final = 0x40
# What compilers take for these, in stretches: loops cost the square of their number, an indirect
# call is checked in blocks of its own, bulk memory calls into the engine, and calls move values.
_STRETCHES_OF_LOOP: Final = 8
_STRETCHES_OF_INDIRECT_CALL: Final = 3
_STRETCHES_OF_BULK: Final = 2
_VALUES_PER_STRETCH: Final = 8
_SATURATING: Final = range(8)
_INIT, _DROP, _COPY, _FILL = 8, 9, 10, 11


class Control(FunctionState):
    """All but the plain instructions."""

    __slots__ = ()

    def handle(self, opcode: int) -> None:
        """Do the instruction at `at`."""
        handler = _HANDLERS.get(opcode)
        row = self.rows[opcode]
        if row[-1] < 0:
            self._refuse(opcode)
        if handler is None:
            self._canonical(opcode)
        else:
            handler(self, self.at)

    def _refuse(self, opcode: int) -> None:
        at = self.base + self.at
        known = OPCODES.get(opcode)
        if known is None:
            rule, what = REFUSED.get(opcode, ("opcode", f"the unknown opcode 0x{opcode:02x}"))
            refuse(rule, f"it uses {what}", at)
        if known.is_float and not self.scope.parts.floats:
            self._refuse_float()
        refuse("invalid", f"it uses {known.name} and has no memory", at)

    def _refuse_float(self) -> None:
        reason = 'it uses floating point and covey.abi does not say "floats": true'
        refuse("floats", reason, self.base + self.at)

    def _canonical(self, opcode: int) -> None:
        """Arithmetic on floats, then what makes its NaN canonical."""
        _, pops, _, pushes, _, _ = self.rows[opcode]
        at, after = self.at, self.at + 1
        self.take(pops, at)
        self.stack += pushes
        scratch = self.added + (1 if pushes[0] == F32 else 2)
        self.replace(after, after, self.meter.canonical(pushes[0], scratch))
        self.at = after

    def _float_constant(self, at: int) -> None:
        _, _, _, pushes, _, need = self.rows[self.code[at]]
        self.stack += pushes
        self.at = at + 1 + need

    # -- blocks

    def _block(self, at: int) -> None:
        opcode = self.code[at]
        starts, ends, after = self._block_type(at)
        if opcode == _IF:
            self.take(_I32, at)
        self.require(starts, at)
        if len(self.frames) >= limits.FUNCTION_DEPTH_MAX:
            refuse("too-many", "a function nests too many blocks", self.base + at)
        self.floor = len(self.stack) - len(starts)
        if opcode in (_IF, _LOOP):
            self.end_stretch(after)
        if opcode == _LOOP and not self.dead_depth:
            self.stretches += _STRETCHES_OF_LOOP
        self.at = after
        self.settle()
        self.frames.append(Frame(opcode, starts, ends, self.floor))

    def _block_type(self, at: int) -> tuple[bytes, bytes, int]:
        first = self.code[at + 1]
        if first == _EMPTY_BLOCK:
            return b"", b"", at + 2
        reader = self.reader(at + 1)
        if _EMPTY_BLOCK < first < 0x80:
            return b"", bytes((read_value_type(reader, floats=self.scope.parts.floats),)), at + 2
        index = reader.signed(33)
        types = self.scope.parts.types
        if not 0 <= index < len(types):
            refuse("invalid", f"there is no type {index}", self.base + at)
        after = reader.at - self.base
        self.replace(at, after, self.code[at : at + 1] + signed(index))
        return types[index].parameters, types[index].results, after

    def _else(self, at: int) -> None:
        frame = self.settle()
        if frame.opcode != _IF:
            refuse("invalid", "an `else` has no `if`", self.base + at)
        self._finish(frame, at)
        self.end_stretch(at + 1)
        frame.opcode, frame.is_dead = _ELSE, False
        self.stack += frame.starts

    def _end(self, at: int) -> None:
        frame = self.settle()
        self._finish(frame, at)
        if frame.opcode == _IF and frame.starts != frame.ends:
            refuse("invalid", "an `if` without `else` changes the stack", self.base + at)
        self.frames.pop()
        self.carry(frame)
        self.stack += frame.ends
        if self.frames:
            self.end_stretch(at + 1)
            self.floor = self.frames[-1].floor
        else:
            # The block around the whole function has its own `end`.
            self.end_stretch(at)
            self.at = at + 1

    def _finish(self, frame: Frame, at: int) -> None:
        """Nothing but the results may be left of a frame."""
        self.take(frame.ends, at)
        if len(self.stack) != frame.floor:
            refuse("invalid", "a block leaves more than its results", self.base + at)
        self.revive(at)

    # -- branches

    def _unreachable(self, at: int) -> None:
        self.die(at + 1)

    def _label(self, depth: int, at: int) -> bytes:
        if depth >= len(self.frames):
            refuse("invalid", f"there is no label {depth}", self.base + at)
        frame = self.frames[-1 - depth]
        if not self.dead_depth:
            frame.branches += 1
        return frame.label

    def _br(self, at: int) -> None:
        depth, after = self.index(at)
        self.take(self._label(depth, at), at)
        self.die(after)

    def _br_if(self, at: int) -> None:
        depth, after = self.index(at)
        self.take(_I32, at)
        self.require(self._label(depth, at), at)
        self.end_stretch(after)

    def _br_table(self, at: int) -> None:
        reader = self.reader(at + 1)
        count = reader.count("branch targets", limits.BRANCH_TARGETS_MAX)
        targets = [reader.u32() for _ in range(count + 1)]
        after = reader.at - self.base
        self.take(_I32, at)
        default = self._label(targets[-1], at)
        for target in set(targets[:-1]) - {targets[-1]}:
            label = self._label(target, at)
            if len(label) != len(default):
                refuse("invalid", "labels of a branch table differ", self.base + at)
            if not self.stack.endswith(label, self.floor):
                self.stack += self.pop_slowly(label, at)
        self.take(default, at)
        code = [unsigned(target) for target in targets]
        self.replace(at, after, self.code[at : at + 1] + vector(code[:-1]) + code[-1])
        self.die(after)

    def _return(self, at: int) -> None:
        self.take(self._label(len(self.frames) - 1, at), at)
        self.replace(at, at + 1, bytes((_BR,)) + unsigned(len(self.frames) - 1))
        self.die(at + 1)

    def _call(self, at: int) -> None:
        index, after = self.number(at)
        parts, layout = self.scope.parts, self.scope.layout
        if index >= len(parts.functions):
            refuse("invalid", f"there is no function {index}", self.base + at)
        self.replace(at, after, self.meter.call(called(index, parts, layout)) + self.reload)
        kind = parts.functions[index]
        self.take(kind.parameters, at)
        self.stack += kind.results
        self.end_stretch(after)
        self._count_call(kind)

    def _count_call(self, kind: FunctionType, more: int = 0) -> None:
        """Moving many values costs as much as code does."""
        if not self.dead_depth:
            moved = len(kind.parameters) + len(kind.results)
            self.stretches += more + moved // _VALUES_PER_STRETCH

    def _call_indirect(self, at: int) -> None:
        parts = self.scope.parts
        reader = self.reader(at + 1)
        index, table = reader.u32(), reader.u32()
        if table != 0:
            refuse("opcode", "it addresses a second table", self.base + at)
        if parts.table is None:
            refuse("invalid", "it calls through a table and has none", self.base + at)
        if index >= len(parts.types):
            refuse("invalid", f"there is no type {index}", self.base + at)
        after = reader.at - self.base
        self.take(_I32, at)
        self.take(parts.types[index].parameters, at)
        self.stack += parts.types[index].results
        self.replace(at, after, self.code[at : at + 1] + unsigned(index) + b"\x00" + self.reload)
        self.end_stretch(after)
        self._count_call(parts.types[index], _STRETCHES_OF_INDIRECT_CALL)

    # -- operands, globals, memory

    def _drop(self, at: int) -> None:
        self.pop(UNKNOWN, at)
        self.at = at + 1

    def _slow_to_compile(self, at: int) -> None:
        _, pops, _, pushes, _, _ = self.rows[self.code[at]]
        self.take(pops, at)
        self.stack += pushes
        # Looking for rotations of rotations, or checking what may not convert, takes an engine as
        # long as a branch.
        self.stretches += 0 if self.dead_depth else 1
        self.at = at + 1

    def _select(self, at: int) -> None:
        self.take(_I32, at)
        one = self.pop(UNKNOWN, at)
        other = self.pop(one, at)
        self.stack.append(other if one == UNKNOWN else one)
        self.at = at + 1

    def _global(self, at: int) -> None:
        index, after = self.index(at)
        globals_ = self.scope.parts.globals_
        if index >= len(globals_):
            refuse("invalid", f"there is no global {index}", self.base + at)
        if self.code[at] == 0x23:
            self.stack.append(globals_[index].value_type)
        else:
            if not globals_[index].is_mutable:
                refuse("invalid", f"global {index} is constant", self.base + at)
            self.take(bytes((globals_[index].value_type,)), at)
        self.at = after

    def _memory_size(self, at: int) -> None:
        after = self._memory_index(at)
        self.stack.append(I32)
        self.replace(at, after, b"\x3f\x00")
        self.at = after

    def _memory_grow(self, at: int) -> None:
        after = self._memory_index(at)
        self.require(_I32, at)
        self.replace(at, after, self.meter.call(self.scope.layout.grow) + self.reload)
        self.stretches += 0 if self.dead_depth else _STRETCHES_OF_BULK
        self.at = after

    def _memory_index(self, at: int, count: int = 1) -> int:
        reader = self.reader(at + 1)
        for _ in range(count):
            if reader.u32() != 0:
                refuse("opcode", "it addresses a second memory", self.base + at)
        return reader.at - self.base

    # -- behind the prefix

    def _prefixed(self, at: int) -> None:
        number, after = self.number(at)
        opcode = OPCODES.get(PREFIX << 8 | number) if number < 0x100 else None
        if opcode is None:
            what = REFUSED_PREFIXED.get(number, f"the unknown opcode 0xfc {number}")
            refuse("opcode", f"it uses {what}", self.base + at)
        if number in _SATURATING and not self.scope.parts.floats:
            self._refuse_float()
        self.cost += opcode.price
        self.take(opcode.pops, at)
        self.stack += opcode.pushes
        if number in _SATURATING:
            self.replace(at, after, bytes((PREFIX, number)))
            self.at = after
        else:
            self.at = self._bulk(number, at, after)

    def _bulk(self, number: int, at: int, after: int) -> int:
        """Bulk memory; after: where what follows the number begins. Gives the end."""
        segments, meter = self.scope.segments, self.meter
        code = bytes((PREFIX, number))
        if number in (_INIT, _DROP):
            reader = self.reader(after)
            index = reader.u32()
            if segments.data_count is None or index >= segments.data_count:
                refuse("invalid", f"there is no counted data segment {index}", self.base + at)
            after = reader.at - self.base
            code += unsigned(index)
        self.drops_data |= number == _DROP and not self.dead_depth
        if number != _DROP:
            if self.scope.parts.memory is None:
                refuse("invalid", "it uses bulk memory and has no memory", self.base + at)
            indices = 2 if number == _COPY else 1
            after = self._memory_index(after - 1, indices)
            charge = meter.call(self.scope.layout.bulk) + self.reload
            code = charge + code + bytes(indices)
            self.stretches += 0 if self.dead_depth else _STRETCHES_OF_BULK
        self.replace(at, after, code)
        return after


_HANDLERS: Final[dict[int, Callable[[Control, int], None]]] = {
    0x00: Control._unreachable,
    **dict.fromkeys((0x02, 0x03, 0x04), Control._block),
    0x05: Control._else,
    0x0B: Control._end,
    0x0C: Control._br,
    0x0D: Control._br_if,
    0x0E: Control._br_table,
    0x0F: Control._return,
    0x10: Control._call,
    0x11: Control._call_indirect,
    0x1A: Control._drop,
    0x1B: Control._select,
    **dict.fromkeys((0x23, 0x24), Control._global),
    0x3F: Control._memory_size,
    0x40: Control._memory_grow,
    **dict.fromkeys((0x43, 0x44), Control._float_constant),
    **dict.fromkeys(SLOW_TO_COMPILE, Control._slow_to_compile),
    PREFIX: Control._prefixed,
}
