"""Runs every call of a context again and compares: what a member that doubts its peers would do.

The deltas of a stopped node are judged and folded by a second replica in memory, in the order in
which that node applied them. Before one is folded, its calls run at its own cut, with its time and
seed, on whatever engine is given; effects, events and fuel must be those that the author signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from covey.codec import decode_delta, is_delta_signed
from covey.errors import NodeError
from covey.governance import Authority, silence_at
from covey.merge import StateAtCut, StateReader
from covey.model import (
    EXECUTION_METERED,
    Batch,
    Charter,
    Completed,
    ContextId,
    Delta,
    Digest,
    EntryReader,
    Outcome,
    Reader,
    ReleaseTerms,
    ScopedWrites,
    Table,
)
from covey.node.records import Records
from covey.rules import Cut
from covey.runtime import BlockingExecutor
from covey.store import MemoryStore, open_level
from covey.sync import Admissible, Judge, Ledger

__all__ = ["Disagreement", "Replayed", "replay_deltas", "replay_home"]

_NEVER_EARLY_MS: Final = 2**47  # the times of the deltas were judged when they arrived


class Disagreement(NodeError):
    """A call did not do again what its author signed."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What agreed. apart: deltas whose cut was not all that came before; digest: of the state."""

    deltas: int
    calls: int
    apart: int
    digest: Digest


def replay_home(home: Path, context: ContextId, executor: BlockingExecutor) -> Replayed:
    """Replay a context from the home of a node that is stopped.

    executor: installs the context's module itself. Raises Disagreement with the first difference,
    StoreError where the home is damaged or in use.
    """
    store = open_level(home / "store")
    try:
        records = Records(store)
        charter = records.charter(context)
        application = None if charter is None else records.application(charter.release)
        if charter is None or application is None:
            raise NodeError(f"{home} does not hold that context with its application")
        executor.install(application.release, records.module(application.release))
        reader, first = store.reader(context), application.manifest.terms
        replayed = replay_deltas(context, charter, first, _frames(reader), executor)
        known = Ledger(context, charter, first, reader).digest()
    finally:
        store.close()
    if replayed.digest != known:
        raise Disagreement(f"the replayed state is {replayed.digest.hex()}, not {known.hex()}")
    return replayed


def replay_deltas(
    context: ContextId,
    charter: Charter,
    first: ReleaseTerms,
    frames: Iterable[bytes],
    executor: BlockingExecutor,
) -> Replayed:
    """Replay deltas, parents before children. The executor has the charter's release installed.

    Raises Disagreement with the first difference.
    """
    second = _Second(context, charter, first, executor)
    for frame in frames:
        second.take(decode_delta(context, frame))
    return Replayed(second.ledger.count, second.calls, second.apart, second.ledger.digest())


def _frames(reader: Reader) -> Iterator[bytes]:
    for _, delta in reader.scan(Table.LOG):
        frame = reader.get(Table.DELTA, (delta,))
        assert frame is not None, "an applied delta is stored"
        yield frame


class _Second:
    """A replica in memory that believes nothing."""

    def __init__(
        self,
        context: ContextId,
        charter: Charter,
        first: ReleaseTerms,
        executor: BlockingExecutor,
    ) -> None:
        self._executor = executor
        self._collections = first.collections
        self._store = MemoryStore()
        self.ledger = Ledger(context, charter, first, self._store.reader(context))
        self._judge = Judge(self.ledger)
        self.calls = 0
        self.apart = 0

    def take(self, delta: Delta) -> None:
        """Judge a delta, run its calls again, and fold it."""
        context = self.ledger.context
        judged = self._judge.judge(delta, _NEVER_EARLY_MS)
        if not isinstance(judged, Admissible) or not is_delta_signed(context, delta):
            raise Disagreement(f"delta {delta.id.hex()} is not admissible: {judged}")
        if judged.payload.calls:
            self._run_again(delta, judged)
        self.ledger.apply(delta, judged.payload, judged.cut)
        self._judge.forget_applied(delta.id)
        self._store.write([ScopedWrites(context, self.ledger.save())], durable=False)
        self.ledger.settle()

    def _run_again(self, delta: Delta, judged: Admissible) -> None:
        core, payload = delta.core, judged.payload
        batch = Batch(
            context=self.ledger.context,
            release=core.release,
            member=judged.member,
            device=core.author,
            sequence=core.sequence,
            previous=core.previous,
            time=core.time,
            roles=tuple(sorted(self._authority(delta, judged).roles(core.author))),
            calls=payload.calls,
        )
        outcomes = self._executor.run_batch(batch, self._state_at(delta, judged))
        if len(outcomes) != len(payload.calls):
            raise Disagreement(
                f"delta {delta.id.hex()} has {len(payload.calls)} calls, but {len(outcomes)} fit"
            )
        is_metered = self.ledger.charter.execution == EXECUTION_METERED
        for place, outcome in enumerate(outcomes):
            fuel = core.fuel[place] if is_metered else None
            signed = (payload.effects[place], payload.events[place], fuel)
            fault = _difference(outcome, *signed)
            if fault is not None:
                raise Disagreement(f"call {place} of delta {delta.id.hex()}: {fault}")
        self.calls += len(outcomes)

    def _authority(self, delta: Delta, judged: Admissible) -> Authority:
        return self.ledger.governor.at(judged.cut, delta.core.gov_parents)

    def _state_at(self, delta: Delta, judged: Admissible) -> EntryReader:
        view = self.ledger.view
        if judged.cut == self.ledger.frontier:
            return StateReader(view, self._collections)
        self.apart += 1
        silence = silence_at(self.ledger.governor, self._authority(delta, judged))
        return StateAtCut(view, self._collections, Cut(view, judged.cut), silence)


def _difference(outcome: Outcome, effects: object, events: object, fuel: int | None) -> str | None:
    """How an outcome differs from what was signed; fuel: None where it is the author's word."""
    if not isinstance(outcome, Completed):
        return f"it did not complete: {outcome.message}"
    if outcome.effects != effects:
        return "it had other effects"
    if outcome.events != events:
        return "it had other events"
    if fuel is not None and outcome.fuel != fuel:
        return f"it used {outcome.fuel} fuel, not {fuel}"
    return None
