"""What a device may use: a bucket that fills with the device's own times.

Source: protocols/rules.md, "Budget". It depends on the device's own chain alone, so that every
node has the same word on it.
"""

from __future__ import annotations

from covey.codec import pack, shape, unpack
from covey.model import (
    Core,
    DeltaId,
    Denied,
    Draft,
    HybridTime,
    Reader,
    Table,
    limits,
    milliseconds,
)

__all__ = ["bucket_at", "check_budget", "cost_of", "record_budget"]

_MINUTE_MS = 60_000


def cost_of(core: Core, size_bytes: int) -> int:
    """What a delta of this size takes out; one without calls takes nothing."""
    return sum(core.fuel) + size_bytes * limits.BUDGET_FUEL_PER_BYTE if core.fuel else 0


def bucket_at(
    reader: Reader, budget: int, previous: tuple[DeltaId, HybridTime] | None, time: HybridTime
) -> int:
    """What a device may use at a time. budget: of the charter, for a minute.

    previous: the device's applied delta before, with its time; None: there is none.
    """
    if previous is None:
        return budget
    delta, before = previous
    row = reader.get(Table.BUDGET, (delta,))
    assert row is not None, "every delta of such a context has one"
    (left,) = shape.fields(unpack(row, 64), 1, "budget row")
    passed_ms = milliseconds(time) - milliseconds(before)
    return min(budget, shape.integer(left, 0, budget, "left") + budget * passed_ms // _MINUTE_MS)


def check_budget(bucket: int, cost: int) -> Denied | None:
    """Whether a delta may take out its cost."""
    if cost > bucket:
        what = f"it takes {cost} fuel where its device may use {bucket} at that time"
        return Denied("over-budget", what)
    return None


def record_budget(draft: Draft, delta: DeltaId, left: int) -> None:
    """Keep what is left after a delta that is being applied."""
    draft.put(Table.BUDGET, (delta,), pack((left,)))
