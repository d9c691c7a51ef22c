"""What waits for one gossip peer."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from covey.model import limits
from covey.network.outbox import Outbox


@pytest.mark.trio
async def test_queued_rpcs_leave_in_one_write_control_first():
    """One write for each RPC costs more than the RPC; control must not wait behind bulk."""
    box = Outbox()
    assert box.offer(b"one")
    assert box.offer(b"two")
    box.control(b"graft")
    assert await box.take() == b"graftonetwo"


@pytest.mark.trio
async def test_one_write_is_bounded(monkeypatch):
    """A huge write would stall control and the other streams."""
    monkeypatch.setattr(limits, "GOSSIP_WRITE_BYTES_MAX", 4)
    box = Outbox()
    for packed in (b"aaa", b"bbb", b"ccc"):
        box.offer(packed)
    assert [await box.take(), await box.take()] == [b"aaabbb", b"ccc"]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("limit", "value"), [("GOSSIP_QUEUE_FRAMES_MAX", 2), ("GOSSIP_QUEUE_BYTES_MAX", 5)]
)
async def test_full_box_refuses_an_offer_and_lets_put_wait(monkeypatch, limit, value):
    """Publishing waits rather than loses."""
    monkeypatch.setattr(limits, limit, value)
    box = Outbox()
    assert box.offer(b"aa")
    assert box.offer(b"bb")
    assert not box.offer(b"cc")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.put, b"cc")
        await trio.testing.wait_all_tasks_blocked()
        assert await box.take() == b"aabb"
    assert await box.take() == b"cc"


@pytest.mark.trio
async def test_closing_frees_those_who_wait(monkeypatch):
    """A peer that is gone holds nobody up."""
    monkeypatch.setattr(limits, "GOSSIP_QUEUE_FRAMES_MAX", 1)
    box = Outbox()
    box.offer(b"aa")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box.put, b"bb")
        await trio.testing.wait_all_tasks_blocked()
        box.close()
    assert box.offer(b"into the void")


@pytest.mark.trio
async def test_frame_larger_than_the_whole_box_still_leaves(monkeypatch):
    """An empty box takes anything: a bound must not make a frame wait for ever."""
    monkeypatch.setattr(limits, "GOSSIP_QUEUE_BYTES_MAX", 1)
    box = Outbox()
    await box.put(b"large")
    assert await box.take() == b"large"


@pytest.mark.trio
async def test_control_is_bounded_too(monkeypatch):
    """A peer that asks without reading cannot grow memory."""
    monkeypatch.setattr(limits, "GOSSIP_CONTROL_FRAMES_MAX", 2)
    box = Outbox()
    for _ in range(5):
        box.control(b"x")
    assert await box.take() == b"xx"


class _Stream:
    """Takes bytes at once as long as it has room."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.has_room = True

    def write_now(self, packed: bytes) -> bool:
        if self.has_room:
            self.sent.append(packed)
        return self.has_room


@pytest.mark.trio
async def test_what_nothing_waits_before_leaves_at_once():
    """A task more on the way is a third of what a small message costs."""
    stream = _Stream()
    box = Outbox(stream.write_now)
    assert box.offer(b"one")
    box.control(b"graft")
    assert stream.sent == [b"one", b"graft"]


@pytest.mark.trio
async def test_order_is_kept_when_the_stream_is_full_for_a_while():
    """Nothing overtakes what waits, nor what was taken and may not have left."""
    stream = _Stream()
    box = Outbox(stream.write_now)
    stream.has_room = False
    box.offer(b"one")
    stream.has_room = True
    box.offer(b"two")
    assert stream.sent == []
    assert await box.take() == b"onetwo"
    box.offer(b"three")  # The writer still holds the first two.
    assert stream.sent == []
    assert await box.take() == b"three"
    with trio.move_on_after(0):
        await box.take()
    box.offer(b"four")
    assert stream.sent == [b"four"]
