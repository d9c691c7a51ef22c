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
from covey.errors import ProtocolViolation
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
    assert len(packed) <= limits.SYNC_TOLD_BYTES_MAX
    assert decode_frame(packed) == FrontierFrame(1, told, Digest(bytes(32)))
    assert sum(map(len, told.values())) > 12_000


@pytest.mark.parametrize("frontier", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_frontier_over_the_limits_is_read_back_from_the_store(frontier: Frontier):
    """A row that can be written and not read would stop the context at every start."""
    assert decode_frontier(encode_frontier(frontier)) == frontier


def test_small_frontier_is_told_whole():
    """Nothing is left out without need."""
    assert fitting_frontier(crowd(1_000)) == crowd(1_000)


@pytest.mark.parametrize("kind", [kind for kind in range(1, 20) if kind not in (6, 10)])
def test_frame_of_many_small_things_is_refused_before_it_is_looked_through(kind: int):
    """Only deltas and blobs may be large: those are one piece each."""
    count = limits.SYNC_TOLD_BYTES_MAX - 100
    small = bytes([0x93, kind, 1]) + b"\xdd" + count.to_bytes(4, "big") + bytes(count)
    beyond = "are allowed"
    assert beyond not in why(small)
    assert beyond in why(small + bytes(101))


@pytest.mark.parametrize("kind", [6, 10])
def test_frame_with_content_may_be_large(kind: int):
    """A large delta, and a module, have to go through."""
    content = bytes(limits.DELTA_SIZE_BYTES_MAX if kind == 6 else limits.BLOB_SIZE_BYTES_MAX)
    address = b"" if kind == 6 else b"\xc4\x24\x01\x55\x12\x20" + bytes(32)
    head = bytes([0x93 if kind == 6 else 0x94, kind, 1]) + address
    decode_frame(head + b"\xc6" + len(content).to_bytes(4, "big") + content)


def why(packed: bytes) -> str:
    """Why a frame is refused."""
    with pytest.raises(ProtocolViolation) as caught:
        decode_frame(packed)
    return str(caught.value)
