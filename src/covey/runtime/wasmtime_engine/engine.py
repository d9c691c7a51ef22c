"""The engine: its configuration, and the host functions it offers to every module."""

from __future__ import annotations

import ctypes
from typing import Final

import wasmtime
from wasmtime import _ffi as ffi

from covey.errors import ConfigError
from covey.model import limits
from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS, Signature
from covey.runtime.engine import GuestStopped, HostFunctions
from covey.runtime.wasmtime_engine.faults import first_line
from covey.runtime.wasmtime_engine.guest import Raw, WasmtimeGuest
from covey.runtime.wasmtime_engine.module import WasmtimeModule

__all__ = ["WasmtimeEngine"]

_U32: Final = 0xFFFF_FFFF
_U64: Final = 0xFFFF_FFFF_FFFF_FFFF
_WORDS_PER_VALUE: Final = 2  # an unchecked value is 16 bytes

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.c_size_t,
)
_NO_FINALIZER = ctypes.cast(0, ctypes.CFUNCTYPE(None, ctypes.c_void_p))
_TRAP_MESSAGE = b"stopped by the host"


class WasmtimeEngine:
    """Implements `Engine`."""

    def __init__(self) -> None:
        self._engine = wasmtime.Engine(_config())
        self._linker = wasmtime.Linker(self._engine)
        self._guest: WasmtimeGuest | None = None
        self._callbacks = [self._define(name, signature) for name, signature in IMPORTS.items()]

    def compile(self, module: bytes) -> WasmtimeModule:
        """As `Engine.compile`."""
        assert module[:4] == b"\0asm", "the engine would take text too"
        try:
            compiled = wasmtime.Module(self._engine, module)
            pre = self._linker.instantiate_pre(compiled)
        except wasmtime.WasmtimeError as error:
            raise ConfigError(
                f"the module is refused: the engine says {first_line(error)} (invalid)"
            ) from error
        prepared = WasmtimeModule(self, pre, frozenset(e.name for e in compiled.exports))
        prepared.require_instantiable()
        return prepared

    def interrupt(self) -> None:
        """As `Engine.interrupt`."""
        self._engine.increment_epoch()

    def enter(self, functions: HostFunctions, fuel: int) -> WasmtimeGuest:
        """Begin a run; host functions find their guest here, so there is one at a time."""
        assert self._guest is None, "one run at a time"
        self._guest = WasmtimeGuest(self._engine, functions, fuel)
        return self._guest

    def leave(self) -> None:
        """End the run: its memory is gone."""
        guest, self._guest = self._guest, None
        if guest is not None:
            guest.close()

    def _define(self, name: str, signature: Signature) -> Raw:
        """Offer one function to modules; the callback must live as long as the linker."""
        wide = tuple(kind == "i64" for kind in signature.parameters)
        has_result = bool(signature.results)

        def callback(_data: Raw, _caller: Raw, values: Raw, _count: int) -> int:
            # An exception that leaves a ctypes callback is lost, so every one is kept and a trap
            # returned in its place.
            guest = self._guest
            assert guest is not None
            guest.enter_host()
            try:
                arguments = [
                    _signed(values[_WORDS_PER_VALUE * i])
                    if is_wide
                    else values[_WORDS_PER_VALUE * i] & _U32
                    for i, is_wide in enumerate(wide)
                ]
                result = guest.functions(name)(guest, *arguments)
                if has_result:
                    assert result is not None
                    values[0] = result & _U64
            except GuestStopped as stopped:
                # Its frames hold the guest; the reason is all that is wanted.
                guest.error = stopped.with_traceback(None)
                return _new_trap()
            except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
                guest.error = error
                return _new_trap()
            return 0

        kept = _Callback(callback)
        kind = wasmtime.FuncType(_types(signature.parameters), _types(signature.results))
        space, raw_name = IMPORT_SPACE.encode(), name.encode()
        error = ffi.wasmtime_linker_define_func_unchecked(
            self._linker.ptr(),
            space,
            len(space),
            raw_name,
            len(raw_name),
            kind.ptr(),
            ctypes.cast(kept, ffi.wasmtime_func_unchecked_callback_t),
            None,
            _NO_FINALIZER,
        )
        assert not error
        return kept


def _config() -> wasmtime.Config:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.cranelift_nan_canonicalization = True
    config.max_wasm_stack = limits.NATIVE_STACK_BYTES_MAX
    config.parallel_compilation = False  # the engine has one thread, and so it stays
    # Inspection refuses all of these by opcode; the engine refuses them a second time.
    # Components go first: references cannot be refused while they are there.
    ffi.wasmtime_config_wasm_component_model_async_set(config.ptr(), False)
    ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
    config.wasm_component_model = False
    config.wasm_reference_types = False
    config.wasm_simd = False
    config.wasm_relaxed_simd = False
    config.wasm_threads = False
    config.wasm_tail_call = False
    config.wasm_gc = False
    config.wasm_function_references = False
    config.wasm_bulk_memory = False
    config.wasm_multi_memory = False
    config.wasm_memory64 = False
    config.wasm_exceptions = False
    config.wasm_wide_arithmetic = False
    config.wasm_custom_page_sizes = False
    config.wasm_stack_switching = False
    return config


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _types(names: tuple[str, ...]) -> list[wasmtime.ValType]:
    return [wasmtime.ValType.i64() if n == "i64" else wasmtime.ValType.i32() for n in names]


def _new_trap() -> int:
    trap = ffi.wasmtime_trap_new(ctypes.create_string_buffer(_TRAP_MESSAGE), len(_TRAP_MESSAGE))
    return ctypes.addressof(trap.contents)
