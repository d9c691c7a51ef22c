"""What is told of devices with very many branches fits a frame, and leads to the end."""

from __future__ import annotations

import pytest

from covey.codec import DeviceRange, Listing, ListingFrame, decode_frame, fitting_listings
from covey.model import Delta, DeltaId, DeviceId, Put, Tip, limits
from covey.sync import Close, FrameArrived
from covey.testkit.history import History
from covey.testkit.identities import Identity, found, identity
from covey.testkit.playbook import Stage
from tests.unit.sync.session.conversation import LARGE, SMALL, Side, tick

__all__: list[str] = []

_BRANCHES = 60
_NAMES = ("ann", "ben", "cleo", "dan", "eve", "fay", "gus", "hal", "ida", "joe", "kim", "leo")


def _forkers() -> list[Identity]:
    """Three devices in three quarters of all: each is listed in a range of its own."""
    by_quarter = {who.device[0] >> 6: who for who in map(identity, _NAMES)}
    return [by_quarter[quarter] for quarter in sorted(by_quarter)][:3]


def _side(founding, who: Identity, name, peer, deltas: list[Delta]) -> Side:
    stage = Stage(founding, who)
    stage.receive(*deltas)
    return Side(name, peer, founding, who, stage.restarted())


@pytest.mark.parametrize("is_swapped", [False, True])
def test_answer_that_is_more_than_a_frame_is_told_bit_by_bit(
    is_swapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each listing was cut to what a frame holds, not their sum: the stream ended, with blame."""
    monkeypatch.setattr(limits, "SYNC_TOLD_BYTES_MAX", 4 * limits.KIB)
    monkeypatch.setattr(limits, "SYNC_LISTED_TIPS_MAX", 64)
    monkeypatch.setattr(limits, "SYNC_RANGES_DEVICES_MIN", 1)
    forkers = _forkers()
    founding = found(*forkers)
    history = History(founding)
    branches = {
        who: [history.write(who, (), [Put("notes", b"%d" % n, b"")]) for n in range(_BRANCHES + 1)]
        for who in forkers
    }
    few = [branches[who][0] for who in forkers]
    many = [delta for who in forkers for delta in branches[who][1:]]
    names = (LARGE, SMALL) if is_swapped else (SMALL, LARGE)
    one = _side(founding, forkers[0], names[0], names[1], few)
    two = _side(founding, forkers[1], names[1], names[0], many)
    one.take(one.session.start())
    two.take(two.session.start())
    answers = _answers_to(one, two, monkeypatch)

    ticks = 0
    while one.stage.replica.ledger.frontier != two.stage.replica.ledger.frontier:
        tick(one, two)
        ticks += 1
        assert ticks <= 10
    assert not one.heard(Close)
    assert not two.heard(Close)
    assert one.stage.replica.ledger.count == len(few) + len(many)
    assert any(len(answer.several) < len(forkers) for answer in answers), "some were left out"


def _answers_to(one: Side, two: Side, monkeypatch: pytest.MonkeyPatch) -> list[ListingFrame]:
    """The answers that are more than one device's branches, as they come."""
    answers: list[ListingFrame] = []
    for side in (one, two):
        handle = side.session.handle

        def heard(event, now, handle=handle):
            if isinstance(event, FrameArrived):
                frame = decode_frame(event.frame)
                if isinstance(frame, ListingFrame) and frame.is_answer:
                    answers.append(frame)
            return handle(event, now)

        monkeypatch.setattr(side.session, "handle", heard)
    return answers


def _listing(prefix: int, tips: int) -> Listing:
    device = DeviceId(bytes((prefix << 5,)) + bytes(31))
    numbered = (Tip(2**40, DeltaId(n.to_bytes(32, "big"))) for n in range(tips))
    return Listing(DeviceRange(3, prefix), {device: tuple(numbered)})


def test_small_listings_are_told_first_and_all_in_order() -> None:
    """A device with thousands of branches holds up nobody but itself."""
    half = limits.SYNC_TOLD_BYTES_MAX // 80
    large, small = [_listing(n, half) for n in (0, 4, 5)], [_listing(n, 1) for n in (1, 7)]
    several = sorted([*large, *small], key=lambda listing: listing.range)

    assert fitting_listings(several) == (large[0], *small)
    assert fitting_listings(small) == tuple(small)
    assert fitting_listings(large[2:]) == (large[2],)
