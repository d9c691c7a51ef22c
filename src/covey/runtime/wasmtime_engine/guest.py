"""One instance in its own store, and the only code that touches its memory."""

from __future__ import annotations

import ctypes
from typing import Any, Final, TypeAlias

import wasmtime
from wasmtime import _ffi as ffi

from covey.model import Failure, limits
from covey.runtime.engine import GuestStopped, HostFunctions
from covey.runtime.wasmtime_engine.faults import out_of_fuel

__all__ = ["Raw", "WasmtimeGuest"]

Raw: TypeAlias = Any
"""A C structure or pointer of the library, which types them dynamically."""

_PAGE_SIZE_BYTES: Final = 65_536


class WasmtimeGuest:
    """One instance in its own store; owns both, so no view of memory can outlive it."""

    __slots__ = (
        "_base",
        "_context",
        "_fuel",
        "_memory",
        "_size_bytes",
        "_store",
        "error",
        "functions",
    )

    def __init__(self, engine: wasmtime.Engine, functions: HostFunctions, fuel: int) -> None:
        self.functions = functions
        self.error: BaseException | None = None
        self._store = wasmtime.Store(engine)
        self._store.set_limits(
            memory_size=limits.MEMORY_PAGES_MAX * _PAGE_SIZE_BYTES,
            table_elements=limits.TABLE_ELEMENTS_MAX,
            instances=1,
            tables=1,
            memories=1,
        )
        self._store.set_fuel(fuel)
        self._store.set_epoch_deadline(1)
        self._context: Raw = self._store._context()
        self._fuel = ctypes.c_uint64(0)
        self._memory: Raw = None
        self._base = 0
        self._size_bytes = -1

    def start(self, pre: wasmtime.InstancePre) -> Raw:
        """Instantiate; gives the raw instance. Raises wasmtime's Trap or WasmtimeError."""
        instance = pre.instantiate(self._store)._instance
        self._memory = ctypes.byref(self.export(instance, b"memory").of.memory)
        return instance

    def export(self, instance: Raw, name: bytes) -> Raw:
        item = ffi.wasmtime_extern_t()
        found = ffi.wasmtime_instance_export_get(
            self._context, ctypes.byref(instance), name, len(name), ctypes.byref(item)
        )
        assert found, "inspection saw to it that the export exists"
        return item

    def call(self, function: Raw) -> wasmtime.Trap | wasmtime.WasmtimeError | None:
        """Call a `() -> ()` function; gives what ended it early (an error where the host did)."""
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        error = ffi.wasmtime_func_call_unchecked(
            self._context, ctypes.byref(function), None, 0, ctypes.byref(trap)
        )
        if error:
            return wasmtime.WasmtimeError._from_ptr(error)
        return wasmtime.Trap._from_ptr(trap) if trap else None

    def fuel_left(self) -> int:
        error = ffi.wasmtime_context_get_fuel(self._context, ctypes.byref(self._fuel))
        assert not error
        return self._fuel.value

    def charge(self, fuel: int) -> None:
        left = self.fuel_left()
        ffi.wasmtime_context_set_fuel(self._context, max(0, left - fuel))
        if fuel >= left:
            raise out_of_fuel()

    def enter_host(self) -> None:
        """Forget where memory is: it may have grown, and moved, since the last host function."""
        self._size_bytes = -1

    def check(self, pointer: int, size_bytes: int) -> None:
        size = self._size_bytes
        if size < 0:
            size = self._find_memory()
        if not (0 <= pointer <= size and 0 <= size_bytes <= size - pointer):
            raise GuestStopped(
                Failure.TRAP,
                f"{size_bytes} bytes at {pointer} are not within the {size} bytes of memory",
            )

    def read(self, pointer: int, size_bytes: int) -> bytes:
        self.check(pointer, size_bytes)
        return ctypes.string_at(self._base + pointer, size_bytes) if size_bytes else b""

    def write(self, pointer: int, content: bytes) -> None:
        self.check(pointer, len(content))
        if content:
            ctypes.memmove(self._base + pointer, content, len(content))

    def _find_memory(self) -> int:
        # Within one host function the guest does not run, so memory stays what it is.
        self._size_bytes = ffi.wasmtime_memory_data_size(self._context, self._memory)
        data = ffi.wasmtime_memory_data(self._context, self._memory)
        self._base = ctypes.addressof(data.contents) if self._size_bytes else 0
        return self._size_bytes

    def close(self) -> None:
        self._store.close()
        self._context = self._memory = None
