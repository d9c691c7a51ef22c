"""Deltas that come faster than they are taken in wait as they came, each of them once.

A node that runs calls again was sent the whole history, dropped what had no room, and was sent it
again: 37,000 deltas behind it applied four a second.
"""

from __future__ import annotations

from collections import deque

import pytest

from covey.errors import ProtocolViolation
from covey.model import ContextId, Digest, PeerId, limits
from covey.sync import (
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
    assert unopened.size_bytes == 11 + 2 * 128
    assert (unopened.take(), unopened.take()) == (b"first", b"second")
    assert not unopened
    assert unopened.size_bytes == 0
    assert unopened.take_digest() is None


def _brings(sources: Sources, peer: PeerId, now: float, count: int, *, is_ahead: bool) -> None:
    for _ in range(count):
        sources.delivered(peer)
        sources.consumed(peer, Use.APPLIED, 300, now, is_ahead=is_ahead)


def _asked() -> Sources:
    """One of two peers is asked for everything, and has brought one that is being dealt with."""
    sources = Sources()
    sources.differs(A, MINE, THEIRS, 0.0)
    sources.differs(B, MINE, THEIRS, 0.0)
    assert [peer for peer, _ in sources.due()] == [A]
    sources.delivered(A)
    return sources


def test_nothing_is_shared_while_more_comes_than_is_taken_in() -> None:
    """What the shares of others bring would wait for the rest, and give way to one another."""
    sources = _asked()
    _brings(sources, A, 1.0, 4 * limits.SYNC_SHARE_AFTER_DELTAS, is_ahead=True)
    assert sources.due() == ()

    _brings(sources, A, 2.0, limits.SYNC_SHARE_AFTER_DELTAS, is_ahead=False)
    assert {peer for peer, _ in sources.due()} == {A, B}


def test_who_stays_ahead_does_not_stay_the_only_one() -> None:
    """It may keep something back: others are asked for the whole, ever more seldom."""
    sources = _asked()
    asked: list[tuple[float, PeerId]] = []
    for now in range(1, 1_000):
        _brings(sources, A, float(now), 8, is_ahead=True)
        _brings(sources, B, float(now), 8, is_ahead=True)
        sources.tick(float(now))
        for peer, share in sources.due():
            assert share == Share(0, 1)
            asked.append((now, peer))
            sources.delivered(peer)  # There is always one that is being dealt with.
    assert asked[0][1] == B
    assert asked[0][0] <= limits.SYNC_SOURCE_AGAIN_S + limits.SYNC_SHARE_AFTER_S
    assert [peer for _, peer in asked] == [B, A, B, A, B][: len(asked)]
    assert 3 <= len(asked) <= 5


def test_who_is_ahead_and_then_brings_nothing_is_passed_over() -> None:
    """What waits of it may never be dealt with: its stream may be one that nobody reads."""
    sources = _asked()
    sources.delivered(A)
    _brings(sources, A, 1.0, 1, is_ahead=True)
    due, now = sources.due(), 1.0
    while not due:
        now += 1
        sources.tick(now)
        due = sources.due()
    assert [peer for peer, _ in due] == [B]
    assert now <= 20


def test_batches_beyond_any_credit_end_the_stream() -> None:
    """Also ones with nothing in them, which take memory all the same."""
    unopened = Unopened()
    for _ in range(2 * limits.SYNC_CREDIT_BYTES // 128):
        unopened.add(b"")
    with pytest.raises(ProtocolViolation, match="credit"):
        unopened.add(b"")
