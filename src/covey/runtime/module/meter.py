"""The code that is added: charges, the frame of a function, canonical NaNs, added functions.

Source: protocols/execution.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from covey.model import limits
from covey.runtime.module import prices
from covey.runtime.module.dispatch import ACCESS
from covey.runtime.module.encode import signed, unsigned
from covey.runtime.module.layout import Layout
from covey.runtime.module.parts import Global, Limits
from covey.runtime.module.prepared import HOST_MEMORY_MARK
from covey.runtime.module.values import F32, FunctionType

__all__ = ["Meter", "locals_code"]

_END: Final = b"\x0b"
_TRAP: Final = b"\x00"
_CALL: Final = b"\x10"
_LOCAL_GET: Final = b"\x20"
_LOCAL_SET: Final = b"\x21"
_LOCAL_TEE: Final = b"\x22"
_GLOBAL_GET: Final = b"\x23"
_GLOBAL_SET: Final = b"\x24"
_I32_CONST: Final = b"\x41"
_I64_CONST: Final = b"\x42"
_TRAP_IF: Final = b"\x04\x40" + _TRAP + _END
# i64.const 0, i64.le_s: code goes on only with fuel left.
_TRAP_UNLESS_POSITIVE: Final = b"\x42\x00\x57" + _TRAP_IF

# The bits of the canonical NaN, sign clear, and the comparison for equality.
_NAN_F32: Final = b"\x43\x00\x00\xc0\x7f"
_NAN_F64: Final = b"\x44\x00\x00\x00\x00\x00\x00\xf8\x7f"
_F32_EQ, _F64_EQ, _SELECT = b"\x5b", b"\x61", b"\x1b"


class Meter:
    """Fragments of code for one module; those of charges are remembered."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        fuel, stack = unsigned(layout.fuel), unsigned(layout.stack)
        self._get_fuel, self._set_fuel = _GLOBAL_GET + fuel, _GLOBAL_SET + fuel
        self._get_stack, self._set_stack = _GLOBAL_GET + stack, _GLOBAL_SET + stack
        self._get_far, self._set_far = (
            op + unsigned(layout.far) for op in (_GLOBAL_GET, _GLOBAL_SET)
        )
        self._charges: dict[tuple[int, int], bytes] = {}

    def charge(self, cost: int, local: int) -> bytes:
        """Take fuel, and trap unless some is left. cost: fuel, and ACCESS for each access.

        local: holds the fuel left. What is left goes into the global too, where others and the
        host look for it; but a tight loop that read it from there would wait for its own writes.
        """
        code = self._charges.get((cost, local))
        if code is None:
            accesses, fuel = divmod(cost, ACCESS)
            index = unsigned(local)
            code = _LOCAL_GET + index + _I64_CONST + signed(fuel) + b"\x7d"
            if accesses:
                code += self._get_far + _I64_CONST + signed(accesses) + b"\x7e\x7d"
            code += _LOCAL_TEE + index + self._set_fuel + _LOCAL_GET + index + _TRAP_UNLESS_POSITIVE
            self._charges[cost, local] = code
        return code

    def reload(self, local: int) -> bytes:
        """See what is left after other functions ran."""
        return self._get_fuel + _LOCAL_SET + unsigned(local)

    def _charge_computed(self, amount: bytes) -> bytes:
        """Take an amount that code pushes as i64, without a local."""
        return (
            self._get_fuel
            + amount
            + b"\x7d"
            + self._set_fuel
            + self._get_fuel
            + _TRAP_UNLESS_POSITIVE
        )

    def framed(self, slots: int, body: bytes, results: bytes, local: int) -> bytes:
        """A body in its frame. body: gives `results`; a branch to the function's label is right.
        local: where it expects the fuel left.

        The block around it takes the place of the function's label, so that everything that
        leaves the function gives its slots back.
        """
        size = _I32_CONST + signed(slots)
        take = self._get_stack + size + b"\x6b" + self._set_stack
        # i32.const 0, i32.lt_s: a negative number stays as the mark of what happened.
        take += self._get_stack + b"\x41\x00\x48" + _TRAP_IF
        give = self._get_stack + size + b"\x6a" + self._set_stack
        take += self.reload(local)
        return take + b"\x02" + self._block_type(results) + body + _END + give + _END

    def _block_type(self, results: bytes) -> bytes:
        if len(results) > 1:
            return signed(self._layout.results[results])
        return results or b"\x40"

    @staticmethod
    def canonical(value_type: int, scratch: int) -> bytes:
        """Replace the float on the stack by the canonical NaN if it is one. scratch: a local."""
        nan, equal = (_NAN_F32, _F32_EQ) if value_type == F32 else (_NAN_F64, _F64_EQ)
        get = _LOCAL_GET + unsigned(scratch)
        return _LOCAL_TEE + unsigned(scratch) + nan + get + get + equal + _SELECT

    def call(self, function: int) -> bytes:
        """A call of a function by its index in the rewritten module."""
        return _CALL + unsigned(function)

    def wrapper(self, imported: int, kind: FunctionType) -> bytes:
        """The body of what stands for an imported function: fuel goes along and comes back."""
        arguments = b"".join(_LOCAL_GET + unsigned(i) for i in range(len(kind.parameters)))
        call = arguments + self._get_fuel + self.call(imported) + self._set_fuel
        slots = limits.FRAME_SLOTS + len(kind.parameters) + len(kind.results)
        size = _I32_CONST + signed(slots)
        take = self._get_stack + size + b"\x6b" + self._set_stack
        take += self._get_stack + b"\x41\x00\x48" + _TRAP_IF
        return b"\x00" + take + call + self._get_stack + size + b"\x6a" + self._set_stack + _END

    def reset(self, globals_: Sequence[Global], pages: int) -> bytes:
        """The body of `reset`: what is as at the start of every run; charges for the run."""
        code = _LOCAL_GET + b"\x00" + self._set_fuel
        code += _I32_CONST + signed(limits.STACK_SLOTS_MAX) + self._set_stack
        code += _I64_CONST + signed(prices.FAR if pages > prices.FAR_PAGES else 0) + self._set_far
        for index, declared in enumerate(globals_):
            if declared.is_mutable:
                code += declared.initial.code + _GLOBAL_SET + unsigned(index)
        price = prices.ENTRY + prices.ENTRY_PAGE * pages
        code += self._charge_computed(_I64_CONST + signed(price))
        return b"\x00" + code + _END

    def entry(self, function: int) -> bytes:
        """The body of an entry: fuel in, fuel out."""
        code = _LOCAL_GET + b"\x00" + self.call(self._layout.reset)
        return b"\x00" + code + self.call(function) + self._get_fuel + _END

    def grow(self, memory: Limits | None) -> bytes:
        """The body of `grow`: pages asked for in, what `memory.grow` gives out.

        What the maximum does not allow is refused without asking the engine; what it allows and
        the engine does not give is the host's want of memory, which is no answer to the code.
        """
        asked, size = _LOCAL_GET + b"\x00", b"\x3f\x00"
        if memory is None:
            return b"\x00" + asked + _END
        most = _I32_CONST + signed(memory.capped)
        # asked > most - size, unsigned: the answer is -1.
        code = asked + most + size + b"\x6b\x4b\x04\x40\x41\x7f\x0f" + _END
        price = _I64_CONST + signed(prices.GROW_PAGE)
        code += self._charge_computed(asked + b"\xad" + price + b"\x7e")
        # local 0 = memory.grow; if it is -1, mark and trap.
        code += asked + b"\x40\x00\x22\x00\x41\x7f\x46\x04\x40"
        code += _I32_CONST + signed(HOST_MEMORY_MARK) + self._set_stack + _TRAP + _END
        # memory.size > FAR_PAGES, unsigned: accesses cost more from now on.
        code += size + _I32_CONST + signed(prices.FAR_PAGES) + b"\x4b\x04\x40"
        code += _I64_CONST + signed(prices.FAR) + self._set_far + _END
        return b"\x00" + code + asked + _END

    def bulk(self) -> bytes:
        """The body of `bulk`: charges for a length, and gives it back."""
        length = _LOCAL_GET + b"\x00"
        # As unsigned, divided by a power of two.
        shift = _I32_CONST + signed(prices.BULK_BYTES_PER_FUEL.bit_length() - 1)
        return b"\x00" + self._charge_computed(length + shift + b"\x76\xad") + length + _END


def locals_code(types: Sequence[tuple[int, int]]) -> bytes:
    """The locals of a function. types: (count, value type) groups."""
    code = unsigned(len(types))
    for count, value_type in types:
        code += unsigned(count) + bytes((value_type,))
    return code
