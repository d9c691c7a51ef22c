"""The original of a module, run as it is by an engine's ordinary interface.

This is what the rewritten module has to be equal to: no metering, no counted stack, and code of
an engine's makers in place of ours.
"""

from __future__ import annotations

import ctypes
from contextlib import closing
from typing import Final

import wasmtime

from covey.model import Failure, limits
from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS
from covey.runtime.engine import Guest, GuestStopped
from covey.runtime.traps import TrapKind
from covey.testkit.modules.tracing import Observed, TracingHost, ending

__all__ = ["Reference", "difference"]

_PAGE_SIZE_BYTES: Final = 65_536
_FUEL: Final = 200_000_000
_TYPES: Final = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
_KINDS: Final = {
    wasmtime.TrapCode.UNREACHABLE: TrapKind.UNREACHABLE,
    wasmtime.TrapCode.INTEGER_DIVISION_BY_ZERO: TrapKind.DIVISION_BY_ZERO,
    wasmtime.TrapCode.INTEGER_OVERFLOW: TrapKind.DIVISION_OVERFLOW,
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: TrapKind.MEMORY_OUT_OF_BOUNDS,
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: TrapKind.TABLE_OUT_OF_BOUNDS,
    wasmtime.TrapCode.INDIRECT_CALL_TO_NULL: TrapKind.EMPTY_ELEMENT,
    wasmtime.TrapCode.BAD_SIGNATURE: TrapKind.WRONG_TYPE,
    wasmtime.TrapCode.BAD_CONVERSION_TO_INTEGER: TrapKind.CONVERSION,
}
_UNDECIDED: Final = {
    wasmtime.TrapCode.STACK_OVERFLOW: "the original overflowed the stack",
    wasmtime.TrapCode.OUT_OF_FUEL: "the original ran too long",
}
_DEEP: Final = "deeper"
"""A word of the verdict on code that used up the stack that its module counts."""


class Reference:
    """Runs originals; for one thread."""

    def __init__(self) -> None:
        config = wasmtime.Config()
        config.consume_fuel = True
        config.cranelift_nan_canonicalization = True
        config.wasm_reference_types = True
        config.parallel_compilation = False
        self._engine = wasmtime.Engine(config)

    def compile(self, module: bytes) -> wasmtime.Module:
        """Raises wasmtime.WasmtimeError for what is not valid."""
        assert module[:4] == b"\0asm", "the engine would take text too"
        return wasmtime.Module(self._engine, module)

    def observe(self, module: wasmtime.Module, entry: str, seed: int) -> Observed:
        """Run an entry on a fresh instance; ended: HOST_FAULT where it was not let to its end."""
        # Closed by hand: an exception of a host function keeps what its frames held, and with it
        # four gigabytes of address space for each run.
        with (
            closing(wasmtime.Store(self._engine)) as store,
            closing(wasmtime.Linker(self._engine)) as linker,
        ):
            return self._observe(store, linker, module, entry, TracingHost(seed))

    @staticmethod
    def _observe(
        store: wasmtime.Store,
        linker: wasmtime.Linker,
        module: wasmtime.Module,
        entry: str,
        host: TracingHost,
    ) -> Observed:
        store.set_fuel(_FUEL)
        store.set_limits(memory_size=limits.MEMORY_PAGES_MAX * _PAGE_SIZE_BYTES)
        stopped: list[GuestStopped] = []
        for name in IMPORTS:
            _define(linker, host, name, stopped)
        instance = linker.instantiate(store, module)
        function = instance.exports(store)[entry]
        assert isinstance(function, wasmtime.Func)
        ended = None
        try:
            function(store)
        except wasmtime.Trap as trap:
            ended = ending(stopped[0]) if stopped else _verdict(trap)
        except GuestStopped as reason:
            ended = ending(reason)
        return Observed(tuple(host.calls), ended, 0)


def _define(
    linker: wasmtime.Linker, host: TracingHost, name: str, stopped: list[GuestStopped]
) -> None:
    signature = IMPORTS[name]
    kind = wasmtime.FuncType(
        [_TYPES[t]() for t in signature.parameters], [_TYPES[t]() for t in signature.results]
    )

    def function(caller: wasmtime.Caller, *arguments: int) -> int | None:
        memory = caller.get("memory")
        assert isinstance(memory, wasmtime.Memory)
        guest = Guest()
        guest.fuel = 1 << 62
        guest.size_bytes = memory.data_len(caller)
        if guest.size_bytes:
            start = ctypes.addressof(memory.data_ptr(caller).contents)
            content = (ctypes.c_ubyte * guest.size_bytes).from_address(start)
            guest.memory = memoryview(content).cast("B")
        given = tuple(
            value & 0xFFFF_FFFF if t == "i32" else value
            for t, value in zip(signature.parameters, arguments, strict=True)
        )
        try:
            result = host.answer(name, guest, given)
        except GuestStopped as reason:
            stopped.append(reason)
            raise
        if result is not None and signature.results[0] == "i32" and result >> 31:
            result -= 1 << 32
        return result

    linker.define_func(IMPORT_SPACE, name, kind, function, access_caller=True)


def _verdict(trap: wasmtime.Trap) -> tuple[Failure, str]:
    code = trap.trap_code
    assert code is not None
    if code in _UNDECIDED:
        return Failure.HOST_FAULT, _UNDECIDED[code]
    return Failure.TRAP, _KINDS[code].value


def difference(original: Observed, rewritten: Observed) -> str | None:
    """How two runs of one module differ though they should not; None where they agree.

    A rewritten module may end earlier, of fuel or of stack: up to there it must be the same.
    """
    cut_short = rewritten.ended is not None and (
        rewritten.ended[0] is Failure.OUT_OF_FUEL or _DEEP in rewritten.ended[1]
    )
    endless = original.ended is not None and original.ended[0] is Failure.HOST_FAULT
    if rewritten.ended is not None and rewritten.ended[0] is Failure.HOST_FAULT:
        return f"the node gave up: {rewritten.ended[1]}"
    shared = min(len(original.calls), len(rewritten.calls))
    for place in range(shared):
        if original.calls[place] != rewritten.calls[place]:
            return f"call {place}: {original.calls[place]} and {rewritten.calls[place]}"
    if cut_short or endless:
        is_short = len(rewritten.calls) <= len(original.calls)
        return None if is_short or endless else "the rewritten module went on for longer"
    if len(original.calls) != len(rewritten.calls):
        return f"{len(original.calls)} calls of the host and {len(rewritten.calls)}"
    if original.ended != rewritten.ended:
        return f"it ended with {original.ended} and {rewritten.ended}"
    return None
