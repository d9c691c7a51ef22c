"""What one peer lacks of one context, read page by page in causal order.

Source: protocols/session.md. Deltas are sent in the order in which they were applied here, so
parents come before children; what the peer is known to hold is skipped. Memory does not grow with
what is missing: of each device that is behind the next delta is known, or, where there are too
many such devices, the log is walked.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from covey.codec import WHOLE_RANGE, Listing
from covey.model import DeltaId, DeviceId, Frontier, Table, Tip, limits
from covey.rules import Cut, arrival_of, is_forked
from covey.sync.ledger import Ledger
from covey.sync.sources import Share

__all__ = ["Stream", "missing_here"]


def missing_here(ledger: Ledger, theirs: Frontier) -> int:
    """How many deltas a peer's frontier shows to exist that are not here."""
    return sum(_compare(ledger, device, tips)[1] for device, tips in theirs.items())


def _compare(
    ledger: Ledger, device: DeviceId, tips: tuple[Tip, ...]
) -> tuple[tuple[Tip, ...], int]:
    """Those of a peer's tips of a device that are here, and how many deltas the others show.

    What is beyond all that is held, or a tip here too, is not looked up; of the rest only as much
    as can be here, with some to spare: a peer may name tens of thousands. What is left out of this
    counts neither as here nor as missing.
    """
    mine = dict.fromkeys(ledger.frontier.get(device, ()))
    held = max((tip.sequence for tip in mine), default=0)
    left = len(mine) + limits.SYNC_TIPS_UNKNOWN_MAX
    known: list[Tip] = []
    missing = 0
    for tip in reversed(tips):  # A peer that lags a little has one that is near.
        if tip in mine:
            known.append(tip)
        elif tip.sequence > held:
            missing += tip.sequence - held
        elif left > 0:
            left -= 1
            if ledger.is_applied(tip.id):
                known.append(tip)
            else:
                missing += 1
    return tuple(reversed(known)), missing


class Stream:
    """The deltas that a peer lacks, in the order in which they were applied here."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rows: _Merge | _Walk | None = None

    def is_of(self, ledger: Ledger) -> bool:
        """Whether this stream reads that ledger."""
        return self._ledger is ledger

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to send, as far as the peer has told what it holds."""
        return self._rows is None

    def restart(self, theirs: Frontier) -> None:
        """The peer told all it holds: begin at the first delta that it lacks."""
        behind = _behind(self._ledger, self._ledger.frontier, theirs)
        if len(behind) > limits.SYNC_MERGED_DEVICES_MAX:
            self._rows = _Walk(self._ledger, theirs)
        elif behind:
            self._rows = _Merge(self._ledger, behind)
        else:
            self._rows = None

    def narrow(self, listings: Iterable[Listing]) -> None:
        """The peer told what it holds in some ranges: elsewhere it counts as equal.

        While the log is walked this says nothing new.
        """
        if isinstance(self._rows, _Walk):
            return
        for listing in listings:
            if listing.range == WHOLE_RANGE:
                self.restart(listing.frontier)
                return
            mine = self._ledger.ranges().listing(listing.range).frontier
            behind = _behind(self._ledger, mine, listing.frontier)
            if self._rows is None and behind:
                self._rows = _Merge(self._ledger, behind)
            elif self._rows is not None:
                self._rows.follow(behind)

    def page(self, share: Share) -> Iterator[bytes]:
        """Up to a page of frames of deltas that the peer lacks; others send what is not its share.

        It may be empty although the stream is not idle: much was looked at that the peer holds.
        """
        size_bytes = count = 0
        for _ in range(limits.SYNC_WALK_ROWS):
            # A page of the largest deltas would be 256 MiB for each peer that reads slowly.
            if count >= limits.SYNC_PAGE_DELTAS or size_bytes >= limits.SYNC_PAGE_BYTES:
                return
            if self._rows is None or self._rows.is_done:
                self._rows = None
                return
            delta = self._rows.step()
            if delta is None or not share.holds(delta):
                continue
            frame = self._ledger.committed.get(Table.DELTA, (delta,))
            assert frame is not None, "what the log names is held"
            size_bytes += len(frame)
            count += 1
            yield frame


def _behind(ledger: Ledger, mine: Frontier, theirs: Frontier) -> dict[DeviceId, Cut]:
    """Those of some devices of which the peer lacks deltas, each with what it holds of it."""
    behind: dict[DeviceId, Cut] = {}
    for device, tips in mine.items():
        told = theirs.get(device, ())
        held = _held(ledger, device, told)
        # A tip that is not here and lies beyond all that is: the peer is ahead on this chain. One
        # that is not beyond shows another branch, and then the peer lacks what is held here.
        is_ahead = bool(told) and told[-1].sequence > tips[-1].sequence
        if not (is_ahead or all(held.holds(device, tip) for tip in tips)):
            behind[device] = held
    return behind


def _held(ledger: Ledger, device: DeviceId, tips: tuple[Tip, ...]) -> Cut:
    """What some tips of a peer show it to hold of a device, as far as they are known here."""
    known, _ = _compare(ledger, device, tips)
    return Cut(ledger.view, {device: known} if known else {})


class _Merge:
    """The chains of some devices, each from where the peer stands, merged by arrival."""

    def __init__(self, ledger: Ledger, behind: Mapping[DeviceId, Cut]) -> None:
        self._ledger = ledger
        self._chains: dict[DeviceId, _Chain] = {}
        self._next: list[tuple[int, DeviceId, Tip]] = []  # a heap
        self.follow(behind)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return not self._next

    def follow(self, behind: Mapping[DeviceId, Cut]) -> None:
        """Follow some more devices; beyond the bound not: the next comparison brings them."""
        for device, held in behind.items():
            is_new = device not in self._chains
            if is_new and len(self._chains) < limits.SYNC_MERGED_DEVICES_MAX:
                chain = self._chains[device] = _Chain(self._ledger, device, held)
                for row in chain.take(chain.lookahead):
                    heapq.heappush(self._next, row)

    def step(self) -> DeltaId | None:
        """Look at one delta; None where the peer holds it."""
        _, device, tip = heapq.heappop(self._next)
        chain = self._chains[device]
        for row in chain.take(1):
            heapq.heappush(self._next, row)
        return None if chain.held.holds(device, tip) else tip.id


class _Chain:
    """The committed deltas of one device beyond what a peer holds.

    A device that forked is read from its beginning, and some of it ahead, since its deltas did not
    arrive by sequence.
    """

    def __init__(self, ledger: Ledger, device: DeviceId, held: Cut) -> None:
        self._reader = ledger.committed
        self._device = device
        self._rows: deque[tuple[int, DeviceId, Tip]] = deque()
        self.held = held
        is_tree = is_forked(ledger.view, device)
        tips = held.frontier.get(device, ())
        self._after: Tip | int = 0 if is_tree or not tips else tips[-1].sequence
        self.lookahead = limits.SYNC_FORK_LOOKAHEAD if is_tree else 1

    def take(self, count: int) -> list[tuple[int, DeviceId, Tip]]:
        """The next rows, fewer at the end."""
        while len(self._rows) < count and self._read():
            pass
        return [self._rows.popleft() for _ in range(min(count, len(self._rows)))]

    def _read(self) -> bool:
        """Read a page; whether there was any."""
        at = self._after
        if isinstance(at, Tip):  # the rest of those with the same sequence first
            same = self._reader.scan(Table.CHAIN, (self._device, at.sequence), after=at.id)
            rows = list(islice(same, limits.SYNC_PAGE_DELTAS))
            if not rows:
                self._after = at.sequence
                return self._read()
        else:
            later = self._reader.scan(Table.CHAIN, (self._device,), after=at)
            rows = list(islice(later, limits.SYNC_PAGE_DELTAS))
        for (_, sequence, delta), row in rows:
            assert isinstance(sequence, int)
            assert isinstance(delta, bytes)
            tip = self._after = Tip(sequence, DeltaId(delta))
            self._rows.append((arrival_of(row), self._device, tip))
        return bool(rows)


class _Walk:
    """The whole log, from its beginning on, where too many devices are behind to follow each."""

    def __init__(self, ledger: Ledger, theirs: Frontier) -> None:
        self._ledger = ledger
        self._theirs = theirs
        self._behind: dict[DeviceId, Cut | None] = {}
        self._cursor = 1
        self.is_done = False

    def step(self) -> DeltaId | None:
        """Look at one delta; None where the peer holds it, or at the end."""
        row = self._ledger.committed.get(Table.LOG, (self._cursor,))
        if row is None:
            self.is_done = True  # Or its commit is under way: the next comparison finds it.
            return None
        self._cursor += 1
        delta = DeltaId(row)
        summary = self._ledger.summary(delta)
        assert summary is not None
        device = summary.author
        if device not in self._behind:
            mine = {device: self._ledger.frontier[device]}
            self._behind[device] = _behind(self._ledger, mine, self._theirs).get(device)
        held = self._behind[device]
        return None if held is None or held.holds(device, summary.tip) else delta
