"""One call or one query from start to outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from covey.crypto import call_seed
from covey.model import (
    AppEvent,
    Batch,
    Call,
    Collection,
    Completed,
    Effect,
    EntryReader,
    Failed,
    Failure,
    Interface,
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
from covey.runtime.abi.covey1.world import Said, World
from covey.runtime.engine import CompiledModule, GuestStopped, Interrupt
from covey.runtime.overlay import Overlay

__all__ = ["Application", "run_call", "run_query"]


class Application:
    """An installed release, ready to run."""

    __slots__ = ("collections", "has_validate", "methods", "module")

    def __init__(self, interface: Interface, module: CompiledModule) -> None:
        self.module = module
        self.collections: Mapping[str, Collection] = {c.name: c for c in interface.collections}
        self.methods: Mapping[str, Method] = {m.name: m for m in interface.methods}
        self.has_validate = module.has_export(VALIDATE_EXPORT)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a run ended and what it used."""

    fuel: int
    stopped: GuestStopped | None


def run_call(
    application: Application,
    batch: Batch,
    index: int,
    call: Call,
    delta: Overlay,
    fuel: int,
    interrupt: Interrupt,
) -> Outcome:
    """Run one call of a batch on the effects of those kept before it; `delta` stays as it is.

    index: how many were kept. fuel: the call completes only if it uses less.
    """
    unfit = _unfit(application, call, MethodKind.CALL)
    if unfit is not None:
        return unfit
    overlay = Overlay(delta)
    seed = call_seed(batch.context, batch.device, batch.sequence, batch.previous, index, call)
    world = World(
        arguments=call.arguments,
        context=batch.context,
        member=batch.member,
        device=batch.device,
        time_ms=milliseconds(batch.time),
        seed=seed,
        roles=batch.roles,
        collections=application.collections,
        reads=overlay,
        writes=overlay,
        overlays=(delta, overlay),
        interrupt=interrupt,
    )
    said = Said()
    ended = _run(application, call.method, world, said, fuel)
    if ended.stopped is not None:
        return _failed(ended, said)
    effects = overlay.effects()
    if application.has_validate:
        ended = _validate(application, world, said, effects, ended.fuel, fuel)
        if ended.stopped is not None:
            return _failed(ended, said)
    return _completed(effects, tuple(said.events), said, ended.fuel)


def run_query(
    application: Application, query: Query, base: EntryReader, interrupt: Interrupt
) -> Outcome:
    """Run one query: it has more fuel and no effect."""
    unfit = _unfit(application, query.call, MethodKind.QUERY)
    if unfit is not None:
        return unfit
    world = World(
        arguments=query.call.arguments,
        context=query.context,
        member=query.member,
        device=query.device,
        time_ms=milliseconds(query.time),
        seed=None,
        roles=(),
        collections=application.collections,
        reads=base,
        writes=None,
        overlays=(),
        interrupt=interrupt,
    )
    said = Said()
    ended = _run(application, query.call.method, world, said, limits.QUERY_FUEL_MAX)
    if ended.stopped is not None:
        return _failed(ended, said)
    return _completed((), (), said, ended.fuel)


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


def _run(application: Application, export: str, world: World, said: Said, fuel: int) -> _Ended:
    host = Host(world, said)
    try:
        run = application.module.run(export, host.function, fuel, world.interrupt)
    finally:
        host.close()
    return _Ended(run.fuel, run.stopped)


def _validate(
    application: Application,
    call: World,
    said: Said,
    effects: tuple[Effect, ...],
    used: int,
    fuel: int,
) -> _Ended:
    """Ask the application's `validate` about the state the call leaves, on fresh memory.

    It is told of the author as the call was, so that it says the same on every node.
    """
    world = World(
        arguments=effects_as_json(effects),
        context=call.context,
        member=call.member,
        device=call.device,
        time_ms=call.time_ms,
        seed=None,
        roles=(),
        collections=call.collections,
        reads=call.reads,
        writes=None,
        overlays=call.overlays,
        interrupt=call.interrupt,
    )
    heard = Said()
    ended = _run(application, VALIDATE_EXPORT, world, heard, fuel - used)
    for line in heard.log:
        said.note(line)
    return _Ended(used + ended.fuel, ended.stopped)


def _completed(
    effects: tuple[Effect, ...], events: tuple[AppEvent, ...], said: Said, fuel: int
) -> Outcome:
    fault = json_fault(said.result) if said.result else None
    if fault is not None:
        message = f"the result is not valid JSON: {fault}"
        return Failed(Failure.TRAP, message, fuel, tuple(said.log))
    return Completed(effects, events, said.result, fuel, tuple(said.log))


def _failed(ended: _Ended, said: Said) -> Failed:
    assert ended.stopped is not None
    return Failed(ended.stopped.failure, ended.stopped.message, ended.fuel, tuple(said.log))
