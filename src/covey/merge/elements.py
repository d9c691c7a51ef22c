"""Elements of the state digest: outcomes, never the deltas that made them.

Source: protocols/merge.md, "State digest".
"""

from __future__ import annotations

from covey.codec import pack
from covey.crypto import LtHash, Tag, tagged_hash
from covey.merge.entries import Entry, amount_bytes
from covey.model import ContextId, DeviceId, Digest, MemberId, ReleaseId

__all__ = [
    "counter_element",
    "device_element",
    "entry_element",
    "release_element",
    "state_digest",
]

_ENTRY, _COUNTER, _DEVICE, _RELEASE = 1, 2, 3, 4


def entry_element(collection: str, key: bytes, entry: Entry) -> bytes:
    """A live entry with its winning version."""
    stamp = entry.stamp
    return pack((_ENTRY, collection, key, entry.value, stamp.time, stamp.delta, stamp.index))


def counter_element(collection: str, key: bytes, total: int) -> bytes:
    """A counter with its exact sum."""
    return pack((_COUNTER, collection, key, amount_bytes(total)))


def device_element(device: DeviceId, member: MemberId) -> bytes:
    """A member's device."""
    return pack((_DEVICE, device, member))


def release_element(release: ReleaseId) -> bytes:
    """The release in force."""
    return pack((_RELEASE, release))


def state_digest(context: ContextId, lthash: LtHash) -> Digest:
    """One hash that two nodes share exactly when their state is equal."""
    return Digest(tagged_hash(Tag.DIGEST, context, lthash.accumulator()))
