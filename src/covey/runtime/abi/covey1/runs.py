"""One call or one query from start to outcome."""

from __future__ import annotations

from collections.abc import Mapping

from covey.crypto import call_seed
from covey.model import (
    Batch,
    Call,
    Completed,
    Effect,
    EntryReader,
    Failed,
    Failure,
    Method,
    MethodKind,
    Outcome,
    Query,
    limits,
    milliseconds,
)
from covey.runtime.abi.covey1.host import Host
from covey.runtime.abi.covey1.signatures import VALIDATE_EXPORT
from covey.runtime.abi.covey1.text import effects_as_json, json_fault
from covey.runtime.abi.covey1.world import Said, Scene, World
from covey.runtime.engine import CompiledModule, GuestStopped, Interrupt, Run
from covey.runtime.overlay import Overlay

__all__ = ["Application", "run_call", "run_query", "scene_of"]


class Application:
    """An installed release, ready to run."""

    __slots__ = ("has_validate", "host", "interface", "methods", "module")

    def __init__(self, module: CompiledModule) -> None:
        self.module = module
        self.interface = module.facts.interface
        self.methods: Mapping[str, Method] = {m.name: m for m in self.interface.methods}
        self.has_validate = VALIDATE_EXPORT in module.facts.entries
        self.host = Host(self.interface.collections)


def scene_of(asked: Batch | Query, interrupt: Interrupt) -> Scene:
    """What is the same for all calls of a batch."""
    roles = asked.roles if isinstance(asked, Batch) else ()
    time_ms = milliseconds(asked.time)
    return Scene(asked.context, asked.member, asked.device, time_ms, roles, interrupt)


def run_call(
    application: Application,
    batch: Batch,
    scene: Scene,
    index: int,
    call: Call,
    delta: Overlay,
    fuel: int,
) -> Outcome:
    """Run one call of a batch on the effects of those kept before it; `delta` stays as it is.

    index: how many were kept. fuel: the call completes only if it uses less.
    """
    unfit = _unfit(application, call, MethodKind.CALL)
    if unfit is not None:
        return unfit
    overlay = Overlay(delta)

    def seed() -> bytes:
        return call_seed(batch.context, batch.device, batch.sequence, batch.previous, index, call)

    world = World(scene, call.arguments, overlay, overlay, (delta, overlay), seed)
    said = Said()
    run = _run(application, call.method, world, said, fuel)
    if run.stopped is not None:
        return _failed(run.stopped, run.fuel, said)
    used = run.fuel
    effects = overlay.effects()
    if application.has_validate:
        stopped, used = _validate(application, world, said, effects, used, fuel)
        if stopped is not None:
            return _failed(stopped, used, said)
    return _completed(effects, said, used)


def run_query(
    application: Application, query: Query, base: EntryReader, interrupt: Interrupt
) -> Outcome:
    """Run one query: it has more fuel and no effect."""
    unfit = _unfit(application, query.call, MethodKind.QUERY)
    if unfit is not None:
        return unfit
    world = World(scene_of(query, interrupt), query.call.arguments, base)
    said = Said()
    run = _run(application, query.call.method, world, said, limits.QUERY_FUEL_MAX)
    if run.stopped is not None:
        return _failed(run.stopped, run.fuel, said)
    return _completed((), said, run.fuel)


def _unfit(application: Application, call: Call, kind: MethodKind) -> Failed | None:
    method = application.methods.get(call.method)
    if method is None:
        return _refused(Failure.UNKNOWN_METHOD, f"there is no method {call.method!r}")
    if method.kind is not kind:
        message = f"{call.method!r} is a {method.kind.value}, not a {kind.value}"
        return _refused(Failure.UNKNOWN_METHOD, message)
    size = len(call.arguments)
    if size > limits.CALL_ARGUMENTS_BYTES_MAX:
        return _refused(Failure.TOO_LARGE, f"arguments of {size} bytes are over the limit")
    return None


def _refused(failure: Failure, message: str) -> Failed:
    return Failed(failure, message, 0, ())


def _run(application: Application, entry: str, world: World, said: Said, fuel: int) -> Run:
    host = application.host
    host.begin(world, said)
    try:
        return application.module.run(entry, host.functions, fuel, world.scene.interrupt)
    finally:
        host.end()


def _validate(
    application: Application,
    call: World,
    said: Said,
    effects: tuple[Effect, ...],
    used: int,
    fuel: int,
) -> tuple[GuestStopped | None, int]:
    """Ask the application's `validate` about the state the call leaves, on fresh memory.

    It is told of the author as the call was, so that it says the same on every node.
    Gives why it stopped, if it did, and the fuel that both used.
    """
    world = World(call.scene, effects_as_json(effects), call.reads, None, call.overlays)
    heard = Said()
    run = _run(application, VALIDATE_EXPORT, world, heard, fuel - used)
    for line in heard.log:
        said.note(line)
    return run.stopped, used + run.fuel


def _completed(effects: tuple[Effect, ...], said: Said, fuel: int) -> Outcome:
    fault = json_fault(said.result) if said.result else None
    if fault is not None:
        message = f"the result is not valid JSON: {fault}"
        return Failed(Failure.TRAP, message, fuel, tuple(said.log))
    return Completed(effects, tuple(said.events), said.result, fuel, tuple(said.log))


def _failed(stopped: GuestStopped, fuel: int, said: Said) -> Failed:
    return Failed(stopped.failure, stopped.message, fuel, tuple(said.log))
