"""The same modules run by wasmtime's own Python interface: what the executor is measured against.

Everything above the engine is the executor's; here each run has a fresh store and instance, and
each host function is reached through `Linker.define_func`. It knows no failures but the host's.
"""

from __future__ import annotations

import ctypes

import wasmtime

from covey.errors import ConfigError
from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS, Signature
from covey.runtime.engine import Guest, HostFunctions, Interrupt, Run
from covey.runtime.module import ModuleFacts, PreparedModule

__all__ = ["PublicEngine"]

_U32 = 0xFFFF_FFFF


class PublicEngine:
    """Implements `Engine`, as far as the benchmark asks."""

    build = "public"

    def __init__(self) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        self.engine = wasmtime.Engine(config)
        self.linker = wasmtime.Linker(self.engine)
        self.guest = Guest()
        self.functions: HostFunctions = {}
        for name, signature in IMPORTS.items():
            self._define(name, signature)

    def compile(self, module: PreparedModule) -> PublicModule:
        """As `Engine.compile`."""
        return PublicModule(self, module)

    def load(self, facts: ModuleFacts, native: bytes) -> PublicModule:  # noqa: ARG002
        """As `Engine.load`: never asked for here."""
        raise ConfigError("this engine keeps no native code")

    def interrupt(self) -> None:
        """As `Engine.interrupt`."""
        self.engine.increment_epoch()

    def _define(self, name: str, signature: Signature) -> None:
        def call(caller: wasmtime.Caller, *arguments: int) -> int | list[int]:
            guest, memory = self.guest, caller["memory"]
            assert isinstance(memory, wasmtime.Memory)
            guest.size_bytes = memory.data_len(caller)
            pointer = ctypes.addressof(memory.data_ptr(caller).contents)
            window = (ctypes.c_ubyte * guest.size_bytes).from_address(pointer)
            guest.memory = memoryview(window).cast("B")
            *given, guest.fuel = arguments
            result = self.functions[name](guest, *(value & _U32 for value in given))
            return guest.fuel if result is None else [result, guest.fuel]

        self.linker.define_func(
            IMPORT_SPACE,
            name,
            wasmtime.FuncType(
                _types((*signature.parameters, "i64")), _types((*signature.results, "i64"))
            ),
            call,
            access_caller=True,
        )


class PublicModule:
    """Implements `CompiledModule`, as far as the benchmark asks."""

    def __init__(self, engine: PublicEngine, module: PreparedModule) -> None:
        self.facts = module.facts
        self._engine = engine
        compiled = wasmtime.Module(engine.engine, module.code)
        self._pre = engine.linker.instantiate_pre(compiled)

    def run(self, entry: str, functions: HostFunctions, fuel: int, _interrupt: Interrupt) -> Run:
        """As `CompiledModule.run`."""
        self._engine.functions = functions
        with wasmtime.Store(self._engine.engine) as store:
            store.set_epoch_deadline(1)
            instance = self._pre.instantiate(store)
            function = instance.exports(store)[entry]
            assert isinstance(function, wasmtime.Func)
            left: int = function(store, fuel)
            self._engine.guest.memory = memoryview(b"")
        return Run(fuel - left, None)

    def serialize(self) -> None:
        """As `CompiledModule.serialize`: not kept."""


def _types(names: tuple[str, ...]) -> list[wasmtime.ValType]:
    return [wasmtime.ValType.i64() if n == "i64" else wasmtime.ValType.i32() for n in names]
