"""What members of a simulated context wish to govern: roles, removals, rules that tighten."""

from __future__ import annotations

from covey.model import (
    ADMIN_ROLE,
    Close,
    Constraint,
    Demote,
    DeviceId,
    Governance,
    MemberId,
    Never,
    Promote,
    Publisher,
    Quorum,
    Tighten,
    Vote,
)

__all__ = ["effect_of"]


def effect_of(deed: str, target: DeviceId, key: MemberId) -> Governance:
    """The effect of a deed upon a device; key: whose word a quorum needs."""
    match deed:
        case "give":
            return Promote(target, ADMIN_ROLE)
        case "take":
            return Demote(target, ADMIN_ROLE, ())
        case "remove":
            return Close(target, ())
        case "vote":
            return Vote(target)
    constraints: dict[str, Constraint] = {
        "lock": Never(),
        "publish": Publisher(),
        "ask": Quorum(1, (key,), 1_000),
    }
    return Tighten(constraints[deed])
