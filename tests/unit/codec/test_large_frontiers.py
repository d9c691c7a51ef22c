"""Frontiers beyond what a frame tells: whoever admits a crowd must not stop anybody."""

from __future__ import annotations

import pytest

from covey.codec import (
    FrontierFrame,
    decode_frame,
    decode_frontier,
    encode_frame,
    encode_frontier,
    fitting_frontier,
)
from covey.model import DeltaId, DeviceId, Digest, Frontier, Tip, limits


def crowd(count: int, sequence: int = 1) -> Frontier:
    """So many devices with a delta each."""
    return {
        DeviceId(n.to_bytes(32, "big")): (Tip(sequence, DeltaId(n.to_bytes(32, "big"))),)
        for n in range(1, count + 1)
    }


def forked(count: int) -> Frontier:
    """One device with so many branches."""
    return {
        DeviceId(bytes(31) + b"\x01"): tuple(
            Tip(1, DeltaId(n.to_bytes(32, "big"))) for n in range(count)
        )
    }


TOO_LARGE = {
    "devices": crowd(limits.SYNC_FRONTIER_DEVICES_MAX + 1),
    "devices with long chains": crowd(limits.SYNC_FRONTIER_DEVICES_MAX, limits.SEQUENCE_MAX),
    "branches": forked(limits.FORK_BRANCHES_MAX + 1),
    "both": {**forked(limits.FORK_BRANCHES_MAX + 1), **crowd(60_000, 2)},
}


@pytest.mark.parametrize("frontier", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_frontier_over_the_limits_is_told_as_far_as_a_frame_goes(frontier: Frontier):
    """A frame that no peer takes would end every stream of the context, for ever."""
    told = fitting_frontier(frontier)
    assert all(set(tips) <= set(frontier[device]) for device, tips in told.items())
    packed = encode_frame(FrontierFrame(1, told, Digest(bytes(32))))
    assert len(packed) <= limits.SYNC_FRAME_SIZE_BYTES_MAX
    assert decode_frame(packed) == FrontierFrame(1, told, Digest(bytes(32)))
    assert sum(map(len, told.values())) > 50_000


@pytest.mark.parametrize("frontier", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_frontier_over_the_limits_is_read_back_from_the_store(frontier: Frontier):
    """A row that can be written and not read would stop the context at every start."""
    assert decode_frontier(encode_frontier(frontier)) == frontier


def test_small_frontier_is_told_whole():
    """Nothing is left out without need."""
    assert fitting_frontier(crowd(1_000)) == crowd(1_000)
