"""A compiled module and its runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from covey.errors import ConfigError
from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS, Signature
from covey.runtime.engine import Guest, GuestStopped, HostFunctions, Interrupt, Run
from covey.runtime.module import ModuleFacts, PreparedModule
from covey.runtime.module.prepared import FUEL_EXPORT, STACK_EXPORT
from covey.runtime.traps import interrupted, not_started, out_of_fuel, unexplained
from covey.runtime.wasmer_engine.faults import first_line, is_panic, judge
from covey.runtime.wasmer_engine.library import Library, Raw

__all__ = ["WasmerModule"]

_U32: Final = 0xFFFF_FFFF
_NOTHING: Final = memoryview(b"")


class _Stopped(Exception):
    """Takes the guest's frames down; why is in the run."""


class _Running:
    """One run, as host functions find it; error: what ended it from within the host."""

    __slots__ = ("error", "functions", "guest", "interrupt", "memory")

    def __init__(self, functions: HostFunctions, interrupt: Interrupt, memory: Raw) -> None:
        self.functions = functions
        self.interrupt = interrupt
        self.memory = memory
        self.guest = Guest()
        self.error: BaseException | None = None

    def enter(self, name: str, arguments: list[int], fuel: int) -> int | None:
        """Call one function of the host with the guest as it is now."""
        guest = self.guest
        # Memory may have grown since the last entry, so where it lies is asked each time.
        guest.memory = memoryview(self.memory.buffer)
        guest.size_bytes = len(guest.memory)
        guest.fuel = fuel
        try:
            if self.interrupt.reason is not None:
                raise interrupted(self.interrupt)
            return self.functions[name](guest, *arguments)
        finally:
            # Whatever still refers to the view, such as an error on its way to another thread,
            # must not hold what belongs to this one.
            guest.memory.release()
            guest.memory = _NOTHING


class _Seat:
    """Where host functions find the run under way.

    They refer to it and never to their module, which holds them: a circle through native objects
    is one that nobody would ever break.
    """

    __slots__ = ("running",)

    def __init__(self) -> None:
        self.running: _Running | None = None


class WasmerModule:
    """Implements `CompiledModule`: a fresh instance for each run, which takes microseconds."""

    __slots__ = ("_compiled", "_imports", "_library", "_seat", "_store", "facts")

    def __init__(self, library: Library, module: PreparedModule) -> None:
        self.facts: ModuleFacts = module.facts
        self._library = library
        self._seat = _Seat()
        self._store = library.new_store()
        try:
            self._compiled: Raw = library.types.Module(self._store, module.code)
        except RuntimeError as error:
            raise _refused(error) from error
        except BaseException as error:
            if is_panic(error):
                raise _refused(error) from error
            raise
        self._imports = library.types.ImportObject()
        functions = {name: self._offer(name, signature) for name, signature in IMPORTS.items()}
        self._imports.register(IMPORT_SPACE, functions)

    def require_instantiable(self) -> None:
        """See that its segments fit memory and table. Raises ConfigError if not."""
        try:
            self._library.types.Instance(self._compiled, self._imports)
        except RuntimeError as error:
            raise _refused(error) from error

    def run(self, entry: str, functions: HostFunctions, fuel: int, interrupt: Interrupt) -> Run:
        """As `CompiledModule.run`."""
        assert self._seat.running is None, "one run at a time"
        if interrupt.reason is not None:
            return Run(0, interrupted(interrupt))
        try:
            instance = self._library.types.Instance(self._compiled, self._imports)
        except RuntimeError as error:
            return Run(0, not_started(first_line(error)))
        exports = instance.exports
        running = self._seat.running = _Running(functions, interrupt, exports.memory)
        try:
            left, stopped = self._call(exports, entry, running, fuel)
        finally:
            self._seat.running = None
            running.memory = None
            del exports, instance
        if running.error is not None and stopped is None:
            raise running.error
        return Run(fuel - max(left, 0), stopped)

    def serialize(self) -> bytes | None:
        """As `CompiledModule.serialize`: none, so no native code is ever read from a disk."""
        return None

    def _call(
        self, exports: Raw, entry: str, running: _Running, fuel: int
    ) -> tuple[int, GuestStopped | None]:
        """The fuel that is left, and what ended the run early."""
        try:
            left: int = getattr(exports, entry)(fuel)
        except _Stopped:
            error = running.error
            stopped = error if isinstance(error, GuestStopped) else None
            return running.guest.fuel, stopped
        except RuntimeError as error:
            left, stack = _counter(exports, FUEL_EXPORT), _counter(exports, STACK_EXPORT)
            return left, judge(error, left, stack)
        except BaseException as error:
            if is_panic(error):
                return 0, unexplained(first_line(error))
            raise
        return left, None if left > 0 else out_of_fuel()

    def _offer(self, name: str, signature: Signature) -> Raw:
        seat = self._seat
        has_result = bool(signature.results)
        decode = _decoder(signature)

        def callback(*values: int) -> int | tuple[int, int]:
            # Nothing that the host raises may cross native frames: it is kept for the end.
            running = seat.running
            assert running is not None
            try:
                result = running.enter(name, decode(values), values[-1])
            except GuestStopped as stopped:
                # Its frames hold the guest; the reason is all that is wanted.
                running.error = stopped.with_traceback(None)
            except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
                running.error = error
            else:
                fuel = running.guest.fuel
                if not has_result:
                    return fuel
                assert result is not None
                return result, fuel
            raise _Stopped

        return self._library.types.Function(self._store, callback, self._library.metered(signature))


def _decoder(signature: Signature) -> Callable[[tuple[int, ...]], list[int]]:
    """Gives the arguments of the interface: i32 unsigned, i64 signed, the fuel left away."""
    masks = [_U32 if kind == "i32" else -1 for kind in signature.parameters]
    if all(mask == _U32 for mask in masks):
        return lambda values: [value & _U32 for value in values[:-1]]
    return lambda values: [value & mask for value, mask in zip(values, masks, strict=False)]


def _counter(exports: Raw, name: str) -> int:
    value: int = getattr(exports, name).value
    return value


def _refused(error: BaseException) -> ConfigError:
    return ConfigError(f"the module is refused: the engine says {first_line(error)} (invalid)")
