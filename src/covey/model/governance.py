"""Governance effects: one change each to who may write, in which role, and under which code.

Grants (admit, promote, upgrade, approve, vote) reach forward, to what follows them; restrictions
(close, demote, tighten) reach everything of their target that they do not spare.
Source: protocols/governance.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from covey.model.certificate import Certificate, Join
from covey.model.charter import Constraint
from covey.model.ids import DeltaId, DeviceId, ReleaseId

__all__ = [
    "ADMIN_ROLE",
    "Admit",
    "Approve",
    "Close",
    "Demote",
    "Evidence",
    "Governance",
    "Merge",
    "Promote",
    "Tighten",
    "Upgrade",
    "Vote",
]

ADMIN_ROLE: Final = "admin"
"""The role that every context has, beside those of its charter."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Nothing but following up to 32 heads."""


@dataclass(frozen=True, slots=True)
class Admit:
    """A device enters the context."""

    certificate: Certificate
    join: Join


@dataclass(frozen=True, slots=True)
class Promote:
    """A device gets a role."""

    device: DeviceId
    role: str


@dataclass(frozen=True, slots=True)
class Close:
    """A device may write no more: removal, leaving, or a key that was lost.

    tips: the target's last deltas in the cut, sorted; what of it is spared.
    """

    device: DeviceId
    tips: tuple[DeltaId, ...]


@dataclass(frozen=True, slots=True)
class Demote:
    """A device loses a role for good; tips: as of a close."""

    device: DeviceId
    role: str
    tips: tuple[DeltaId, ...]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Another release comes into force from this delta on.

    number: one more than that of the release in force. manifest: the release's signed manifest.
    witnesses: sorted; deltas in the cut that show since when a notice has run.
    """

    number: int
    manifest: bytes
    witnesses: tuple[DeltaId, ...]


@dataclass(frozen=True, slots=True)
class Approve:
    """A holder of a quorum's key wants this release to be the one of this number."""

    number: int
    release: ReleaseId


@dataclass(frozen=True, slots=True)
class Tighten:
    """One more constraint binds every upgrade."""

    constraint: Constraint


@dataclass(frozen=True, slots=True)
class Evidence:
    """A device forked: two deltas of it with one sequence; `one` is the smaller id."""

    one: DeltaId
    other: DeltaId


@dataclass(frozen=True, slots=True)
class Vote:
    """A charter admin wants another one, whom it may not close alone, closed."""

    device: DeviceId


Governance: TypeAlias = (
    Merge | Admit | Promote | Close | Demote | Upgrade | Approve | Tighten | Evidence | Vote
)
