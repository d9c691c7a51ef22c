"""Host functions as wasmtime calls them: raw words in, raw words out, no exception through.

A prepared module gives the fuel left as the last argument of every import and takes it back as
the last result (`runtime/module/prepared.py`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import wasmtime
from wasmtime import _ffi as ffi

from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS, Signature
from covey.runtime.engine import GuestStopped
from covey.runtime.wasmtime_engine.instance import Instance
from covey.runtime.wasmtime_engine.library import NATIVE, Address, Words, new_trap

__all__ = ["Running", "define_imports"]

Callback: TypeAlias = Any
"""A C function; it must live as long as any module that was linked with it."""

_U32: Final = 0xFFFF_FFFF
_WORDS_PER_VALUE: Final = 2
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


class Running:
    """The instance that runs now; there is one at a time."""

    __slots__ = ("instance",)

    def __init__(self) -> None:
        self.instance: Instance | None = None


def define_imports(linker: wasmtime.Linker, running: Running) -> list[Callback]:
    """Offer every function of the interface to modules. Gives what must be kept."""
    return [_define(linker, name, signature, running) for name, signature in IMPORTS.items()]


def _define(linker: wasmtime.Linker, name: str, signature: Signature, running: Running) -> Callback:
    callback = NATIVE.callback("host_function", _callback(name, signature, running))
    kind = wasmtime.FuncType(
        _types((*signature.parameters, "i64")), _types((*signature.results, "i64"))
    )
    space, raw_name = IMPORT_SPACE.encode(), name.encode()
    address = int(NATIVE.cast("size_t", callback))
    error = ffi.wasmtime_linker_define_func_unchecked(
        linker.ptr(),
        space,
        len(space),
        raw_name,
        len(raw_name),
        kind.ptr(),
        ctypes.cast(address, ffi.wasmtime_func_unchecked_callback_t),
        None,
        _NO_FINALIZER,
    )
    assert not error
    return callback


def _callback(
    name: str, signature: Signature, running: Running
) -> Callable[[Address, Address, Words, int], Address]:
    arguments = _READERS[signature.parameters]
    fuel_at = len(signature.parameters) * _WORDS_PER_VALUE
    fuel_back_at = len(signature.results) * _WORDS_PER_VALUE

    def callback(_data: Address, _caller: Address, values: Words, _count: int) -> Address:
        instance = running.instance
        assert instance is not None
        try:
            guest = instance.guest
            instance.look_at_memory()
            guest.fuel = values[fuel_at]
            result = instance.functions[name](guest, *arguments(values))
            # Only what the function names is written: values[0] may be the place of the fuel.
            if fuel_back_at:
                values[0] = result
            values[fuel_back_at] = guest.fuel
        except GuestStopped as stopped:
            # Its frames hold the guest; the reason is all that is wanted.
            instance.error = stopped.with_traceback(None)
            return new_trap()
        except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
            instance.error = error
            return new_trap()
        return 0

    return callback


def _types(names: tuple[str, ...]) -> list[wasmtime.ValType]:
    return [wasmtime.ValType.i64() if n == "i64" else wasmtime.ValType.i32() for n in names]


# One reader for each list of parameters: a loop over their types costs more than the call. Of an
# i32 only the lower half of its word means anything.
_READERS: Final[Mapping[tuple[str, ...], Callable[[Words], tuple[int, ...]]]] = {
    (): lambda _v: (),
    ("i32",) * 1: lambda v: (v[0] & _U32,),
    ("i32",) * 2: lambda v: (v[0] & _U32, v[2] & _U32),
    ("i32",) * 3: lambda v: (v[0] & _U32, v[2] & _U32, v[4] & _U32),
    ("i32",) * 4: lambda v: (v[0] & _U32, v[2] & _U32, v[4] & _U32, v[6] & _U32),
    (*("i32",) * 4, "i64"): lambda v: (v[0] & _U32, v[2] & _U32, v[4] & _U32, v[6] & _U32, v[8]),
    ("i32",) * 6: lambda v: (
        v[0] & _U32,
        v[2] & _U32,
        v[4] & _U32,
        v[6] & _U32,
        v[8] & _U32,
        v[10] & _U32,
    ),
}
