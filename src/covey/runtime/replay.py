"""What others signed, run again: do the calls do exactly that?

Source: protocols/replay.md. Several batches may follow one another, each on what the ones before
it signed; the first that differs ends the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    for place, (outcome, fault) in enumerate(_compared(application, signed, base, interrupt)):
        if isinstance(outcome, Failed) and outcome.failure in _NO_WORD:
            return outcome
        if fault is not None:
            method = signed.batch.calls[place].method
            return Denied(fault.code, f"call {place}, {method!r}, {fault.reason}")
    return None


def _compared(
    application: Application, signed: Signed, base: EntryReader, interrupt: Interrupt
) -> Iterator[tuple[Outcome, Denied | None]]:
    run = BatchRun(application, signed.batch, base, interrupt)
    left = limits.CALL_FUEL_MAX
    for place, call in enumerate(signed.batch.calls):
        # No more than was declared: a lie about fuel must not cost more than it says.
        outcome = run.run(place, call, min(signed.fuel[place] + 1, left))
        fault = _fault(outcome, signed, place)
        yield outcome, fault
        run.delta.absorb(signed.effects[place])
        left -= signed.fuel[place]


def _fault(outcome: Outcome, signed: Signed, place: int) -> Denied | None:
    if isinstance(outcome, Failed):
        if outcome.failure is Failure.OUT_OF_FUEL:
            return Denied("wrong-fuel", f"uses more than the {signed.fuel[place]} fuel it declares")
        return Denied("failed-call", f"does not complete: {outcome.message}")
    if outcome.effects != signed.effects[place]:
        return Denied("wrong-effects", "has other effects than were signed")
    if outcome.events != signed.events[place]:
        return Denied("wrong-events", "has other events than were signed")
    if outcome.fuel != signed.fuel[place]:
        return Denied("wrong-fuel", f"uses {outcome.fuel} fuel, not {signed.fuel[place]}")
    return None


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
