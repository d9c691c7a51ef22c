"""A compiled module and its runs."""

from __future__ import annotations

from typing import Protocol

import wasmtime

from covey.errors import ConfigError
from covey.model import Failure, limits
from covey.runtime.engine import GuestStopped, HostFunction, HostFunctions, Interrupt, Run
from covey.runtime.wasmtime_engine.faults import first_line, interrupted, out_of_fuel, trapped
from covey.runtime.wasmtime_engine.guest import WasmtimeGuest

__all__ = ["Runs", "WasmtimeModule"]


class Runs(Protocol):
    """What a module needs of its engine: one run at a time, begun and ended."""

    def enter(self, functions: HostFunctions, fuel: int) -> WasmtimeGuest:
        """Begin a run with an empty store."""
        ...

    def leave(self) -> None:
        """End the run: its memory is gone."""
        ...


class WasmtimeModule:
    """Implements `CompiledModule`."""

    __slots__ = ("_engine", "_exports", "_pre")

    def __init__(self, engine: Runs, pre: wasmtime.InstancePre, exports: frozenset[str]) -> None:
        self._engine = engine
        self._pre = pre
        self._exports = exports

    def has_export(self, name: str) -> bool:
        """As `CompiledModule.has_export`."""
        return name in self._exports

    def require_instantiable(self) -> None:
        """Raise ConfigError if data or elements do not fit where they are to go."""
        guest = self._engine.enter(_no_function, limits.CALL_FUEL_MAX)
        try:
            guest.start(self._pre)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            raise ConfigError(
                f"the module is refused: it does not start, {first_line(error)} (invalid)"
            ) from error
        finally:
            self._engine.leave()

    def run(
        self,
        export: str,
        functions: HostFunctions,
        fuel: int,
        interrupt: Interrupt,
    ) -> Run:
        """As `CompiledModule.run`."""
        guest = self._engine.enter(functions, fuel)
        try:
            # After the deadline is set and before the call: an interrupt that came earlier is
            # seen here, one that comes later moves the epoch past the deadline.
            if interrupt.reason is not None:
                return Run(0, interrupted(interrupt))
            try:
                instance = guest.start(self._pre)
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                # Installation saw it start, so what fails now is this node (address space).
                message = f"this node could not start the code: {first_line(error)}"
                return Run(0, GuestStopped(Failure.HOST_FAULT, message))
            ended = guest.call(guest.export(instance, export.encode()).of.func)
            left = guest.fuel_left()
            return Run(fuel - left, _verdict(guest, ended, left, interrupt))
        finally:
            self._engine.leave()


def _verdict(
    guest: WasmtimeGuest,
    ended: wasmtime.Trap | wasmtime.WasmtimeError | None,
    left: int,
    interrupt: Interrupt,
) -> GuestStopped | None:
    if isinstance(guest.error, GuestStopped):
        return guest.error
    if guest.error is not None:
        raise guest.error
    if ended is None:
        # The engine looks at fuel at calls and loops only, so code may end overdrawn.
        return None if left else out_of_fuel()
    if isinstance(ended, wasmtime.Trap):
        return trapped(ended, interrupt)
    return GuestStopped(Failure.HOST_FAULT, f"the engine failed: {first_line(ended)}")


def _no_function(name: str) -> HostFunction:
    raise AssertionError(f"instantiation called {name}")
