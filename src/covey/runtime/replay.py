"""What others signed, run again: do the calls do exactly that?

Source: protocols/replay.md. Several batches may follow one another, each on what the ones before
it signed; the first that differs ends the row.
"""

from __future__ import annotations

from collections.abc import Callable

from covey.model import (
    Add,
    Denied,
    EntryReader,
    Failed,
    Failure,
    Outcome,
    ReleaseId,
    ReplayWord,
    Signed,
    limits,
)
from covey.rules import ADD_MAX, ADD_MIN
from covey.runtime.abi.covey1 import Application, BatchRun
from covey.runtime.engine import Interrupt
from covey.runtime.overlay import COUNTER_SIZE_BYTES, Overlay

__all__ = ["replay"]

_NO_WORD = (Failure.HOST_FAULT, Failure.CANCELLED)
_CLAMPED = tuple(
    bound.to_bytes(COUNTER_SIZE_BYTES, "little", signed=True) for bound in (ADD_MIN, ADD_MAX)
)


def replay(
    application_of: Callable[[ReleaseId], Application],
    row: tuple[Signed, ...],
    base: EntryReader,
    interrupt: Interrupt,
) -> tuple[ReplayWord, ...]:
    """Words on a prefix of the row, on the first at least; all but the last agree.

    base: the state before the first. Raises what `application_of` and `base` raise.
    """
    words: list[ReplayWord] = []
    done = Overlay(base)
    for signed in row:
        word = _word(application_of(signed.batch.release), signed, done, interrupt)
        words.append(word)
        if word is not None or len(words) == len(row):
            break
        if not _absorb(done, base, signed):
            break
    return tuple(words)


def _word(
    application: Application, signed: Signed, base: EntryReader, interrupt: Interrupt
) -> ReplayWord:
    run = BatchRun(application, signed.batch, base, interrupt)
    left = limits.CALL_FUEL_MAX
    rows = zip(signed.batch.calls, signed.effects, signed.events, signed.fuel, strict=True)
    for place, (call, effects, events, fuel) in enumerate(rows):
        # No more than was declared: a lie about fuel must not cost more than it says.
        given = fuel + 1 if fuel < left else left
        outcome = run.rerun(place, call, given, (effects, events, fuel))
        if outcome is not None:
            return _difference(outcome, signed, place)
        run.delta.absorb(effects)
        left -= fuel
    return None


def _difference(outcome: Outcome, signed: Signed, place: int) -> ReplayWord:
    """How a call's outcome is not what was signed, or why this node cannot tell."""
    fuel = signed.fuel[place]
    call = f"call {place}, {signed.batch.calls[place].method!r},"
    if isinstance(outcome, Failed):
        if outcome.failure in _NO_WORD:
            return outcome
        if outcome.failure is Failure.OUT_OF_FUEL:
            return Denied("wrong-fuel", f"{call} uses more than the {fuel} fuel it declares")
        return Denied("failed-call", f"{call} does not complete: {outcome.message}")
    if outcome.effects != signed.effects[place]:
        return Denied("wrong-effects", f"{call} has other effects than were signed")
    if outcome.events != signed.events[place]:
        return Denied("wrong-events", f"{call} has other events than were signed")
    return Denied("wrong-fuel", f"{call} uses {outcome.fuel} fuel, not {fuel}")


def _absorb(done: Overlay, base: EntryReader, signed: Signed) -> bool:
    """Put what was signed on top; whether what is read from now on is the state after it.

    A counter's sum is read within 64 bits, and only the exact one can be added to.
    """
    for effects in signed.effects:
        done.absorb(effects)
        for effect in effects:
            if isinstance(effect, Add) and base.get(effect.collection, effect.key) in _CLAMPED:
                return False
    return True
