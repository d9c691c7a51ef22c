"""An upgrade that is only tried: the real replica, on a snapshot, with effects that go nowhere.

Nothing is committed, sent or recorded. What the replica signs is forgotten with it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from covey.codec import cid_text, readable
from covey.merge import StateReader
from covey.model import (
    Add,
    Batch,
    Call,
    Collection,
    Completed,
    Denied,
    Draft,
    Effect,
    EntryReader,
    Outcome,
    Put,
    Reader,
    ReleaseTerms,
    Upgrade,
    limits,
)
from covey.node.contexts import Contexts
from covey.node.held import Held
from covey.node.records import Application
from covey.node.views import ChangeCount, ChangeRow, CollectionRow, RehearsalRow
from covey.sync import (
    Commit,
    Execute,
    Executed,
    GovernanceAnswered,
    GovernanceRequested,
    Ledger,
    ReleaseReady,
    Replica,
)

__all__ = ["rehearse"]

_Run = Callable[[Batch, EntryReader], Awaitable[tuple[Outcome, ...]]]
_SHOWN_CHARS = 4_096  # of a key or value; the rest is cut off
_CUT = "…"


@dataclass(slots=True)
class _Told:
    """What the replica answered, and what the migration did."""

    denied: Denied | None = None
    outcome: Outcome | None = None


async def rehearse(
    contexts: Contexts,
    held: Held,
    reader: Reader,
    release: Application,
    upgrade: Upgrade,
    migration: Call | None,
    run: _Run,
) -> RehearsalRow:
    """Try an upgrade on a snapshot of a context, as it would be written now.

    reader: the snapshot, which stays open meanwhile. release: what the upgrade names, which the
    engine behind `run` can run.
    """
    rows = Draft(reader)
    replica = contexts.replica_on(held, rows)
    ledger = replica.ledger
    in_force = ledger.governor.rule(ledger.authority)
    before = ledger.governor.terms(in_force.release)
    collections = _placed(ledger, release)
    told = await _perform(replica, rows, release, upgrade, migration, collections, run)
    outcome, denied = told.outcome, told.denied
    done = outcome if isinstance(outcome, Completed) else None
    effects = () if done is None else done.effects
    # What is there now is read where nothing of the upgrade was written.
    state = StateReader(reader, collections)
    known = {collection.name for collection in before.collections}
    fuel = 0 if outcome is None else outcome.fuel
    return RehearsalRow(
        id=cid_text(held.record.id),
        allowed=denied is None,
        code="" if denied is None else denied.code,
        reason="" if denied is None else denied.reason,
        number=in_force.number + 1,
        release=cid_text(release.release),
        version=release.manifest.version,
        before=cid_text(in_force.release),
        version_before=before.version,
        collections_added=tuple(_row(c) for c in collections if c.name not in known),
        migrated=done is not None,
        counts=_counts(effects),
        changes=tuple(_change(state, e) for e in effects[: limits.REHEARSED_CHANGES_MAX]),
        fuel=fuel,
        fuel_left=limits.CALL_FUEL_MAX - fuel,
        log=() if done is None else done.log,
    )


async def _perform(
    replica: Replica,
    rows: Draft,
    release: Application,
    upgrade: Upgrade,
    migration: Call | None,
    collections: tuple[Collection, ...],
    run: _Run,
) -> _Told:
    """What a driver does, except that rows stay here and nothing goes out."""
    told, now = _Told(), time.time()
    replica.handle(ReleaseReady(release.release), now)
    effects = replica.handle(GovernanceRequested(1, (upgrade,), migration), now)
    while True:
        batch: Batch | None = None
        for effect in effects:
            match effect:
                case Commit(writes):
                    for write in writes:
                        if write.value is None:
                            rows.delete(write.table, write.key)
                        else:
                            rows.put(write.table, write.key, write.value)
                case Execute(batch):
                    pass
                case GovernanceAnswered():
                    told.denied = effect.denied
                case _:
                    pass  # Nothing leaves a rehearsal.
        if batch is None:
            return told
        outcomes = await run(batch, StateReader(rows, collections))
        told.outcome = outcomes[0] if outcomes else None  # None: beyond the fuel budget
        effects = replica.handle(Executed(outcomes), now)


def _placed(ledger: Ledger, release: Application) -> tuple[Collection, ...]:
    """The collections of the new release, each with where its rows are."""
    interface = release.interface
    terms = ReleaseTerms("", interface.abi, interface.collections)
    return tuple(ledger.governor.placed(terms).values())


def _row(collection: Collection) -> CollectionRow:
    return CollectionRow(collection.name, collection.rule.value, collection.roles)


def _op(effect: Effect) -> str:
    match effect:
        case Put():
            return "put"
        case Add():
            return "add"
    return "delete"


def _counts(effects: tuple[Effect, ...]) -> tuple[ChangeCount, ...]:
    ops: dict[str, list[str]] = {}
    for effect in effects:
        ops.setdefault(effect.collection, []).append(_op(effect))
    return tuple(
        ChangeCount(name, done.count("put"), done.count("delete"), done.count("add"))
        for name, done in sorted(ops.items())
    )


def _change(state: StateReader, effect: Effect) -> ChangeRow:
    """An effect beside what is there now."""
    key = _shown(effect.key)
    was = state.get(effect.collection, effect.key)
    match effect:
        case Add(collection, _, amount):
            total = 0 if was is None else int.from_bytes(was, "little", signed=True)
            return ChangeRow("add", collection, key, str(total), str(total + amount))
        case Put(collection, _, value):
            return ChangeRow("put", collection, key, _maybe(was), _shown(value))
    return ChangeRow("delete", effect.collection, key, _maybe(was), None)


def _maybe(value: bytes | None) -> str | None:
    return None if value is None else _shown(value)


def _shown(content: bytes) -> str:
    text = readable(content)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + _CUT
