"""Members, roles, releases and the code rule at a cut; later epochs."""

from __future__ import annotations

from covey.governance.authority import ADMIN, Authority, Needs
from covey.governance.code_rule import CodeRule
from covey.governance.effects import (
    check_admit,
    check_governance,
    check_shape,
    collection_fault,
    last_ids,
)
from covey.governance.governor import Governor
from covey.governance.members import approvers, devices, named_member, voters
from covey.governance.notices import Notice, notices_of
from covey.governance.record import granted_by, needs_admin, record_governance, restricted_by
from covey.governance.rows import AdmissionRow, Placed, admissions_of, restrictions
from covey.governance.silence import Silence, silence_at
from covey.governance.witnesses import witnesses_for

__all__ = [
    "ADMIN",
    "AdmissionRow",
    "Authority",
    "CodeRule",
    "Governor",
    "Needs",
    "Notice",
    "Placed",
    "Silence",
    "admissions_of",
    "approvers",
    "check_admit",
    "check_governance",
    "check_shape",
    "collection_fault",
    "devices",
    "granted_by",
    "last_ids",
    "named_member",
    "needs_admin",
    "notices_of",
    "record_governance",
    "restricted_by",
    "restrictions",
    "silence_at",
    "voters",
    "witnesses_for",
]
