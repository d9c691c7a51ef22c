"""Deltas that come faster than they are taken in wait as they came, each of them once.

A node that runs calls again was sent the whole history, dropped what had no room, and was sent it
again: 37,000 deltas behind it applied four a second.
"""

from __future__ import annotations

from collections import deque

import pytest

from covey.codec import Want, decode_frame
from covey.model import ContextId, DeltaId, Digest, PeerId, limits
from covey.sync import (
    AskDeltas,
    Compared,
    Consumed,
    SessionEvent,
    Share,
    Sources,
    TellFrontier,
    Tick,
    Use,
)
from covey.sync.session.unopened import Unopened
from tests.unit.sync.session.conversation import Side, delivered, sides, talk, write

__all__: list[str] = []

_OPEN_MAX = 2 * 64 - 1
A, B = PeerId("a"), PeerId("b")
MINE, THEIRS = Digest(bytes(32)), Digest(bytes([1]) * 32)


class _Slow(Side):
    """Takes deltas in when it is told to."""

    waiting: deque[SessionEvent]

    def tell(self, event: SessionEvent) -> None:
        """Deltas are dealt with later, whatever came of them."""
        if isinstance(event, Consumed):
            self.waiting.append(event)
        else:
            super().tell(event)

    def deal_with(self, count: int) -> None:
        """So many are taken in now."""
        for _ in range(count):
            Side.tell(self, self.waiting.popleft())


def _slow(count: int) -> tuple[Side, _Slow]:
    """A node that has written, and one that has everything before it to take in."""
    one, two = sides()
    slow = _Slow(two.name, two.peer, two.founding, two.who, two.stage)
    slow.waiting = deque()
    slow.take(slow.session.start())
    write(one, count)
    talk(one, slow)
    return one, slow


def _unopened(side: Side) -> int:
    return side.session.unopened_bytes


def test_no_more_is_opened_than_there_is_room_for() -> None:
    """What the inbox has no room for would be dropped, and checked again when it comes again."""
    _, slow = _slow(500)
    assert 64 <= len(delivered(slow)) <= _OPEN_MAX
    assert _unopened(slow)


def test_each_delta_is_sent_and_opened_once_and_in_order() -> None:
    """However slowly they are taken in, and however often the nodes compare."""
    one, slow = _slow(500)
    while slow.waiting:
        slow.deal_with(1)
        slow.now += 0.5
        for side in (one, slow):
            side.tell(Tick())
        assert len(slow.waiting) <= _OPEN_MAX
        talk(one, slow)
    sent = [delta.id for delta in delivered(slow)]
    assert len(sent) == len(set(sent)) == 500
    assert slow.stage is not None
    assert slow.stage.replica.ledger.count == _applied(one)
    assert not _unopened(slow)


def _applied(side: Side) -> int:
    """Deltas that a side has applied."""
    assert side.stage is not None
    return side.stage.replica.ledger.count


def test_digest_is_taken_after_what_came_before_it() -> None:
    """It says that no more comes; taken at once it would have everything sent a second time."""
    one, slow = _slow(500)
    compared = len(slow.heard(Compared))
    one.tell(Tick())
    talk(one, slow)
    assert len(slow.heard(Compared)) == compared
    while slow.waiting:
        slow.deal_with(1)
    assert len(slow.heard(Compared)) == compared + 1


def test_nothing_is_asked_for_by_name_while_a_stream_brings_it() -> None:
    """It would come before what it follows, and wait where there is little room."""
    one, slow = _slow(500)
    slow.deal_with(1)
    slow.tell(AskDeltas(_context(slow), (DeltaId(bytes(32)),)))
    assert not [f for f in map(decode_frame, slow.out) if isinstance(f, Want)]
    while slow.waiting:
        slow.deal_with(1)
    talk(one, slow)
    slow.tell(AskDeltas(_context(slow), (DeltaId(bytes(32)),)))
    assert [f for f in map(decode_frame, slow.out) if isinstance(f, Want)]


def test_frontier_is_told_where_nothing_is_dealt_with_for_long() -> None:
    """Some of what came may never be dealt with: that must not end the comparison for good."""
    _, slow = _slow(500)
    slow.out.clear()
    slow.tell(TellFrontier(_context(slow), Share(0, 1)))
    assert not slow.out
    slow.now += limits.SYNC_INTERVAL_S + 1
    slow.tell(TellFrontier(_context(slow), Share(0, 1)))
    assert slow.out


def _context(side: Side) -> ContextId:
    return side.founding.context


@pytest.mark.parametrize("open_count", [0, 63, 64, 65])
def test_next_batch_is_due_below_sixty_four(open_count: int) -> None:
    """Eight sources with a batch more each fill the inbox, and no more."""
    unopened = Unopened()
    assert not unopened.is_due
    unopened.add(b"batch")
    unopened.open_count = open_count
    assert unopened.is_due == (open_count < 64)
    assert limits.SYNC_SOURCES_MAX * _OPEN_MAX < limits.INBOX_WHILE_EXECUTING_MAX


def test_batches_leave_in_the_order_in_which_they_came() -> None:
    """Parents are sent first."""
    unopened = Unopened()
    for batch in (b"first", b"second"):
        unopened.add(batch)
    assert unopened.size_bytes == 11
    assert (unopened.take(), unopened.take()) == (b"first", b"second")
    assert not unopened
    assert unopened.size_bytes == 0
    assert unopened.take_digest() is None


def test_nothing_is_shared_while_more_comes_than_is_taken_in() -> None:
    """What the shares of others bring would wait for the rest, and give way to one another."""
    sources = Sources()
    sources.differs(A, MINE, THEIRS, 0.0)
    sources.differs(B, MINE, THEIRS, 0.0)
    sources.due()
    for _ in range(4 * limits.SYNC_SHARE_AFTER_DELTAS):
        sources.delivered(A)
        sources.consumed(A, Use.APPLIED, 300, 1.0, is_ahead=True)
    assert sources.is_ahead
    assert sources.due() == ()

    for _ in range(limits.SYNC_SHARE_AFTER_DELTAS):
        sources.delivered(A)
        sources.consumed(A, Use.APPLIED, 300, 2.0)
    assert not sources.is_ahead
    assert {peer for peer, _ in sources.due()} == {A, B}
