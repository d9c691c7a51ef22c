"""Constraints of a code rule: encoding.

Source: protocols/charter.md.
"""

from __future__ import annotations

from covey.codec import shape
from covey.codec.packing import Packed
from covey.errors import ProtocolViolation
from covey.model import Constraint, MemberId, Never, Publisher, Quorum, limits

__all__ = ["constraint_of", "constraint_packed"]

_NEVER, _PUBLISHER, _QUORUM = 1, 2, 3
_I63 = 2**63 - 1


def constraint_packed(constraint: Constraint) -> Packed:
    """[1] never, [2] publisher, [3, k, keys, notice in ms] quorum."""
    match constraint:
        case Never():
            return (_NEVER,)
        case Publisher():
            return (_PUBLISHER,)
        case Quorum(k, keys, notice_ms):
            return (_QUORUM, k, keys, notice_ms)


def constraint_of(value: Packed) -> Constraint:
    """The constraint in a decoded array."""
    parts = shape.array(value, 4, "constraint")
    kind = shape.integer(parts[0] if parts else None, 1, 2**16, "constraint kind")
    if kind == _NEVER:
        shape.fields(parts, 1, "never")
        return Never()
    if kind == _PUBLISHER:
        shape.fields(parts, 1, "publisher")
        return Publisher()
    if kind != _QUORUM:
        raise ProtocolViolation("unknown-version", f"constraint {kind}: upgrade needed")
    _, k, keys, notice = shape.fields(parts, 4, "quorum")
    members = tuple(
        MemberId(shape.exactly(m, 32, "quorum key"))
        for m in shape.array(keys, limits.CHARTER_ADMINS_MAX, "quorum keys")
    )
    return Quorum(
        shape.integer(k, 1, max(1, len(members)), "quorum k"),
        members,
        shape.integer(notice, 0, _I63, "notice"),
    )
