"""Elements of the state digest: outcomes, never the deltas that made them.

Source: protocols/merge.md, "State digest".
"""

from __future__ import annotations

from covey.codec import constraint_packed, pack
from covey.crypto import LtHash, Tag, tagged_hash
from covey.merge.entries import Entry, amount_bytes
from covey.model import Constraint, ContextId, DeviceId, Digest, MemberId, ReleaseId

__all__ = [
    "closed_element",
    "constraint_element",
    "counter_element",
    "device_element",
    "entry_element",
    "release_element",
    "role_element",
    "state_digest",
]

_ENTRY, _COUNTER, _DEVICE, _RELEASE, _CLOSED, _ROLE, _CONSTRAINT = 1, 2, 3, 4, 5, 6, 7


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


def closed_element(device: DeviceId) -> bytes:
    """A device that a standing close names."""
    return pack((_CLOSED, device))


def role_element(device: DeviceId, role: str) -> bytes:
    """A role that a member's device holds."""
    return pack((_ROLE, device, role))


def constraint_element(constraint: Constraint) -> bytes:
    """A constraint in force."""
    return pack((_CONSTRAINT, constraint_packed(constraint)))


def state_digest(context: ContextId, lthash: LtHash) -> Digest:
    """One hash that two nodes share exactly when their state is equal."""
    return Digest(tagged_hash(Tag.DIGEST, context, lthash.accumulator()))
