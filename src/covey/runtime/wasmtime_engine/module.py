"""A compiled module and its runs, on an instance that is kept warm where that is cheaper."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import wasmtime
from wasmtime import _ffi as ffi

from covey.model import limits
from covey.runtime.engine import GuestStopped, HostFunctions, Interrupt, Run
from covey.runtime.module import ModuleFacts
from covey.runtime.traps import (
    interrupted,
    native_overflow,
    not_started,
    out_of_fuel,
    trapped,
    unexplained,
)
from covey.runtime.wasmtime_engine.faults import INTERRUPT, KINDS, STACK_OVERFLOW, first_line
from covey.runtime.wasmtime_engine.instance import Instance
from covey.runtime.wasmtime_engine.library import LIBRARY, Address, trap_code
from covey.runtime.wasmtime_engine.shared import Shared

__all__ = ["WasmtimeModule"]

_ENTRY_VALUES: Final = 1  # fuel in, fuel left out
_call: Final = LIBRARY.wasmtime_func_call_unchecked
_set_epoch_deadline: Final = LIBRARY.wasmtime_context_set_epoch_deadline


class WasmtimeModule:
    """Implements `CompiledModule`.

    An instance is used again only where nothing but its memory can differ from a fresh one, and
    that is brought back first: the module is restorable, the run returned, and memory has the
    size that it began with. Every other end throws the instance away.
    """

    __slots__ = ("_is_restorable", "_module", "_pre", "_pristine", "_shared", "_warm", "facts")

    def __init__(self, shared: Shared, facts: ModuleFacts, module: wasmtime.Module) -> None:
        """Raises wasmtime's Trap or WasmtimeError where the module cannot be linked."""
        self.facts = facts
        self._shared = shared
        self._module = module
        self._pre = shared.linker.instantiate_pre(module)
        # A large memory is mapped anew by copy-on-write for less than copying it costs.
        self._is_restorable = (
            facts.is_restorable and facts.memory_pages <= limits.WARM_MEMORY_PAGES_MAX
        )
        self._warm: Instance | None = None
        self._pristine: bytes | None = None

    def require_instantiable(self) -> None:
        """Raise wasmtime's Trap or WasmtimeError if data or elements do not fit."""
        self._start().close()

    def serialize(self) -> bytes:
        """As `CompiledModule.serialize`."""
        return bytes(self._module.serialize())

    def forget_instance(self) -> None:
        """Throw the warm instance away, if there is one."""
        instance, self._warm = self._warm, None
        if instance is not None:
            instance.close()

    def run(self, entry: str, functions: HostFunctions, fuel: int, interrupt: Interrupt) -> Run:
        """As `CompiledModule.run`."""
        shared = self._shared
        instance, self._warm = self._warm, None
        if instance is None:
            try:
                instance = self._start()
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                # Installation saw it start, so what fails now is this node (address space).
                return Run(0, not_started(first_line(error)))
        else:
            assert self._pristine is not None
            instance.guest.memory[:] = self._pristine
            if instance.epoch != shared.epoch:
                # Noted before the deadline is set: what comes in between ends the run at once.
                instance.epoch = shared.epoch
                _set_epoch_deadline(instance.context, 1)
        run: Run | None = None
        try:
            # After the deadline is set and before the call: an interrupt that came earlier is
            # seen here, one that comes later moves the epoch past the deadline.
            if interrupt.reason is not None:
                return Run(0, interrupted(interrupt))
            instance.functions = functions
            function = instance.function(entry)
            values, trap = shared.values, shared.trap
            values[0], trap[0] = fuel, 0
            shared.running.instance = instance
            failure = _call(instance.context, function, values, _ENTRY_VALUES, trap)
            if failure or trap[0]:
                stopped, left = _ended_early(instance, failure, trap[0], interrupt)
                return Run(fuel - max(0, left), stopped)
            left = values[0]
            if left <= 0:
                return Run(fuel, out_of_fuel())
            run = Run(fuel - left, None)
            return run
        finally:
            if run is not None and self._is_restorable and instance.is_as_it_began():
                self._warm = instance
                shared.use(self)
            else:
                instance.close()

    def _start(self) -> Instance:
        instance = Instance(self._pre, self._shared.engine, self._shared.epoch)
        if self._is_restorable and self._pristine is None:
            self._pristine = instance.guest.memory.tobytes()
        return instance


def _ended_early(
    instance: Instance, failure: Address, trap: Address, interrupt: Interrupt
) -> tuple[GuestStopped, int]:
    """Why, and the fuel left. Raises what a host function raised."""
    code = trap_code(trap) if trap else None
    if instance.error is not None:
        if isinstance(instance.error, GuestStopped):
            return instance.error, instance.guest.fuel
        raise instance.error
    left = instance.fuel_left()
    if failure:
        return unexplained(first_line(_taken(failure))), left
    if code == INTERRUPT:
        return interrupted(interrupt), left
    if code == STACK_OVERFLOW:
        return native_overflow(), left
    kind = KINDS.get(code) if code is not None else None
    if kind is None:
        return unexplained(f"trap number {code}"), left
    return trapped(kind, left, instance.stack_left()), left


def _taken(failure: Address) -> wasmtime.WasmtimeError:
    pointer: Any = ctypes.cast(failure, ctypes.POINTER(ffi.wasmtime_error_t))
    return wasmtime.WasmtimeError._from_ptr(pointer)
