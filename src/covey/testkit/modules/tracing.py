"""A host that writes down what code asks of it, and answers the same on every engine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from covey.model import Failure
from covey.runtime.abi.covey1.signatures import IMPORTS
from covey.runtime.engine import (
    CompiledModule,
    Guest,
    GuestStopped,
    HostFunction,
    HostFunctions,
    Interrupt,
    stop,
)

__all__ = ["HostCall", "Observed", "TracingHost", "observe"]

_CALLS_MAX: Final = 300
_MEMORY_HASHED_BYTES: Final = 1 << 20
_PRICE: Final = 100


@dataclass(frozen=True, slots=True)
class HostCall:
    """One call of a host function. memory: hash of the guest's memory when it came."""

    name: str
    arguments: tuple[int, ...]
    memory: bytes
    memory_size_bytes: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What can be seen of a run from outside; ended: None if the entry returned. fuel: used."""

    calls: tuple[HostCall, ...]
    ended: tuple[Failure, str] | None
    fuel: int


class TracingHost:
    """Answers from a hash of the question and its place; now and then it writes, or traps."""

    def __init__(self, seed: int) -> None:
        self.calls: list[HostCall] = []
        self.functions: HostFunctions = _functions(self)
        self._seed = seed

    def answer(self, name: str, guest: Guest, arguments: tuple[int, ...]) -> int | None:
        """The one implementation of every function."""
        if len(self.calls) >= _CALLS_MAX:
            stop(Failure.REFUSED, "the host has heard enough")
        guest.charge(_PRICE)
        guest.look()
        memory = hashlib.blake2b(guest.memory[:_MEMORY_HASHED_BYTES], digest_size=16).digest()
        self.calls.append(HostCall(name, arguments, memory, guest.size_bytes))
        drawn = self._draw(name, arguments)
        if drawn[0] < 2:
            stop(Failure.TRAP, "the host said no")
        if drawn[0] < 100 and guest.size_bytes >= 16:
            guest.write(int.from_bytes(drawn[1:5], "little") % (guest.size_bytes - 15), drawn[8:24])
        results = IMPORTS[name].results
        if not results:
            return None
        if results[0] == "i64":
            return int.from_bytes(drawn[24:32], "little", signed=True)
        value = int.from_bytes(drawn[24:28], "little")
        return value if drawn[5] < 128 else value % 16

    def _draw(self, name: str, arguments: tuple[int, ...]) -> bytes:
        question = f"{self._seed} {len(self.calls)} {name} {arguments}".encode()
        return hashlib.blake2b(question, digest_size=32).digest()


def _functions(host: TracingHost) -> Mapping[str, HostFunction]:
    def bound(name: str) -> HostFunction:
        def function(guest: Guest, *arguments: int) -> int | None:
            return host.answer(name, guest, arguments)

        return function

    return {name: bound(name) for name in IMPORTS}


def observe(module: CompiledModule, entry: str, seed: int, fuel: int) -> Observed:
    """Run an entry of a prepared module under a tracing host."""
    host = TracingHost(seed)
    run = module.run(entry, host.functions, fuel, Interrupt())
    return Observed(tuple(host.calls), ending(run.stopped), run.fuel)


def ending(stopped: GuestStopped | None) -> tuple[Failure, str] | None:
    """How a run ended, as a value."""
    return None if stopped is None else (stopped.failure, stopped.message)
