"""While a link works for its peer others get their turn, and what it did in vain is paid for."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import trio
import trio.testing

from covey.model import ContextId, PeerId, limits
from covey.node.costs import Costs
from covey.node.link import Link
from covey.sync import BatchDue, FrameArrived, More, OpenBatch, Pump, Send, Tick

pytestmark = pytest.mark.trio

_COUNT = 50
_CONTEXT = ContextId(bytes(36))


class _Session:
    """One that has much to look at, of which nothing is news. takes_s: for each piece."""

    peer = PeerId("12D3KooWBen")
    is_greeted = True
    unopened_bytes = 0

    def __init__(self, first: object, takes_s: float = 0.0) -> None:
        self.left = _COUNT
        self._first = first
        self._takes_s = takes_s

    def start(self):
        """Nothing is said."""
        return []

    def frame_bytes_max(self):
        """Any."""
        return limits.SYNC_FRAME_SIZE_BYTES_MAX

    def handle(self, event, now):
        """A tick begins; each piece leads to the next, until none is left."""
        if isinstance(event, FrameArrived | OpenBatch | Pump):
            self.left -= 1
            end_s = time.thread_time() + self._takes_s
            while time.thread_time() < end_s:
                pass
        return [self._first] if self.left else []


class _Stream:
    """Frames that came in one piece; then nothing."""

    def __init__(self, count: int = 0) -> None:
        self.waiting = count
        self.sent: list[bytes] = []

    async def receive(self, size_bytes_max):
        """As `FrameStream`: what is in memory already is given at once."""
        if not self.waiting:
            await trio.sleep_forever()
        self.waiting -= 1
        return b"frame"

    async def send(self, frame):
        """As `FrameStream`: where there is room, at once."""
        self.sent.append(frame)

    async def close(self) -> None:
        """Closed."""


class _Free:
    """A peer that costs nothing."""

    def spend(self, taken_s):
        """No wait."""
        return 0.0


async def _nothing(link, effect) -> None:
    """No effect is anybody's business."""


@pytest.mark.parametrize(
    ("first", "frames"), [(More(_CONTEXT), 0), (BatchDue(_CONTEXT), 0), (None, _COUNT)]
)
async def test_others_get_a_turn_between_two_pieces(first, frames):
    """500 pages of what a peer held took 1.2 s, in which no other task of the node ran."""
    session, stream = _Session(first), _Stream(frames)
    link = Link(session, stream, _nothing, None, _Free(), lambda: False)
    seen: list[int] = []

    async def look() -> None:
        while session.left:
            seen.append(session.left)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        if not frames:
            await trio.testing.wait_all_tasks_blocked()
            link.tell(Tick())
        await look()
        nursery.cancel_scope.cancel()
    assert len(seen) >= _COUNT // 2
    assert all(before - after <= 2 for before, after in pairwise(seen))


async def test_what_is_looked_at_in_vain_gets_a_share_of_the_time(autojump_clock, monkeypatch):
    """A frame of a hundred bytes can have a whole log walked, and another one follows it."""
    monkeypatch.setattr(limits, "LINK_FRUITLESS_S_MAX", 0.1)
    takes_s = limits.LINK_FRUITLESS_S_MAX / 10
    session, stream = _Session(More(_CONTEXT), takes_s), _Stream()
    link = Link(session, stream, _nothing, None, Costs(trio.current_time), lambda: False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await trio.testing.wait_all_tasks_blocked()
        link.tell(Tick())
        await trio.sleep(takes_s / limits.LINK_FRUITLESS_SHARE / 2)
        at_once = _COUNT - session.left
        assert at_once <= 12
        link._queue([Send(b"an answer")])
        await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert stream.sent == [b"an answer"], "what there is to say does not wait for it"
        await trio.sleep(10 * takes_s / limits.LINK_FRUITLESS_SHARE)
        assert at_once + 8 <= _COUNT - session.left <= at_once + 12
        link.close()


async def test_what_finds_something_to_send_is_free():
    """A peer that lacks much costs much, and shall have it."""
    session, stream = _Session(More(_CONTEXT)), _Stream()
    handle = session.handle

    def sending(event, now):
        found = [Send(b"deltas")] if isinstance(event, Pump) else []
        return [*found, *handle(event, now)]

    session.handle = sending
    link = Link(session, stream, _nothing, None, None, lambda: False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(link.run)
        await trio.testing.wait_all_tasks_blocked()
        link.tell(Tick())
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert stream.sent == [b"deltas"] * _COUNT
