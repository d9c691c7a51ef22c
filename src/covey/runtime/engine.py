"""What an engine must do, small enough that a second one is a single folder.

An engine knows WebAssembly: it compiles a prepared module (`runtime/module`), runs one entry of it
under limits, and lets the functions of the host reach its memory. It knows nothing of collections,
calls or JSON, and it meters nothing: a prepared module counts its own fuel and stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, Protocol

from covey.model import Failure
from covey.runtime.module import ModuleFacts, PreparedModule

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

HostFunctions = Mapping[str, HostFunction]
"""The function behind each import of the interface."""


class GuestStopped(Exception):
    """Raised by a host function to end the run: nothing that it did takes effect."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message


def stop(failure: Failure, message: str) -> NoReturn:
    """End the run from within a host function."""
    raise GuestStopped(failure, message)


class Guest:
    """The running instance, as a host function may touch it; the same for every engine.

    The engine tells it at each entry into the host how much fuel is left, and reads `fuel` when the
    host function returns. `memory` and `size_bytes` are what it has seen of memory, which may have
    grown since: `check` looks again before it says no. Between two entries it is not to be used.
    """

    __slots__ = ("fuel", "memory", "size_bytes")

    def __init__(self) -> None:
        self.memory = memoryview(b"")
        self.size_bytes = 0
        self.fuel = 0

    def check(self, pointer: int, size_bytes: int) -> None:
        """Require that a range lies in memory. pointer, size_bytes: not negative."""
        if pointer + size_bytes <= self.size_bytes:
            return
        self.look()
        if pointer + size_bytes > self.size_bytes:
            raise GuestStopped(
                Failure.TRAP,
                f"{size_bytes} bytes at {pointer} are not within the"
                f" {self.size_bytes} bytes of memory",
            )

    def look(self) -> None:
        """See how large memory is now; an engine that tells it at each entry has nothing to do."""

    def read(self, pointer: int, size_bytes: int) -> bytes:
        """A copy of a range."""
        self.check(pointer, size_bytes)
        return self.memory[pointer : pointer + size_bytes].tobytes()

    def write(self, pointer: int, content: bytes) -> None:
        """Overwrite a range."""
        self.check(pointer, len(content))
        self.memory[pointer : pointer + len(content)] = content

    def charge(self, fuel: int) -> None:
        """Take fuel; a run completes only with some left."""
        self.fuel -= fuel
        if self.fuel <= 0:
            raise GuestStopped(Failure.OUT_OF_FUEL, "the call ran out of fuel")


@dataclass(slots=True)
class Interrupt:
    """Lets another thread end one piece of work; the engine looks at `reason`."""

    reason: Failure | None = field(default=None)


class Run(NamedTuple):
    """How a run ended; stopped: None if the entry returned. fuel: used, <= what it was given."""

    fuel: int
    stopped: GuestStopped | None


class CompiledModule(Protocol):
    """A module ready to run, for one engine and its thread."""

    @property
    def facts(self) -> ModuleFacts:
        """What is known of it without its code."""
        ...

    def run(self, entry: str, functions: HostFunctions, fuel: int, interrupt: Interrupt) -> Run:
        """Run one entry on memory, globals and tables as the module says they are at first.

        It completes only if it used less than `fuel` (positive). What host functions raise but
        GuestStopped is raised here, after the instance is gone.
        """
        ...

    def serialize(self) -> bytes | None:
        """The native code, for `Engine.load`; None where the engine has no such form."""
        ...


class Engine(Protocol):
    """One engine; all of it belongs to one thread but `interrupt`."""

    @property
    def build(self) -> str:
        """All that native code depends on: engine, version, configuration, processor."""
        ...

    def compile(self, module: PreparedModule) -> CompiledModule:
        """Compile, and see that it can be instantiated. Raises ConfigError with the reason."""
        ...

    def load(self, facts: ModuleFacts, native: bytes) -> CompiledModule:
        """What `serialize` gave, from a caller who checked that it is that: it is run as it is.

        Raises ConfigError if this engine does not take it.
        """
        ...

    def interrupt(self) -> None:
        """End the run under way, if its `Interrupt` has a reason. From any thread.

        An engine that cannot be interrupted does nothing: fuel ends every run.
        """
        ...
