"""A deterministic stand-in for application code: a call's JSON says what it does.

The same batch on the same state gives the same outcomes, on every node and in every run.
"""

from __future__ import annotations

import json
from typing import Protocol

from covey.crypto import sha256
from covey.model import (
    Add,
    AppEvent,
    Batch,
    Call,
    Completed,
    Delete,
    Effect,
    EntryReader,
    Failed,
    Failure,
    Outcome,
    Put,
    limits,
)

__all__ = ["Runner", "ScriptedEngine"]


class Runner(Protocol):
    """What the simulator needs of a runtime: `covey.runtime.BlockingExecutor` has it too."""

    def run_batch(self, batch: Batch, base: EntryReader) -> tuple[Outcome, ...]:
        """Outcomes for a prefix of the batch's calls, at least one."""
        ...


class ScriptedEngine:
    """Runs calls whose arguments are {"steps": [...], "fails": bool, "fuel": int}."""

    def run_batch(self, batch: Batch, base: EntryReader) -> tuple[Outcome, ...]:
        """As `Runner.run_batch`; sometimes only part of a batch, as an engine that is full."""
        overlay: dict[tuple[str, bytes], Effect] = {}
        outcomes: list[Outcome] = []
        fuel_left = limits.CALL_FUEL_MAX
        for place, call in enumerate(batch.calls):
            if place and _stops_here(batch, place):
                break
            script = json.loads(call.arguments)
            if script["fuel"] > fuel_left:
                break
            outcome = _run(batch, call, script, base, overlay)
            outcomes.append(outcome)
            if isinstance(outcome, Completed):
                fuel_left -= outcome.fuel
        return tuple(outcomes)


def _stops_here(batch: Batch, place: int) -> bool:
    return sha256(b"%d/%d" % (batch.time, place))[0] < 20


def _run(
    batch: Batch,
    call: Call,
    script: dict[str, object],
    base: EntryReader,
    overlay: dict[tuple[str, bytes], Effect],
) -> Outcome:
    fuel = script["fuel"]
    assert isinstance(fuel, int)
    if script["fails"]:
        return Failed(Failure.REFUSED, "it was told to fail", fuel, ())
    own: dict[tuple[str, bytes], Effect] = {}
    steps = script["steps"]
    assert isinstance(steps, list)
    for step in steps:
        effect = _effect_of(step, batch)
        failed = _lay(effect, step[0] in {"stamp", "seal"}, base, overlay, own)
        if failed:
            return Failed(Failure.FORBIDDEN, failed, fuel, ())
    kept = {
        place: effect
        for place, effect in own.items()
        if not isinstance(effect, Delete) or _is_live(place, base, overlay, {})
    }
    overlay.update(kept)
    ordered = sorted(kept.items(), key=lambda item: (item[0][0].encode(), item[0][1]))
    effects = tuple(effect for _, effect in ordered)
    events = (AppEvent("done", call.arguments[:8]),)
    return Completed(effects, events, b"{}", fuel, ())


def _effect_of(step: list[str | int], batch: Batch) -> Effect:
    verb, collection, first = str(step[0]), str(step[1]), str(step[2])
    own_key = batch.member + first.encode()
    match verb:
        case "put":
            return Put(collection, first.encode(), str(step[3]).encode())
        case "delete":
            return Delete(collection, first.encode())
        case "add":
            return Add(collection, first.encode(), int(step[3]))
        case "stamp" | "own":
            return Put(collection, own_key, str(step[3]).encode())
        case "seal":
            return Put(collection, sha256(first.encode()), first.encode())
    assert verb == "disown"
    return Delete(collection, own_key)


def _lay(
    effect: Effect,
    is_frozen: bool,
    base: EntryReader,
    overlay: dict[tuple[str, bytes], Effect],
    own: dict[tuple[str, bytes], Effect],
) -> str:
    """Add one effect to the call's own; why not, or empty."""
    place = (effect.collection, effect.key)
    if is_frozen and _is_live(place, base, overlay, own):
        return "the entry exists"
    if isinstance(effect, Add):
        before = own.get(place)
        total = effect.amount + (before.amount if isinstance(before, Add) else 0)
        if not -(2**63) <= total < 2**63:
            return "the adds of one call overflow"
        effect = Add(*place, total)
    own[place] = effect
    return ""


def _is_live(
    place: tuple[str, bytes],
    base: EntryReader,
    overlay: dict[tuple[str, bytes], Effect],
    own: dict[tuple[str, bytes], Effect],
) -> bool:
    latest = own.get(place) or overlay.get(place)
    return isinstance(latest, Put) if latest else base.get(*place) is not None
