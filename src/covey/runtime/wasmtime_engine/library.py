"""The few functions of wasmtime's C interface that every call passes, by the shortest way.

The library's own Python interface boxes every value (9 us for one call of a host function). These
declarations reach the same loaded library through cffi, where a call takes a third less than by
ctypes, and take addresses as plain integers. Whoever calls them vouches for the addresses.
Source: wasmtime's headers `func.h`, `memory.h`, `trap.h`, version 50.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final, TypeAlias

import cffi  # type: ignore[import-untyped]  # it comes with PyNaCl
from wasmtime import TrapCode
from wasmtime import _ffi as wasmtime_ffi

__all__ = ["LIBRARY", "NATIVE", "Address", "Words", "address_of", "new_trap", "trap_code"]

Address: TypeAlias = int
"""Of a C object; 0 is none."""

Words: TypeAlias = Any
"""A C array of 64 bit words, two for each value of the unchecked calling convention."""

_DECLARATIONS: Final = """
typedef size_t (*host_function)(size_t data, size_t caller, int64_t *values, size_t count);

size_t wasmtime_func_call_unchecked(
    size_t context, size_t function, int64_t *values, size_t count, size_t *trap);
size_t wasmtime_memory_data(size_t context, size_t memory);
size_t wasmtime_memory_data_size(size_t context, size_t memory);
void wasmtime_context_set_epoch_deadline(size_t context, uint64_t ticks);
size_t wasmtime_trap_new_code(uint8_t code);
bool wasmtime_trap_code(size_t trap, uint8_t *code);
void wasm_trap_delete(size_t trap);
"""

NATIVE: Any = cffi.FFI()
NATIVE.cdef(_DECLARATIONS)
LIBRARY: Any = NATIVE.dlopen(str(wasmtime_ffi.filename))


def new_trap() -> Address:
    """What a host function returns to end the run; the engine takes it over.

    With a code, which nobody reads: one with a message leaves 1.7 KB behind for ever.
    """
    trap: Address = LIBRARY.wasmtime_trap_new_code(TrapCode.UNREACHABLE.value)
    return trap


def trap_code(trap: Address) -> int | None:
    """The number of a trap's kind, None where it has none; the trap is released."""
    code = NATIVE.new("uint8_t *")
    has_code = LIBRARY.wasmtime_trap_code(trap, code)
    LIBRARY.wasm_trap_delete(trap)
    return int(code[0]) if has_code else None


def address_of(item: ctypes._CData) -> Address:
    """Of a structure of ctypes, which must be kept as long as the address is used."""
    return ctypes.addressof(item)
