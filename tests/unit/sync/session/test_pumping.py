"""What is sent is read and compressed a batch at a time: the event loop breathes in between."""

from __future__ import annotations

import pytest

from covey.codec import DeltasFrame, FrontierFrame, Want, decode_frame, encode_frame, open_batch
from covey.model import DeltaId, Digest, Put, limits
from covey.sync import Applied, FrameArrived, More, Pump, Send, SessionEffect
from tests.unit.sync.session.conversation import Side, sides, talk

__all__: list[str] = []

_COUNT = 5


def _large() -> tuple[Side, tuple[DeltaId, ...]]:
    """A node that has talked, and then wrote deltas of which one fills a batch; their ids."""
    one, two = sides()
    talk(one, two)
    assert one.stage is not None
    ids: list[DeltaId] = []
    for number in range(_COUNT):
        put = Put("notes", b"%d" % number, bytes(limits.SYNC_BATCH_BYTES))
        ids += [e.delta.id for e in one.stage.write((put,)) if isinstance(e, Applied)]
    one.stage.replica.ledger.settle()
    return one, tuple(ids)


def _turns(side: Side, frame: bytes) -> list[list[int]]:
    """How many deltas each frame carries that is sent, one list for each turn of the loop."""
    turns: list[list[int]] = []
    effects = side.session.handle(FrameArrived(frame), side.now)
    while True:
        turns.append([count for effect in effects for count in _carried(effect)])
        if not any(isinstance(effect, More) for effect in effects):
            return turns
        effects = side.session.handle(Pump(side.founding.context), side.now)


def _carried(effect: SessionEffect) -> list[int]:
    frame = decode_frame(effect.frame) if isinstance(effect, Send) else None
    if not isinstance(frame, DeltasFrame):
        return []
    return [len(open_batch(frame.batch, limits.SYNC_CREDIT_BYTES))]


def test_wanted_deltas_leave_a_batch_at_a_time() -> None:
    """A question of 276 bytes had 8 MiB read and compressed in one piece."""
    one, ids = _large()

    assert _turns(one, encode_frame(Want(1, ids))) == [[1]] * _COUNT


def test_what_is_lacking_leaves_a_batch_at_a_time() -> None:
    """As what is asked for by name."""
    one, _ = _large()

    turns = _turns(one, encode_frame(FrontierFrame(1, {}, Digest(bytes(32)))))

    assert [turn for turn in turns if turn] == [[1]] * _COUNT


def test_small_deltas_share_a_batch() -> None:
    """A frame for each would cost more than the deltas."""
    one, two = sides()
    talk(one, two)
    assert one.stage is not None
    ids = [
        effect.delta.id
        for number in range(_COUNT)
        for effect in one.stage.write((Put("notes", b"%d" % number, b"x"),))
        if isinstance(effect, Applied)
    ]
    one.stage.replica.ledger.settle()

    assert _turns(one, encode_frame(Want(1, tuple(ids)))) == [[_COUNT]]


def test_what_is_wanted_waits_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that names deltas faster than it takes them asks again for the rest."""
    monkeypatch.setattr(limits, "SYNC_WANTED_MAX", 2)
    one, ids = _large()

    assert _turns(one, encode_frame(Want(1, ids))) == [[1], [1]]


def test_beyond_the_credit_nothing_wanted_is_kept() -> None:
    """Whoever gives no more room is told nothing more, and costs no memory."""
    one, ids = _large()
    (channel,) = one.session._channels.values()
    channel.credit_bytes = int(2.5 * limits.SYNC_BATCH_BYTES)

    assert _turns(one, encode_frame(Want(1, ids))) == [[1], [1], []]
    assert not channel.wanted
