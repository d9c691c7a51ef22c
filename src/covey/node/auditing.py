"""An audit: a context's whole history verified again from its charter, with nothing believed.

A second replica in a store of its own, on a thread of its own, takes every delta that this node
applied, in that order; at the end its state must be the node's.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

from covey.codec import decode_delta, did_text
from covey.errors import ProtocolViolation, StoreError
from covey.model import (
    Charter,
    ContextId,
    Delta,
    DeltaId,
    Denied,
    Failed,
    Reader,
    ReleaseTerms,
    ScopedWrites,
    Table,
)
from covey.node.views import AuditRow, RefusedRow
from covey.runtime import BlockingExecutor
from covey.store import Store, open_level
from covey.sync import Audit, Ledger, refusals_of

__all__ = ["audit", "refused_frame", "refused_rows"]

_TOLD_EVERY = 64  # deltas


@dataclass(frozen=True, slots=True)
class _Course:
    """Tells how far it is; asks whether to go on."""

    told: Callable[[AuditRow], None]
    goes_on: Callable[[], bool]


def audit(
    context: ContextId,
    charter: Charter,
    first: ReleaseTerms,
    source: Reader,
    executor: BlockingExecutor,
    told: Callable[[AuditRow], None] = lambda _row: None,
    goes_on: Callable[[], bool] = lambda: True,
    folder: Path | None = None,
) -> AuditRow:
    """Verify what a snapshot of a context holds; gives the last row. told: gets those before.

    executor: has or gets every release that the history names. folder: where the second replica's
    store may lie meanwhile. Raises StoreError where the snapshot cannot be read, NotFound where a
    release's module is not here.
    """
    place = Path(tempfile.mkdtemp(prefix="audit-", dir=folder))
    try:
        store = open_level(place / "store")
        try:
            second = Audit(context, charter, first, store.reader(context), executor.replay)
            own = Ledger(context, charter, first, source)
            return _verify(second, store, own, source, _Course(told, goes_on))
        finally:
            store.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _verify(second: Audit, store: Store, own: Ledger, source: Reader, course: _Course) -> AuditRow:
    of = own.count
    for key, name in source.scan(Table.LOG):
        if not course.goes_on():
            return _row(second, of)
        read = _read(own.context, DeltaId(name), source)
        word = read if isinstance(read, Denied) else second.take(read)
        if word is not None:
            assert isinstance(key[0], int)
            author = "" if isinstance(read, Denied) else did_text(read.core.author)
            return _ended(_row(second, of), word, name.hex(), author, key[0])
        writes = second.writes()
        store.write([ScopedWrites(own.context, writes)], durable=False)
        if second.deltas % _TOLD_EVERY == 0:
            course.told(_row(second, of))
    if second.digest() != own.digest() or not _is_same_state(store.reader(own.context), source):
        reason = "every delta holds, but together they make another state than this node's"
        return _ended(_row(second, of), Denied("other-state", reason))
    digest = second.digest().hex()
    return replace(_row(second, of), is_done=True, holds=True, digest=digest)


def _read(context: ContextId, name: DeltaId, source: Reader) -> Delta | Denied:
    """The delta that the log names, or why what is stored under its id is not that delta.

    Raises StoreError where nothing is.
    """
    frame = source.get(Table.DELTA, (name,))
    if frame is None:
        raise StoreError(f"delta {name.hex()} is in the log and not in the store")
    try:
        delta = decode_delta(context, frame)
    except ProtocolViolation as error:
        return Denied(error.code, f"what this node stores of it is damaged: {error.reason}")
    if delta.id != name:
        return Denied("wrong-id", "what this node stores under its id is another delta")
    return delta


def _is_same_state(one: Reader, other: Reader) -> bool:
    """Whether two readers show the same entries: a digest that is kept says nothing of rows."""
    rows = zip_longest(one.scan(Table.ENTRY), other.scan(Table.ENTRY))
    return all(mine == theirs for mine, theirs in rows)


def _row(second: Audit, of: int) -> AuditRow:
    """How far an audit is that goes on."""
    return AuditRow(
        deltas=second.deltas,
        of=of,
        calls=second.calls,
        is_done=False,
        holds=False,
        digest="",
        delta="",
        author="",
        arrival=0,
        code="",
        reason="",
    )


def _ended(
    row: AuditRow,
    word: Denied | Failed,
    delta: str = "",
    author: str = "",
    arrival: int = 0,
) -> AuditRow:
    """The last row, where something does not hold or nobody could tell."""
    if isinstance(word, Denied):
        code, reason = word.code, word.reason
    else:
        code, reason = word.failure.value, word.message
    return replace(
        row,
        is_done=True,
        delta=delta,
        author=author,
        arrival=arrival,
        code=code,
        reason=reason,
    )


def refused_rows(reader: Reader) -> tuple[RefusedRow, ...]:
    """What members' devices signed and this node refused, as far as it is kept."""
    return tuple(
        RefusedRow(
            delta=refusal.delta.hex(),
            author=did_text(refusal.author),
            code=refusal.code,
            reason=refusal.reason,
            size_bytes=len(refusal.frame),
        )
        for refusal in refusals_of(reader)
    )


def refused_frame(reader: Reader, delta: DeltaId) -> bytes | None:
    """A refused delta as it was signed, or None where it is not kept."""
    found = (refusal.frame for refusal in refusals_of(reader) if refusal.delta == delta)
    return next(found, None) or None
