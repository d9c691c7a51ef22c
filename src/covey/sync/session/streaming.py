"""What one peer lacks of one context, read from the log page by page in causal order.

Source: protocols/sync.md. The log is in order of application, so parents come before children;
what the peer is known to hold is skipped. Memory does not grow with what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from covey.model import DeltaId, DeviceId, Frontier, Table, Tip, limits
from covey.rules import Cut, is_forked, position_of
from covey.sync.ledger import Ledger, Summary

__all__ = ["Stream", "missing_here"]


def missing_here(ledger: Ledger, theirs: Frontier) -> int:
    """How many deltas a peer's frontier shows to exist that are not here."""
    count = 0
    for device, tips in theirs.items():
        held = max((tip.sequence for tip in ledger.frontier.get(device, ())), default=0)
        for tip in tips:
            if not ledger.is_applied(tip.id):
                count += max(1, tip.sequence - held)
    return count


class Stream:
    """The deltas that a peer lacks, from a cursor in the log on."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._theirs: dict[DeviceId, tuple[Tip, ...]] = {}
        self._held_of_forked: dict[DeviceId, Cut] = {}
        self._cursor: int | None = None  # the next arrival to look at; None: nothing to send

    def is_of(self, ledger: Ledger) -> bool:
        """Whether this stream reads that ledger."""
        return self._ledger is ledger

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to send, as far as the peer's last frontier tells."""
        return self._cursor is None

    def restart(self, theirs: Frontier) -> None:
        """The peer told what it holds: begin at the first delta that it lacks."""
        self._theirs = dict(theirs)
        self._held_of_forked.clear()
        arrivals = [
            arrival
            for device, tips in self._ledger.frontier.items()
            if (arrival := self._first_missing(device, tips)) is not None
        ]
        self._cursor = min(arrivals, default=None)

    def heard(self, delta: DeltaId) -> None:
        """The peer sent this delta itself, so it holds it."""
        summary = self._ledger.summary(delta)
        if summary is not None:
            self._note(summary)

    def page(self) -> Iterator[tuple[DeltaId, bytes]]:
        """Up to a page of deltas that the peer lacks, as (id, frame); moves the cursor."""
        size_bytes = 0
        for _ in range(limits.SYNC_PAGE_DELTAS):
            # A page of the largest deltas would be 256 MiB for each peer that reads slowly.
            if self._cursor is None or size_bytes >= limits.SYNC_PAGE_BYTES:
                return
            delta = self._next()
            if delta is None:
                self._cursor = None
                return
            frame = self._ledger.committed.get(Table.DELTA, (delta,))
            assert frame is not None, "what the log names is held"
            size_bytes += len(frame)
            yield delta, frame

    def _next(self) -> DeltaId | None:
        assert self._cursor is not None
        while self._cursor <= self._ledger.count:
            row = self._ledger.committed.get(Table.LOG, (self._cursor,))
            if row is None:
                return None  # Its commit is under way: sent before, a crash could fork a device.
            self._cursor += 1
            summary = self._ledger.summary(DeltaId(row))
            assert summary is not None
            if not self._is_known(summary.author, summary.tip):
                if not is_forked(self._ledger.view, summary.author):
                    self._note(summary)  # The cursor never comes back: for others it says nothing.
                return DeltaId(row)
        return None

    def _note(self, summary: Summary) -> None:
        """From now on the peer counts as holding this delta (and what it follows)."""
        tips = self._theirs.get(summary.author, ())
        if is_forked(self._ledger.view, summary.author):
            self._theirs[summary.author] = tuple(sorted({*tips, summary.tip}))
        else:
            self._theirs[summary.author] = (max([summary.tip, *tips]),)

    def _first_missing(self, device: DeviceId, mine: tuple[Tip, ...]) -> int | None:
        if all(self._is_known(device, tip) for tip in mine):
            return None
        sequence = 1
        theirs = self._theirs.get(device, ())
        if theirs and not is_forked(self._ledger.view, device) and len(theirs) == 1:
            known = theirs[0].sequence + 1 if self._ledger.is_applied(theirs[0].id) else 1
            sequence = known
        key, _ = next(self._ledger.view.scan(Table.CHAIN, (device, sequence)))
        assert isinstance(key[2], bytes)
        position = position_of(self._ledger.view, device, Tip(sequence, DeltaId(key[2])))
        assert position is not None
        return position.arrival

    def _is_known(self, device: DeviceId, tip: Tip) -> bool:
        tips = self._theirs.get(device)
        if tips is None:
            return False
        held = self._held(device, tips)
        if held.frontier[device] and held.holds(device, tip):
            return True
        # A tip that is not here and lies beyond all that is: the peer is ahead on this chain. One
        # that is not beyond shows another branch, and then the peer lacks what is held here.
        last = max(t.sequence for t in self._ledger.frontier[device])
        return any(t.sequence > last for t in tips if t not in held.frontier[device])

    def _held(self, device: DeviceId, tips: tuple[Tip, ...]) -> Cut:
        """Those of the peer's tips that are here; of a forked device as when it was first asked."""
        known = self._held_of_forked.get(device)
        if known is None:
            held = tuple(t for t in tips if self._ledger.is_applied(t.id))
            known = Cut(self._ledger.view, {device: held})
            if is_forked(self._ledger.view, device):
                self._held_of_forked[device] = known  # Its branches are walked once for all.
        return known
