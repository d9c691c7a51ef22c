"""The engine: its configuration, and modules in and out of native code."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import wasmtime
from wasmtime import _ffi as ffi

from covey.errors import ConfigError
from covey.model import limits
from covey.runtime.module import ModuleFacts, PreparedModule
from covey.runtime.wasmtime_engine.faults import first_line
from covey.runtime.wasmtime_engine.module import WasmtimeModule
from covey.runtime.wasmtime_engine.shared import Shared

__all__ = ["WasmtimeEngine"]

# Inspection refuses all of these by opcode; the engine refuses them a second time.
_REFUSED: Final = (
    "component_model",
    "reference_types",
    "simd",
    "relaxed_simd",
    "threads",
    "tail_call",
    "gc",
    "function_references",
    "multi_memory",
    "memory64",
    "exceptions",
    "wide_arithmetic",
    "custom_page_sizes",
    "stack_switching",
)
_CPU_INFO: Final = Path("/proc/cpuinfo")


class WasmtimeEngine:
    """Implements `Engine`."""

    def __init__(self) -> None:
        self._shared = Shared(wasmtime.Engine(_config()))
        self._build = (
            f"wasmtime {version('wasmtime')}; refused {' '.join(_REFUSED)};"
            f" stack {limits.NATIVE_STACK_BYTES_MAX}; {platform.system()} {platform.machine()};"
            f" {_cpu_features()}"
        )

    @property
    def build(self) -> str:
        """As `Engine.build`."""
        return self._build

    def compile(self, module: PreparedModule) -> WasmtimeModule:
        """As `Engine.compile`."""
        assert module.code[:4] == b"\0asm", "the engine would take text too"
        try:
            compiled = wasmtime.Module(self._shared.engine, module.code)
            linked = WasmtimeModule(self._shared, module.facts, compiled)
        except wasmtime.WasmtimeError as error:
            raise ConfigError(
                f"the module is refused: the engine says {first_line(error)} (invalid)"
            ) from error
        try:
            linked.require_instantiable()
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise ConfigError(
                f"the module is refused: it does not start, {first_line(error)} (invalid)"
            ) from error
        return linked

    def load(self, facts: ModuleFacts, native: bytes) -> WasmtimeModule:
        """As `Engine.load`."""
        try:
            module = wasmtime.Module.deserialize(self._shared.engine, native)
            return WasmtimeModule(self._shared, facts, module)
        except wasmtime.WasmtimeError as error:
            raise ConfigError(f"the engine does not take it: {first_line(error)}") from error

    def interrupt(self) -> None:
        """As `Engine.interrupt`."""
        self._shared.interrupt()


def _config() -> wasmtime.Config:
    """No fuel: a prepared module meters itself. No choice of NaN: its code makes them one."""
    config = wasmtime.Config()
    config.epoch_interruption = True
    # The second is never made, as nothing runs asynchronously, but must not be the smaller one.
    ffi.wasmtime_config_async_stack_size_set(config.ptr(), 2 * limits.NATIVE_STACK_BYTES_MAX)
    config.max_wasm_stack = limits.NATIVE_STACK_BYTES_MAX
    config.parallel_compilation = False  # the engine has one thread, and so it stays
    config.wasm_multi_value = True
    config.wasm_bulk_memory = True
    # Address space for the largest index, so that code needs no bounds checks, and a memory that
    # grows stays where it is. It is reserved, not used.
    ffi.wasmtime_config_memory_may_move_set(config.ptr(), False)
    # Components go first: references cannot be refused while they are there.
    ffi.wasmtime_config_wasm_component_model_async_set(config.ptr(), False)
    ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
    for feature in _REFUSED:
        setattr(config, f"wasm_{feature}", False)
    return config


def _cpu_features() -> str:
    """What native code may use of this processor, as its system tells it."""
    try:
        with _CPU_INFO.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(("flags", "Features")):
                    return line.partition(":")[2].strip()
    except OSError:
        # Other systems have no such file; the engine itself compares features when it loads.
        return platform.processor()
    return platform.processor()
