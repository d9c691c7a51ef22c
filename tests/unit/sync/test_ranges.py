"""Large frontiers compared by ranges: everything that differs is found, at the price promised."""

from __future__ import annotations

import random

import pytest

from covey.codec import (
    WHOLE_RANGE,
    DeviceRange,
    Listing,
    ListingFrame,
    Parts,
    PartsFrame,
    decode_frame,
    encode_frame,
)
from covey.model import DeltaId, DeviceId, Tip, limits
from covey.sync.ranges import RangeIndex, answer_parts, first_parts, page_of

__all__: list[str] = []

_Held = dict[DeviceId, tuple[Tip, ...]]


def _frontier(rng: random.Random, count: int) -> _Held:
    return {
        DeviceId(rng.randbytes(32)): (Tip(rng.randint(1, 999), DeltaId(rng.randbytes(32))),)
        for _ in range(count)
    }


def _changed(rng: random.Random, frontier: _Held, count: int) -> _Held:
    """Another frontier that differs at so many devices: longer, shorter, absent and new ones."""
    changed = dict(frontier)
    for number, device in enumerate(rng.sample(sorted(frontier), count)):
        if number % 3 == 0:
            changed[device] = (Tip(1000, DeltaId(rng.randbytes(32))),)
        elif number % 3 == 1:
            del changed[device]
        else:
            changed[DeviceId(rng.randbytes(32))] = (Tip(1, DeltaId(rng.randbytes(32))),)
    return changed


def _compare(one: _Held, other: _Held) -> tuple[set[DeviceId], int, int]:
    """Devices found to differ, bytes of frames, half-rounds: as two sessions would go on."""
    sides = (RangeIndex(one), RangeIndex(other))
    said: tuple[Parts, ...] = first_parts(sides[0])
    found: set[DeviceId] = set()
    size_bytes = len(encode_frame(PartsFrame(1, said)))
    rounds = 1
    while said:
        answering, asking = sides[rounds % 2], sides[(rounds + 1) % 2]
        split, listed = answer_parts(answering, said)
        said = ()
        if split:
            frame = encode_frame(PartsFrame(1, split))
            size_bytes += len(frame)
            told = decode_frame(frame)
            assert isinstance(told, PartsFrame)
            said = told.several
        if listed:
            frame = encode_frame(ListingFrame(1, is_answer=False, several=listed))
            size_bytes += len(frame)
            told = decode_frame(frame)
            assert isinstance(told, ListingFrame)
            for listing in told.several:
                mine = asking.listing(listing.range).frontier
                theirs = listing.frontier
                every = mine.keys() | theirs.keys()
                found |= {d for d in every if mine.get(d) != theirs.get(d)}
        if split or listed:
            rounds += 1
    return found, size_bytes, rounds


@pytest.mark.parametrize("count", [0, 1, 7, 100, 3_000])
@pytest.mark.parametrize("differing", [0, 1, 40])
def test_all_that_differs_is_found(count: int, differing: int) -> None:
    """Whatever the sizes, and whichever side has more."""
    rng = random.Random(f"{count}/{differing}")
    one = _frontier(rng, count)
    other = _changed(rng, one, min(differing, count))
    expected = {d for d in one.keys() | other.keys() if one.get(d) != other.get(d)}

    assert _compare(one, other)[0] == expected
    assert _compare(other, one)[0] == expected


def test_ten_of_fifty_thousand_devices_cost_ten_kilobytes() -> None:
    """The goal: at most 10 KB, and with the digest before it at most four half-rounds."""
    rng = random.Random(7)
    one = _frontier(rng, 50_000)
    other = _changed(rng, one, 10)

    found, size_bytes, rounds = _compare(one, other)

    assert len(found) >= 10
    assert size_bytes <= 10_000
    assert rounds <= 3


@pytest.mark.parametrize("count", [9_000, 40_000])
def test_nothing_in_common_is_found_in_several_comparisons(count: int) -> None:
    """Each finds some thousand devices, in frames that are quickly read; nothing is told twice."""
    rng = random.Random(8)
    one, other = _frontier(rng, count), _frontier(rng, count)
    expected = len(one) + len(other)
    comparisons = 0
    while one != other:
        found, size_bytes, _ = _compare(one, other)
        assert len(found) > 1_000
        assert size_bytes < 3 * limits.SYNC_TOLD_BYTES_MAX
        expected -= len(found)
        both = {**one, **other}
        one, other = ({**side, **{d: both[d] for d in found}} for side in (one, other))
        comparisons += 1
    assert expected == 0
    assert comparisons < count / 1_000


def test_device_with_more_branches_than_a_frame_lists_is_told_alone() -> None:
    """And what a frame can hold of it."""
    rng = random.Random(11)
    few = _frontier(rng, 10)
    device = DeviceId(bytes(32))
    many = tuple(
        sorted(Tip(1, DeltaId(rng.randbytes(32))) for _ in range(limits.SYNC_LISTED_TIPS_MAX + 1))
    )
    index = RangeIndex({**few, device: many})

    split, listed = answer_parts(index, first_parts(RangeIndex({})))

    assert split == ()
    (listing,) = listed
    assert listing.frontier[device] == many


@pytest.mark.parametrize("count", [0, 10, 2_047, 2_048, 30_000])
def test_pages_list_everything_over_and_over(count: int) -> None:
    """None is larger than what is told at once."""
    held = _frontier(random.Random(12), count)
    index = RangeIndex(held)
    told: _Held = {}
    number = 0
    while number == 0 or told != held:
        (listing,) = page_of(index, number)
        assert not told.keys() & listing.frontier.keys()
        assert len(listing.frontier) <= limits.SYNC_LISTED_TIPS_MAX
        told |= listing.frontier
        number += 1
        assert number <= 32
    while page_of(index, number) != page_of(index, 0):
        number += 1
    assert number <= 32


def test_an_index_made_from_another_is_the_same() -> None:
    """Only what changed is hashed again, and it comes to the same fingerprints."""
    rng = random.Random(9)
    before = _frontier(rng, 500)
    after = _changed(rng, before, 60)

    updated, fresh = RangeIndex(after, RangeIndex(before)), RangeIndex(after)

    assert updated.parts(WHOLE_RANGE, 8) == fresh.parts(WHOLE_RANGE, 8)
    assert updated.listing(DeviceRange(2, 1)) == fresh.listing(DeviceRange(2, 1))


def test_devices_that_share_their_first_bits_are_listed() -> None:
    """Ids can be ground: ranges that cannot be split are listed, however many devices they hold."""
    rng = random.Random(10)
    crowd = {
        DeviceId(b"same" + rng.randbytes(28)): (Tip(1, DeltaId(rng.randbytes(32))),)
        for _ in range(200)
    }
    other = _changed(rng, crowd, 3)
    expected = {d for d in crowd.keys() | other.keys() if crowd.get(d) != other.get(d)}

    assert _compare(crowd, other)[0] == expected


def test_listing_of_a_range_holds_its_devices_alone() -> None:
    """The bounds of a range are those of its bits."""
    devices = [DeviceId(bytes([first]) + bytes(31)) for first in (0, 63, 64, 127, 128, 255)]
    tips = (Tip(1, DeltaId(bytes(32))),)
    index = RangeIndex(dict.fromkeys(devices, tips))

    assert index.listing(DeviceRange(2, 1)) == Listing(
        DeviceRange(2, 1), {devices[2]: tips, devices[3]: tips}
    )
    assert index.count(WHOLE_RANGE) == 6
