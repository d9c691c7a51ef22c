"""Frontiers: encoding and digest.

Source: protocols/sync.md. frontier = [[device, [[sequence, id]...]]...], devices sorted, the tips
of a device sorted.
"""

from __future__ import annotations

import itertools

from covey.codec import shape
from covey.codec.packing import Packed, pack, unpack
from covey.crypto import Tag, tagged_hash
from covey.errors import ProtocolViolation
from covey.model import ContextId, DeltaId, DeviceId, Digest, Frontier, Tip, limits

__all__ = [
    "decode_frontier",
    "encode_frontier",
    "frontier_digest",
    "frontier_of",
    "frontier_packed",
    "tips_of",
    "tips_packed",
]


def tips_packed(tips: tuple[Tip, ...]) -> Packed:
    """[[sequence, id]...]."""
    return tuple((tip.sequence, tip.id) for tip in tips)


def tips_of(value: Packed) -> tuple[Tip, ...]:
    """The tips in a decoded array: sorted, at least one."""
    tips = []
    for item in shape.array(value, limits.FORK_BRANCHES_MAX, "tips"):
        sequence, tip_id = shape.fields(item, 2, "tip")
        tips.append(
            Tip(
                shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"),
                DeltaId(shape.exactly(tip_id, 32, "tip")),
            )
        )
    if not tips or any(a >= b for a, b in itertools.pairwise(tips)):
        raise ProtocolViolation("wrong-shape", "the tips are not sorted and distinct")
    return tuple(tips)


def frontier_packed(frontier: Frontier) -> Packed:
    """The frontier as an array, devices sorted."""
    return tuple((device, tips_packed(frontier[device])) for device in sorted(frontier))


def frontier_of(value: Packed) -> dict[DeviceId, tuple[Tip, ...]]:
    """The frontier in a decoded array."""
    frontier: dict[DeviceId, tuple[Tip, ...]] = {}
    last = b""
    for item in shape.array(value, limits.SYNC_FRONTIER_DEVICES_MAX, "frontier"):
        device, tips = shape.fields(item, 2, "frontier entry")
        key = DeviceId(shape.exactly(device, 32, "device"))
        if key <= last:
            raise ProtocolViolation("wrong-shape", "the frontier's devices are not sorted")
        frontier[key] = tips_of(tips)
        last = key
    return frontier


def frontier_digest(context: ContextId, frontier: Frontier) -> Digest:
    """One hash that two nodes share exactly when their frontiers are equal."""
    return Digest(tagged_hash(Tag.FRONTIER, context, pack(frontier_packed(frontier))))


def encode_frontier(frontier: Frontier) -> bytes:
    """The frontier as bytes for the store."""
    return pack(frontier_packed(frontier))


def decode_frontier(packed: bytes) -> dict[DeviceId, tuple[Tip, ...]]:
    """The frontier in bytes of the store."""
    return frontier_of(unpack(packed, limits.SYNC_FRAME_SIZE_BYTES_MAX))
