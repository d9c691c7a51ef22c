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
from covey.model import (
    HASH_SIZE_BYTES,
    ContextId,
    DeltaId,
    DeviceId,
    Digest,
    Frontier,
    Tip,
    limits,
)

__all__ = [
    "decode_frontier",
    "encode_frontier",
    "fitting_frontier",
    "frontier_bytes_max",
    "frontier_digest",
    "frontier_of",
    "frontier_packed",
    "tips_of",
    "tips_packed",
]

_DEVICE_BYTES_MAX = 1 + 34 + 5  # a pair, the device, the length of its tips
_TIP_BYTES_MAX = 1 + 9 + 34  # a pair, the sequence, the id


def tips_packed(tips: tuple[Tip, ...]) -> Packed:
    """[[sequence, id]...]."""
    return tuple((tip.sequence, tip.id) for tip in tips)


def tips_of(value: Packed, count_max: int = limits.FORK_BRANCHES_MAX) -> tuple[Tip, ...]:
    """The tips in a decoded array: sorted, at least one."""
    array = shape.array(value, count_max, "tips")
    # Nearly every device has one tip: frontiers of crowds are decoded for every delta.
    if len(array) == 1:
        return (_tip_of(array[0]),)
    tips = tuple(_tip_of(item) for item in array)
    if not (tips and all(a < b for a, b in itertools.pairwise(tips))):
        raise ProtocolViolation("wrong-shape", "the tips are not sorted and distinct")
    return tips


def _tip_of(value: Packed) -> Tip:
    sequence, tip_id = shape.fields(value, 2, "tip")
    if type(tip_id) is not bytes or len(tip_id) != HASH_SIZE_BYTES:
        raise ProtocolViolation("wrong-shape", "a tip names no delta")
    return Tip(shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"), DeltaId(tip_id))


def frontier_packed(frontier: Frontier) -> Packed:
    """The frontier as an array, devices sorted."""
    return tuple((device, tips_packed(frontier[device])) for device in sorted(frontier))


def frontier_of(
    value: Packed,
    devices_max: int = limits.SYNC_FRONTIER_DEVICES_MAX,
    tips_max: int = limits.FORK_BRANCHES_MAX,
) -> dict[DeviceId, tuple[Tip, ...]]:
    """The frontier in a decoded array."""
    frontier: dict[DeviceId, tuple[Tip, ...]] = {}
    last = b""
    for item in shape.array(value, devices_max, "frontier"):
        device, tips = shape.fields(item, 2, "frontier entry")
        if type(device) is not bytes or len(device) != 32 or device <= last:
            raise ProtocolViolation("wrong-shape", "the frontier's devices are not sorted")
        frontier[DeviceId(device)] = tips_of(tips, tips_max)
        last = device
    return frontier


def frontier_digest(context: ContextId, frontier: Frontier) -> Digest:
    """One hash that two nodes share exactly when their frontiers are equal."""
    return Digest(tagged_hash(Tag.FRONTIER, context, pack(frontier_packed(frontier))))


def encode_frontier(frontier: Frontier) -> bytes:
    """The frontier as bytes for the store."""
    return pack(frontier_packed(frontier))


def decode_frontier(packed: bytes) -> dict[DeviceId, tuple[Tip, ...]]:
    """The frontier in bytes of the store, however large: what is applied must stay readable."""
    count_max = len(packed)
    return frontier_of(unpack(packed, len(packed)), count_max, count_max)


def fitting_frontier(frontier: Frontier) -> Frontier:
    """As much of a frontier as one frame of a stream can tell: the longest chains.

    What is left out counts as not held, so the peer sends it again; that is dear, not wrong.
    """
    room_bytes = limits.SYNC_TOLD_BYTES_MAX - limits.KIB
    if _fits(frontier, room_bytes):
        return frontier
    fitting: dict[DeviceId, tuple[Tip, ...]] = {}
    for device in sorted(frontier, key=lambda d: (-frontier[d][-1].sequence, d)):
        room_bytes -= _DEVICE_BYTES_MAX + _TIP_BYTES_MAX
        if room_bytes < 0 or len(fitting) >= limits.SYNC_FRONTIER_DEVICES_MAX:
            break
        more = min(room_bytes // _TIP_BYTES_MAX, limits.FORK_BRANCHES_MAX - 1)
        fitting[device] = frontier[device][-1 - more :]
        room_bytes -= (len(fitting[device]) - 1) * _TIP_BYTES_MAX
    return fitting


def _fits(frontier: Frontier, room_bytes: int) -> bool:
    if len(frontier) > limits.SYNC_FRONTIER_DEVICES_MAX:
        return False
    if max(map(len, frontier.values()), default=0) > limits.FORK_BRANCHES_MAX:
        return False
    return frontier_bytes_max(frontier) <= room_bytes


def frontier_bytes_max(frontier: Frontier) -> int:
    """As many bytes as a frontier may take in a frame, or a few more."""
    count = sum(map(len, frontier.values()))
    return len(frontier) * _DEVICE_BYTES_MAX + count * _TIP_BYTES_MAX
