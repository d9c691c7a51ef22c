"""What an engine must do, small enough that a second one is a single file.

An engine knows WebAssembly: it compiles a module, runs one export on fresh memory under limits,
and lets the functions of the host reach that memory. It knows nothing of entries, calls or JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from covey.model import Failure

__all__ = [
    "CompiledModule",
    "Engine",
    "Guest",
    "GuestStopped",
    "HostFunction",
    "HostFunctions",
    "Interrupt",
    "Run",
    "stop",
]

HostFunction = Callable[..., int | None]
"""Takes the guest and the wasm arguments (i32 as 0 to 2^32 - 1, i64 signed); gives the result."""

HostFunctions = Callable[[str], HostFunction]
"""Gives the function behind an import of the interface."""


class GuestStopped(Exception):
    """Raised by a host function to end the run: nothing that it did takes effect."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message


def stop(failure: Failure, message: str) -> NoReturn:
    """End the run from within a host function."""
    raise GuestStopped(failure, message)


class Guest(Protocol):
    """The running instance, as a host function may touch it. It dies with the run.

    Every range is checked against the size of memory at that moment; a bad one stops the run.
    """

    def check(self, pointer: int, size_bytes: int) -> None:
        """Require that a range lies in memory."""
        ...

    def read(self, pointer: int, size_bytes: int) -> bytes:
        """A copy of a range."""
        ...

    def write(self, pointer: int, content: bytes) -> None:
        """Overwrite a range."""
        ...

    def charge(self, fuel: int) -> None:
        """Take fuel; with less than that left, the run is out of fuel."""
        ...


@dataclass(slots=True)
class Interrupt:
    """Lets another thread end one piece of work; the engine looks at `reason`."""

    reason: Failure | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended; stopped: None if the export returned. fuel: used, <= what it was given."""

    fuel: int
    stopped: GuestStopped | None


class CompiledModule(Protocol):
    """A module ready to run, for one engine and its thread."""

    def has_export(self, name: str) -> bool:
        """Whether the module exports that name."""
        ...

    def run(
        self,
        export: str,
        functions: HostFunctions,
        fuel: int,
        interrupt: Interrupt,
    ) -> Run:
        """Run one export of a fresh instance; it completes only if it used less than `fuel`.

        functions: asked for those that the code calls. What they raise but GuestStopped is
        raised here, after the instance is gone.
        """
        ...


class Engine(Protocol):
    """One engine; all of it belongs to one thread but `interrupt`."""

    def compile(self, module: bytes) -> CompiledModule:
        """Validate and compile an inspected module, and see that it can be instantiated.

        Raises ConfigError with the engine's reason.
        """
        ...

    def interrupt(self) -> None:
        """End the run under way, if its `Interrupt` has a reason. From any thread."""
        ...
