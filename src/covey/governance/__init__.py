"""Members, and later roles, releases and epochs, at a cut."""

from __future__ import annotations

from covey.governance.members import (
    AdmissionRow,
    MembershipChange,
    admissions_of,
    admitted_member,
    check_admit,
    devices,
    fold_admit,
    is_known_device,
    member_at,
    roles_at,
)

__all__ = [
    "AdmissionRow",
    "MembershipChange",
    "admissions_of",
    "admitted_member",
    "check_admit",
    "devices",
    "fold_admit",
    "is_known_device",
    "member_at",
    "roles_at",
]
