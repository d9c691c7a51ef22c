"""The calls of a batch, or one query, from start to outcome."""

from __future__ import annotations

from typing import Final, TypeAlias

from covey.crypto import call_seed
from covey.model import (
    AppEvent,
    Batch,
    Call,
    Completed,
    Effect,
    EntryReader,
    Failed,
    Failure,
    Interface,
    MethodKind,
    Outcome,
    Query,
    limits,
    milliseconds,
)
from covey.runtime.abi.covey1.host import Host
from covey.runtime.abi.covey1.signatures import VALIDATE_EXPORT
from covey.runtime.abi.covey1.text import effects_as_json, json_fault
from covey.runtime.abi.covey1.world import Scene, World
from covey.runtime.engine import CompiledModule, GuestStopped, Interrupt, Run
from covey.runtime.overlay import Overlay

__all__ = ["Application", "BatchRun", "SignedCall", "run_query"]

SignedCall: TypeAlias = tuple[tuple[Effect, ...], tuple[AppEvent, ...], int]
"""What was signed of a call: its effects, its events and its fuel."""

_CALL_OVERHEAD_BYTES: Final = 32
_ARGUMENTS_BYTES_MAX: Final = limits.CALL_ARGUMENTS_BYTES_MAX
_FAULTS_OF_CODE: Final = (
    Failure.TRAP,
    Failure.OUT_OF_FUEL,
    Failure.FORBIDDEN,
    Failure.TOO_LARGE,
)


class Application:
    """An installed release, ready to run. calls, queries: names of its methods."""

    __slots__ = ("calls", "has_validate", "host", "interface", "module", "queries")

    def __init__(self, module: CompiledModule) -> None:
        self.module = module
        self.interface = module.facts.interface
        self.calls = _names(self.interface, MethodKind.CALL)
        self.queries = _names(self.interface, MethodKind.QUERY)
        self.has_validate = VALIDATE_EXPORT in module.facts.entries
        self.host = Host(self.interface.collections)


def _names(interface: Interface, kind: MethodKind) -> frozenset[str]:
    return frozenset(method.name for method in interface.methods if method.kind is kind)


class BatchRun:
    """The calls of one batch, run in order on one world; delta: the effects of those kept.

    Whoever runs them lets `delta` absorb what it keeps; nothing else of a call is left after it.
    """

    def __init__(
        self, application: Application, batch: Batch, base: EntryReader, interrupt: Interrupt
    ) -> None:
        self.delta = Overlay(base)
        self._application = application
        self._batch = batch
        self._overlay = Overlay(self.delta)
        scene = Scene(
            batch.context,
            batch.member,
            batch.device,
            milliseconds(batch.time),
            batch.roles,
            interrupt,
        )
        overlays = (self.delta, self._overlay)
        self._world = World(scene, self._overlay, self._overlay, overlays, self._seed)
        self._index = 0
        self._call: Call

    def run(self, index: int, call: Call, fuel: int) -> Outcome:
        """Run one call. index: how many were kept. fuel: it completes only if it uses less."""
        used = self._enter(index, call, fuel)
        if isinstance(used, Failed):
            return used
        return _completed(self._overlay.effects(), self._world, used)

    def rerun(self, index: int, call: Call, fuel: int, signed: SignedCall) -> Outcome | None:
        """As `run`, of a call that somebody else ran; None where it does exactly what was signed.

        That saves building what is known already.
        """
        used = self._enter(index, call, fuel)
        if isinstance(used, Failed):
            return used
        effects, events, signed_fuel = signed
        overlay, world = self._overlay, self._world
        if (
            used == signed_fuel
            and overlay.holds_exactly(effects)
            and (tuple(world.events) if world.events else ()) == events
            and (not world.result or json_fault(world.result) is None)
        ):
            return None
        return _completed(overlay.effects(), world, used)

    def _enter(self, index: int, call: Call, fuel: int) -> Failed | int:
        """The fuel that a call used, its effects in the overlay; or why it has none."""
        application, world, overlay = self._application, self._world, self._overlay
        self._index, self._call = index, call
        overlay.clear()
        if call.method not in application.calls or len(call.arguments) > _ARGUMENTS_BYTES_MAX:
            return _unfit(application, call, MethodKind.CALL)
        world.begin(call.arguments)
        used, stopped = _run(application, call.method, world, fuel)
        if stopped is None and application.has_validate:
            stopped, used = _validate(application, world, overlay.effects(), used, fuel)
        return used if stopped is None else _failed(stopped, used, world)

    def size_bytes(self) -> int:
        """What the call that was run last takes in a delta, at most."""
        call = self._call
        return (
            _CALL_OVERHEAD_BYTES
            + len(call.method)
            + len(call.arguments)
            + self._overlay.payload_size_bytes
            + self._world.event_size_bytes
        )

    def _seed(self) -> bytes:
        batch = self._batch
        return call_seed(
            batch.context, batch.device, batch.sequence, batch.previous, self._index, self._call
        )


def run_query(
    application: Application, query: Query, base: EntryReader, interrupt: Interrupt
) -> Outcome:
    """Run one query: it has more fuel and no effect."""
    call = query.call
    if call.method not in application.queries or len(call.arguments) > _ARGUMENTS_BYTES_MAX:
        return _unfit(application, call, MethodKind.QUERY)
    time_ms = milliseconds(query.time)
    scene = Scene(query.context, query.member, query.device, time_ms, (), interrupt)
    world = World(scene, base)
    world.begin(call.arguments)
    run = _run(application, call.method, world, limits.QUERY_FUEL_MAX)
    if run.stopped is not None:
        return _failed(run.stopped, run.fuel, world)
    return _completed((), world, run.fuel)


def _unfit(application: Application, call: Call, kind: MethodKind) -> Failed:
    """Why a call is not even begun."""
    method = application.interface.method(call.method)
    if method is None:
        return _refused(Failure.UNKNOWN_METHOD, f"there is no method {call.method!r}")
    if method.kind is not kind:
        message = f"{call.method!r} is a {method.kind.value}, not a {kind.value}"
        return _refused(Failure.UNKNOWN_METHOD, message)
    size = len(call.arguments)
    return _refused(Failure.TOO_LARGE, f"arguments of {size} bytes are over the limit")


def _refused(failure: Failure, message: str) -> Failed:
    return Failed(failure, message, 0, ())


def _run(application: Application, entry: str, world: World, fuel: int) -> Run:
    host = application.host
    host.begin(world)
    try:
        return application.module.run(entry, host.functions, fuel, world.scene.interrupt)
    finally:
        host.end()


def _validate(
    application: Application,
    call: World,
    effects: tuple[Effect, ...],
    used: int,
    fuel: int,
) -> tuple[GuestStopped | None, int]:
    """Ask the application's `validate` about the state the call leaves, on fresh memory.

    It is told of the author as the call was, so that it says the same on every node.
    Gives why it stopped, if it did, and the fuel that both used.
    """
    given = effects_as_json(effects)
    assert len(given) <= limits.VALIDATE_INPUT_BYTES_MAX
    world = World(call.scene, call.reads, None, call.overlays)
    world.begin(given)
    run = _run(application, VALIDATE_EXPORT, world, fuel - used)
    for line in world.log:
        call.note(line)
    stopped = run.stopped
    if stopped is not None and stopped.failure in _FAULTS_OF_CODE:
        # Who reads that a query may not write, of a call, would look in the wrong place.
        stopped = GuestStopped(stopped.failure, f"in {VALIDATE_EXPORT}: {stopped.message}")
    return stopped, used + run.fuel


def _completed(effects: tuple[Effect, ...], world: World, fuel: int) -> Outcome:
    fault = json_fault(world.result) if world.result else None
    if fault is not None:
        message = f"the result is not valid JSON: {fault}"
        return Failed(Failure.TRAP, message, fuel, tuple(world.log))
    return Completed(effects, tuple(world.events), world.result, fuel, tuple(world.log))


def _failed(stopped: GuestStopped, fuel: int, world: World) -> Failed:
    return Failed(stopped.failure, stopped.message, fuel, tuple(world.log))
