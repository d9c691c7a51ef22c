"""The immutable founding document of a context."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from covey.model.certificate import Certificate
from covey.model.ids import ApplicationId, MemberId, ReleaseId

__all__ = [
    "EXECUTIONS",
    "EXECUTION_ENGINE_FUEL",
    "EXECUTION_METERED",
    "Admission",
    "Charter",
    "Constraint",
    "Encryption",
    "Never",
    "Publisher",
    "Quorum",
    "Verification",
]

EXECUTION_ENGINE_FUEL = "covey-exec/0"
"""Fuel is the word of the author's node; contexts that name it are never replayed."""

EXECUTION_METERED = "covey-exec/1"
"""Modules count their own fuel, the same on every node (protocols/execution.md)."""

EXECUTIONS = (EXECUTION_ENGINE_FUEL, EXECUTION_METERED)
"""What this version can run. A version never changes its meaning."""


class Admission(enum.Enum):
    """Who may bring a device in."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


class Verification(enum.Enum):
    """What members' nodes check of a delta."""

    REPLAY = "replay"
    SIGNATURE = "signature"


class Encryption(enum.Enum):
    """How payloads are sealed."""

    NONE = "none"
    EPOCHS = "epochs"


@dataclass(frozen=True, slots=True)
class Publisher:
    """A release must be signed by the same publisher, with a greater version."""


@dataclass(frozen=True, slots=True)
class Quorum:
    """k of the keys approve a release, and a notice runs."""

    k: int
    keys: tuple[MemberId, ...]
    notice_ms: int


@dataclass(frozen=True, slots=True)
class Never:
    """The code never changes: locked."""


Constraint: TypeAlias = Publisher | Quorum | Never


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter:
    """What a context is, for ever; its id is the CID of its encoding.

    admins: certificates in rank order, the founder first. roles: names beside `admin`.
    admin_quorum: charter admins who together may close the first one; 0: none.
    snapshot_witnesses: members whose word makes a snapshot credible; 0: none.
    idle_limit_ms: after which a device may be left out of a checkpoint.
    fuel_budget: fuel an author may use per minute of its own claimed times; 0: unlimited.
    """

    application: ApplicationId
    release: ReleaseId
    admins: tuple[Certificate, ...]
    admission: Admission
    roles: tuple[str, ...]
    verification: Verification
    encryption: Encryption
    constraints: tuple[Constraint, ...]
    admin_quorum: int
    snapshot_witnesses: int
    idle_limit_ms: int
    fuel_budget: int
    module_size_bytes_max: int
    execution: str
    nonce: bytes
