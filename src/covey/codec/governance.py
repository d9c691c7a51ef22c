"""Governance effects: encoding.

Source: protocols/governance.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from covey.codec import shape
from covey.codec.certificate import certificate_of, certificate_packed, join_of, join_packed
from covey.codec.cid import is_cid
from covey.codec.constraint import constraint_of, constraint_packed
from covey.codec.packing import Packed
from covey.errors import ProtocolViolation
from covey.model import (
    Admit,
    Approve,
    Close,
    DeltaId,
    Demote,
    DeviceId,
    Evidence,
    Governance,
    Merge,
    Promote,
    ReleaseId,
    Tighten,
    Upgrade,
    Vote,
    limits,
)

__all__ = ["governance_of", "governance_packed"]

_MERGE, _ADMIT, _PROMOTE, _CLOSE, _DEMOTE = 1, 2, 3, 4, 5
_UPGRADE, _APPROVE, _TIGHTEN, _EVIDENCE, _VOTE = 6, 7, 8, 9, 10
_ROLE_BYTES_MAX = 64


def governance_packed(effect: Governance) -> Packed:
    """The array that stands for an effect: its kind, then its fields in order."""
    match effect:
        case Merge():
            return (_MERGE,)
        case Admit(certificate, join):
            return (_ADMIT, certificate_packed(certificate), join_packed(join))
        case Promote(device, role):
            return (_PROMOTE, device, role)
        case Close(device, tips):
            return (_CLOSE, device, tips)
        case Demote(device, role, tips):
            return (_DEMOTE, device, role, tips)
        case Upgrade(number, manifest, witnesses):
            return (_UPGRADE, number, manifest, witnesses)
        case Approve(number, release):
            return (_APPROVE, number, release)
        case Tighten(constraint):
            return (_TIGHTEN, constraint_packed(constraint))
        case Evidence(one, other):
            return (_EVIDENCE, one, other)
        case Vote(device):
            return (_VOTE, device)


def governance_of(value: Packed) -> Governance:
    """The effect in a decoded array. Raises ProtocolViolation."""
    parts = shape.array(value, 8, "governance effect")
    kind = shape.integer(parts[0] if parts else None, 1, 2**16, "governance kind")
    known = _KINDS.get(kind)
    if known is None:
        raise ProtocolViolation("unknown-version", f"governance kind {kind}: upgrade needed")
    count, effect_of = known
    return effect_of(*shape.fields(parts, count, "governance effect")[1:])


def _admit(certificate: Packed, join: Packed) -> Admit:
    return Admit(certificate_of(certificate), join_of(join))


def _promote(device: Packed, role: Packed) -> Promote:
    return Promote(_device(device), _role(role))


def _close(device: Packed, tips: Packed) -> Close:
    return Close(_device(device), _tips(tips))


def _demote(device: Packed, role: Packed, tips: Packed) -> Demote:
    return Demote(_device(device), _role(role), _tips(tips))


def _upgrade(number: Packed, manifest: Packed, witnesses: Packed) -> Upgrade:
    return Upgrade(
        _number(number),
        shape.blob(manifest, limits.UPGRADE_MANIFEST_BYTES_MAX, "manifest"),
        shape.delta_ids(witnesses, limits.DELTA_WITNESSES_MAX, "witnesses"),
    )


def _approve(number: Packed, release: Packed) -> Approve:
    approved = ReleaseId(shape.exactly(release, 36, "release"))
    if not is_cid(approved):
        raise ProtocolViolation("wrong-shape", "release is not a content address")
    return Approve(_number(number), approved)


def _tighten(constraint: Packed) -> Tighten:
    return Tighten(constraint_of(constraint))


def _evidence(one: Packed, other: Packed) -> Evidence:
    return Evidence(*shape.delta_ids((one, other), 2, "evidence"))


def _vote(device: Packed) -> Vote:
    return Vote(_device(device))


def _device(value: Packed) -> DeviceId:
    return DeviceId(shape.exactly(value, 32, "device"))


def _role(value: Packed) -> str:
    return shape.text(value, _ROLE_BYTES_MAX, "role")


def _tips(value: Packed) -> tuple[DeltaId, ...]:
    return shape.delta_ids(value, limits.DELTA_TIPS_MAX, "tips")


def _number(value: Packed) -> int:
    return shape.integer(value, 1, limits.SEQUENCE_MAX, "number")


_KINDS: Final[dict[int, tuple[int, Callable[..., Governance]]]] = {
    _MERGE: (1, Merge),
    _ADMIT: (3, _admit),
    _PROMOTE: (3, _promote),
    _CLOSE: (3, _close),
    _DEMOTE: (4, _demote),
    _UPGRADE: (4, _upgrade),
    _APPROVE: (3, _approve),
    _TIGHTEN: (2, _tighten),
    _EVIDENCE: (3, _evidence),
    _VOTE: (2, _vote),
}
"""Kind -> elements of its array, and what makes the effect of those after the first."""
