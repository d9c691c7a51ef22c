"""An audit: a context's whole history verified again from its charter, with nothing believed.

A second replica in a store of its own, on a thread of its own, takes every delta that this node
applied, in that order; at the end its state must be the node's.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from covey.codec import decode_delta, did_text
from covey.errors import StoreError
from covey.model import (
    Charter,
    ContextId,
    Delta,
    DeltaId,
    Denied,
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
        frame = source.get(Table.DELTA, (name,))
        if frame is None:
            raise StoreError(f"delta {name.hex()} is in the log and not in the store")
        delta = decode_delta(own.context, frame)
        word = second.take(delta)
        if word is not None:
            code = word.code if isinstance(word, Denied) else word.failure.value
            reason = word.reason if isinstance(word, Denied) else word.message
            assert isinstance(key[0], int)
            return _row(second, of, delta, key[0], code, reason)
        writes = second.writes()
        store.write([ScopedWrites(own.context, writes)], durable=False)
        if second.deltas % _TOLD_EVERY == 0:
            course.told(_row(second, of))
    if second.digest() != own.digest() or not _is_same_state(store.reader(own.context), source):
        reason = "every delta holds, but together they make another state than this node's"
        return _row(second, of, None, 0, "other-state", reason)
    return _row(second, of, is_done=True)


def _is_same_state(one: Reader, other: Reader) -> bool:
    """Whether two readers show the same entries: a digest that is kept says nothing of rows."""
    rows = zip_longest(one.scan(Table.ENTRY), other.scan(Table.ENTRY))
    return all(mine == theirs for mine, theirs in rows)


def _row(
    second: Audit,
    of: int,
    delta: Delta | None = None,
    arrival: int = 0,
    code: str = "",
    reason: str = "",
    *,
    is_done: bool = False,
) -> AuditRow:
    return AuditRow(
        deltas=second.deltas,
        of=of,
        calls=second.calls,
        is_done=is_done or bool(code),
        holds=is_done,
        digest=second.digest().hex() if is_done else "",
        delta="" if delta is None else delta.id.hex(),
        author="" if delta is None else did_text(delta.core.author),
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
