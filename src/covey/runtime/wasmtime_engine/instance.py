"""One instance in its own store, and the only code that learns where its memory is."""

from __future__ import annotations

import ctypes
from typing import Any, Final, TypeAlias

import wasmtime
from wasmtime import _ffi as ffi

from covey.model import limits
from covey.runtime.engine import Guest, GuestStopped, HostFunctions
from covey.runtime.module import FUEL_EXPORT, STACK_EXPORT
from covey.runtime.wasmtime_engine.library import LIBRARY, NATIVE, Address, address_of, new_trap

__all__ = ["PAGE_SIZE_BYTES", "Instance"]

PAGE_SIZE_BYTES: Final = 65_536

_Extern: TypeAlias = Any  # a structure of the library, which types them dynamically
_memory_data: Final = LIBRARY.wasmtime_memory_data
_memory_size_bytes: Final = LIBRARY.wasmtime_memory_data_size


class _Guest(Guest):
    """Sees its memory through one view, which lasts: a memory that grows stays where it is."""

    __slots__ = ("_context", "_memory")

    def __init__(self, context: Address, memory: Address) -> None:
        super().__init__()
        self.memory = memoryview(bytearray())
        self._context = context
        self._memory = memory
        self.look()

    def look(self) -> None:
        """As `Guest.look`."""
        if not self._context:
            return
        size_bytes = _memory_size_bytes(self._context, self._memory)
        if size_bytes == self.size_bytes:
            return
        self.memory.release()
        self.size_bytes = size_bytes
        self.memory = _view(_memory_data(self._context, self._memory), size_bytes)

    def close(self) -> None:
        """Leave no view of memory: reading one would be a segfault."""
        self.memory.release()
        self.memory, self.size_bytes = memoryview(bytearray()), 0
        self._context = 0


class Instance:
    """Owns the store, the instance and every view of its memory: they go together.

    functions, error: of the run under way; what a host function raised is kept in `error`, since
    nothing may leave a callback but a trap. epoch: the engine's count when the deadline was set.
    """

    __slots__ = (
        "_externs",
        "_first_size_bytes",
        "_functions",
        "_handle",
        "_store",
        "context",
        "epoch",
        "error",
        "functions",
        "guest",
        "memory",
    )

    def __init__(self, pre: wasmtime.InstancePre, engine: wasmtime.Engine, epoch: int) -> None:
        """Raises wasmtime's Trap or WasmtimeError where the module does not start."""
        self._store = wasmtime.Store(engine)
        self._store.set_limits(
            memory_size=limits.MEMORY_PAGES_MAX * PAGE_SIZE_BYTES,
            table_elements=limits.TABLE_ELEMENTS_MAX,
            instances=1,
            tables=1,
            memories=1,
        )
        self._store.set_epoch_deadline(1)
        self._handle = pre.instantiate(self._store)._instance
        self._externs: dict[str, _Extern] = {}
        self._functions: dict[str, Address] = {}
        self.context: Address = address_of(self._store._context().contents)
        self.memory: Address = address_of(self._extern("memory").memory)
        self.epoch = epoch
        self.functions: HostFunctions = {}
        self.error: BaseException | None = None
        self.guest = _Guest(self.context, self.memory)
        self._first_size_bytes = self.guest.size_bytes

    def function(self, name: str) -> Address:
        """Of an entry."""
        found = self._functions.get(name)
        if found is None:
            found = self._functions[name] = address_of(self._extern(name).func)
        return found

    def fuel_left(self) -> int:
        """What the module's own counter says, after a trap."""
        return self._global(FUEL_EXPORT)

    def stack_left(self) -> int:
        """As `fuel_left`."""
        return self._global(STACK_EXPORT)

    def stop(self, error: BaseException) -> Address:
        """Keep what a host function raised; gives the trap to return in its place."""
        # The frames of a stop hold the guest; its reason is all that is wanted.
        self.error = error.with_traceback(None) if isinstance(error, GuestStopped) else error
        return new_trap()

    def is_as_it_began(self) -> bool:
        """Whether memory has its first size."""
        return bool(_memory_size_bytes(self.context, self.memory) == self._first_size_bytes)

    def close(self) -> None:
        """Release the store, and what the guest sees of it before."""
        self.guest.close()
        self.functions = {}
        self._store.close()

    def _extern(self, name: str) -> _Extern:
        item = self._externs.get(name)
        if item is None:
            item = ffi.wasmtime_extern_t()
            raw = name.encode()
            found = ffi.wasmtime_instance_export_get(
                self._store._context(),
                ctypes.byref(self._handle),
                raw,
                len(raw),
                ctypes.byref(item),
            )
            assert found, f"a prepared module exports {name}"
            self._externs[name] = item
        return item.of

    def _global(self, name: str) -> int:
        value = ffi.wasmtime_val_t()
        item = self._extern(name).global_
        ffi.wasmtime_global_get(self._store._context(), ctypes.byref(item), ctypes.byref(value))
        left: int = value.of.i64 if name == FUEL_EXPORT else value.of.i32
        return left


def _view(base: Address, size_bytes: int) -> memoryview:
    if size_bytes == 0:
        return memoryview(bytearray())
    return memoryview(NATIVE.buffer(NATIVE.cast("char *", base), size_bytes))
