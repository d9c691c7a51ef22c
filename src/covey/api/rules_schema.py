"""What is said over HTTP about the rules of a context; part of `covey.api.schema`."""

from __future__ import annotations

import msgspec

__all__ = [
    "ApprovalCount",
    "CertificateReply",
    "ChangeCount",
    "ChangeReply",
    "CollectionAdded",
    "ConstraintForm",
    "GovernReply",
    "GovernRequest",
    "LeaveReply",
    "LeaveRequest",
    "RehearsalReply",
    "RehearseRequest",
    "RoleHolder",
    "RulesForm",
    "RulesReply",
    "RulesRequest",
    "VoteCount",
]


class ConstraintForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A constraint on releases: `never`, `publisher` or `quorum`.

    k, keys (did:key), notice_s (seconds): of a quorum alone.
    """

    constraint: str
    k: int = 0
    keys: tuple[str, ...] = ()
    notice_s: int = 0


class RulesForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a founder chooses, for ever. admins: certificates of further founders, by rank.

    admin_quorum: how many of the founders' members can together remove one of them; 0: none can.
    verification: `replay` has every node run every call again, `signature` does not. fuel_budget:
    what one device's calls may use in a minute; 0: no bound.
    """

    roles: tuple[str, ...] = ()
    code: tuple[ConstraintForm, ...] = ()
    admins: tuple[str, ...] = ()
    admin_quorum: int = 0
    verification: str = "replay"
    fuel_budget: int = 0


class GovernRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Govern a context. action: remove, leave, give, take, tighten, vote, approve or upgrade.

    who: a member or device as did:key. role: with give and take. constraint: with tighten.
    release: with approve and upgrade. migration: the arguments of the new release's `migrate`, as
    JSON text; without it that is not called. abandon: also where nobody who stays is an admin.
    """

    action: str
    who: str = ""
    role: str = ""
    release: str = ""
    migration: str | None = None
    constraint: ConstraintForm | None = None
    abandon: bool = False


class GovernReply(msgspec.Struct, frozen=True):
    """The delta that did it, in hex."""

    delta: str


class RehearseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Try an upgrade. release: an installed one. migration: as of `GovernRequest`."""

    release: str
    migration: str | None = None


class CollectionAdded(msgspec.Struct, frozen=True):
    """A collection that the release in force does not have; roles: who writes it, all if none."""

    name: str
    rule: str
    roles: tuple[str, ...]


class ChangeCount(msgspec.Struct, frozen=True):
    """How many entries of a collection would be put, deleted and added to."""

    collection: str
    put: int
    delete: int
    add: int


class ChangeReply(msgspec.Struct, frozen=True):
    """An entry that would change. op: put, delete or add. before, after: null where it is not.

    key, before, after: text where they are, else `base64:…`, cut after 4,096 characters; sums of
    counters as numbers.
    """

    op: str
    collection: str
    key: str
    before: str | None
    after: str | None


class RehearsalReply(msgspec.Struct, frozen=True, kw_only=True):
    """What an upgrade would do now. allowed: by the rules; else code and reason.

    number: that it would have. before, version_before: of the release in force. migrated: whether
    the migration came to its end. counts: of all changes; changes: the first 1,000, in order.
    fuel, fuel_left: of the migration. log: what it said.
    """

    id: str
    allowed: bool
    code: str
    reason: str
    number: int
    release: str
    version: str
    before: str
    version_before: str
    collections_added: tuple[CollectionAdded, ...]
    migrated: bool
    counts: tuple[ChangeCount, ...]
    changes: tuple[ChangeReply, ...]
    fuel: int
    fuel_left: int
    log: tuple[str, ...]


class LeaveRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Leave a context for good. abandon: also where nobody who stays is an admin."""

    abandon: bool = False


class LeaveReply(msgspec.Struct, frozen=True, kw_only=True):
    """The context is forgotten here. closed: whether this device was closed there, by `delta`.

    undone: what of leaving was not done, in a sentence, or empty.
    """

    id: str
    name: str
    closed: bool
    delta: str
    undone: str


class RoleHolder(msgspec.Struct, frozen=True):
    """A member's device and the roles it holds, keys as did:key."""

    member: str
    device: str
    roles: tuple[str, ...]


class VoteCount(msgspec.Struct, frozen=True):
    """How many of the founding members that it takes vote to remove a founder; keys as did:key."""

    member: str
    device: str
    votes: int
    needed: int


class ApprovalCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the keys that a quorum asks for approve a release as the next one.

    notice_s: of the quorum; 0: none. since: when the notice began. until: the earliest moment at
    which this quorum lets the release come into force, as far as this node knows; with several
    quorums it waits for the last. Both null where the quorum has no notice, where it has not begun
    and where the code is locked. package, version: empty where the release is not installed here.
    """

    release: str
    approvals: int
    needed: int
    notice_s: int
    since: str | None
    until: str | None
    package: str
    version: str


class RulesRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for rules. target: a ticket, context id or topic, joined or not."""

    target: str


class RulesReply(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of a context, and what follows from them in plain sentences.

    is_current: false where only the charter is known: what was added or decided since is not
    here, nor what the application stores. package: of the application, empty where the release
    that it was founded with is not installed here. constraints: the charter's, then what was
    added. fuel_budget: what one device's calls may use in a minute; 0: no bound. number, release,
    version: what is in force; 0 is the charter's release.
    can, never: what may and what cannot happen. unpromised: what the rules do not prevent.
    """

    id: str
    is_current: bool
    package: str
    admission: str
    verification: str
    encryption: str
    roles: tuple[str, ...]
    admin_quorum: int
    fuel_budget: int
    constraints: tuple[ConstraintForm, ...]
    number: int
    release: str
    version: str
    members: tuple[RoleHolder, ...]
    votes: tuple[VoteCount, ...]
    approvals: tuple[ApprovalCount, ...]
    can: tuple[str, ...]
    never: tuple[str, ...]
    unpromised: tuple[str, ...]


class CertificateReply(msgspec.Struct, frozen=True):
    """This installation's device and whose it is, for a charter that names it an admin."""

    certificate: str
