"""Host functions as wasmtime calls them: raw words in, raw words out, no exception through.

A prepared module gives the fuel left as the last argument of every import and takes it back as
the last result (`runtime/module/prepared.py`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import wasmtime
from wasmtime import _ffi as ffi

from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS, Signature
from covey.runtime.wasmtime_engine.instance import Instance
from covey.runtime.wasmtime_engine.library import NATIVE, Address, Words

__all__ = ["Running", "define_imports"]

Callback: TypeAlias = Any
"""A C function; it must live as long as any module that was linked with it."""

HostCallback: TypeAlias = Callable[[Address, Address, Words, int], Address]
"""Its data and caller are not used; words hold the arguments, then the results; a trap or 0."""

_U32: Final = 0xFFFF_FFFF
_WORDS_PER_VALUE: Final = 2
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))


class Running:
    """The instance that runs now, or ran last: there is one at a time."""

    __slots__ = ("instance",)

    instance: Instance


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


def _callback(name: str, signature: Signature, running: Running) -> HostCallback:
    # An exception would be lost in a callback, so each of them keeps it and returns a trap. The
    # two that calls pass most often are written out: a loop over arguments costs as much as one.
    if signature.parameters == ("i32",) * 6:
        return _six_words(name, running, has_result=bool(signature.results))
    if signature.parameters == ("i32",) * 2:
        return _two_words(name, running, has_result=bool(signature.results))
    masks = tuple(_U32 if kind == "i32" else -1 for kind in signature.parameters)
    fuel_at = len(masks) * _WORDS_PER_VALUE
    fuel_back_at = len(signature.results) * _WORDS_PER_VALUE

    def callback(_data: Address, _caller: Address, values: Words, _count: int) -> Address:
        instance = running.instance
        try:
            guest = instance.guest
            guest.fuel = values[fuel_at]
            given = [values[2 * place] & mask for place, mask in enumerate(masks)]
            result = instance.functions[name](guest, *given)
            # values[0] is the place of the fuel where the function has no result.
            if fuel_back_at:
                values[0] = result
            values[fuel_back_at] = guest.fuel
        except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
            return instance.stop(error)
        return 0

    return callback


def _six_words(name: str, running: Running, *, has_result: bool) -> HostCallback:
    def callback(_data: Address, _caller: Address, values: Words, _count: int) -> Address:
        instance = running.instance
        try:
            guest = instance.guest
            guest.fuel = values[12]
            result = instance.functions[name](
                guest,
                values[0] & _U32,
                values[2] & _U32,
                values[4] & _U32,
                values[6] & _U32,
                values[8] & _U32,
                values[10] & _U32,
            )
            if has_result:
                values[0] = result
                values[2] = guest.fuel
            else:
                values[0] = guest.fuel
        except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
            return instance.stop(error)
        return 0

    return callback


def _two_words(name: str, running: Running, *, has_result: bool) -> HostCallback:
    def callback(_data: Address, _caller: Address, values: Words, _count: int) -> Address:
        instance = running.instance
        try:
            guest = instance.guest
            guest.fuel = values[4]
            result = instance.functions[name](guest, values[0] & _U32, values[2] & _U32)
            if has_result:
                values[0] = result
                values[2] = guest.fuel
            else:
                values[0] = guest.fuel
        except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
            return instance.stop(error)
        return 0

    return callback


def _types(names: tuple[str, ...]) -> list[wasmtime.ValType]:
    return [wasmtime.ValType.i64() if n == "i64" else wasmtime.ValType.i32() for n in names]
