"""The log of a context: applied deltas in the order in which they took effect here."""

from __future__ import annotations

import trio

from covey.codec import decode_delta, decode_payload
from covey.governance import named_member
from covey.model import DeltaId, Table, Tip, limits
from covey.node.notices import delta_row
from covey.node.views import DeltaRow
from covey.rules import is_silent
from covey.sync import Replica

__all__ = ["read_log", "replay"]


def read_log(replica: Replica, after: int, limit: int) -> tuple[tuple[int, DeltaRow], ...]:
    """Up to `limit` and `limits.LOG_PAGE_ROWS` deltas after an arrival number."""
    ledger = replica.ledger
    rows = []
    last = min(ledger.count, after + min(limit, limits.LOG_PAGE_ROWS))
    for arrival in range(max(after, 0) + 1, last + 1):
        name = ledger.view.get(Table.LOG, (arrival,))
        assert name is not None, "the log has no gaps"
        frame = ledger.frame(DeltaId(name))
        assert frame is not None, "what the log names is held"
        delta = decode_delta(replica.context, frame)
        member = named_member(ledger.authority, delta.core.author)
        assert member is not None, "authors of applied deltas were members"
        tip = Tip(delta.core.sequence, delta.id)
        silent = is_silent(ledger.view, delta.core.author, tip)
        row = delta_row(delta, decode_payload(delta.sealed), member, is_silent=silent)
        rows.append((arrival, row))
    return tuple(rows)


async def replay(
    replica: Replica,
    after: int,
    live: trio.MemoryReceiveChannel[tuple[int, DeltaRow]],
    send: trio.MemorySendChannel[tuple[int, DeltaRow]],
) -> None:
    """What the log holds after an arrival number, then what takes effect live, without a gap."""
    async with send:
        told = after
        while rows := read_log(replica, told, limits.LOG_PAGE_ROWS):
            for arrival, row in rows:
                await send.send((arrival, row))
                told = arrival
        async for arrival, row in live:
            if arrival > told:
                await send.send((arrival, row))
