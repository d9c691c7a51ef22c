"""What the node tells those who command it: plain values, without bytes that need decoding.

Ids are texts as people see them: contexts and releases as CIDs, keys as did:key, deltas in hex.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ApplicationRow",
    "ApprovalRow",
    "AuditRow",
    "CallResult",
    "ChangeCount",
    "ChangeRow",
    "CollectionRow",
    "ContextRow",
    "ContextStatus",
    "DeltaRow",
    "InForceRow",
    "JoinResult",
    "LeaveResult",
    "MemberRow",
    "MethodRow",
    "NodeStatus",
    "PeerRow",
    "QueryResult",
    "RehearsalRow",
    "RefusedRow",
    "SettingsRow",
    "VoteRow",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextStatus:
    """The honest status of one context.

    digest: state digest in hex. deltas, members: counts. in_sync_with: peer ids whose last word,
    not older than 30 s, named the same frontier and the same state. diverged: same frontier,
    another state: a defect, to be reported. behind: deltas known to be missing, a lower bound.
    waiting: deltas here whose parents are missing. as_of: ISO 8601 UTC, of the oldest word that
    `in_sync_with` rests on, None where it rests on none. role: "full" or "carrier". phase:
    "joining", "reading" (not admitted yet), "member", "removed" or "refused".
    """

    id: str
    name: str
    application: str
    digest: str
    deltas: int
    members: int
    in_sync_with: tuple[str, ...]
    diverged: tuple[str, ...]
    behind: int
    waiting: int
    as_of: str | None
    phase: str
    role: str
    admission: str
    encryption: str
    verification: str
    upgrade_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """The node as it stands."""

    peer_id: str
    member: str
    addresses: tuple[str, ...]
    version: str
    contexts: tuple[ContextStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRow:
    """A method of an application: kind "call" or "query"; schemas as JSON texts."""

    name: str
    kind: str
    arguments: str
    result: str


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection that a release declares; roles: who writes it, all if none."""

    name: str
    rule: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationRow:
    """An installed release."""

    id: str
    application: str
    package: str
    version: str
    name: str
    description: str
    licence: str
    publisher: str
    module: str
    module_size_bytes: int
    abi: str
    execution: str
    collections: tuple[CollectionRow, ...]
    methods: tuple[MethodRow, ...]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member's device and the roles it holds, keys as did:key."""

    member: str
    device: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VoteRow:
    """How many of the founding members that it takes vote to remove a founder; keys as did:key."""

    member: str
    device: str
    votes: int
    needed: int


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """How many of the keys that a quorum asks for approve a release as the next one.

    notice_s: of the quorum; 0: none. since: when the notice began; until: the earliest moment at
    which this quorum lets the release come into force, as far as this node knows. Both ISO 8601
    UTC, None where the quorum has no notice, none has begun, or the code is locked. package,
    version: of the release, where it is installed here, else empty.
    """

    release: str
    approvals: int
    needed: int
    notice_s: int = 0
    since: str | None = None
    until: str | None = None
    package: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class InForceRow:
    """The release that calls run; number: how many were put in force before it."""

    number: int
    release: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextRow:
    """A context that this node holds. admins: (member, device) of the charter, as did:key.

    release: that of the charter; in_force: None while it is not known here. devices: all that may
    write now. roles: those of this node's device.
    """

    id: str
    name: str
    topic: str
    application: str
    package: str
    release: str
    in_force: InForceRow | None
    phase: str
    admission: str
    encryption: str
    verification: str
    execution: str
    admins: tuple[tuple[str, str], ...]
    devices: tuple[MemberRow, ...]
    device: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRow:
    """How this node takes part in a context. peers: how many share it now.

    degree_low, degree_high: bounds of the mesh, which follow its degree. role: "full" or "carrier".
    """

    id: str
    name: str
    degree: int
    degree_low: int
    degree_high: int
    max_peers: int
    peers: int
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    static: tuple[str, ...]
    role: str
    announce: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """A call that took effect. result: the JSON text the application gave, "null" where none.

    delta: the id of what carries it, in hex.
    """

    result: str
    delta: str
    fuel: int
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryResult:
    """A query's answer; result: JSON text."""

    result: str
    fuel: int
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinResult:
    """A context that was joined; admitted: whether this device may write already.

    why: why it may not, and what to do, in a sentence, or empty.
    """

    id: str
    admitted: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveResult:
    """A context that was left. closed: whether this device was closed there; delta: by which.

    undone: what of leaving was not done, in a sentence, or empty.
    """

    id: str
    name: str
    closed: bool
    delta: str
    undone: str


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """How many entries of a collection would be put, deleted and added to."""

    collection: str
    put: int
    delete: int
    add: int


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """An entry that would change. op: put, delete or add. before, after: None where it is not.

    key, before, after: text where they are, else `base64:…`; sums of counters as numbers.
    """

    op: str
    collection: str
    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsalRow:
    """What an upgrade would do now. allowed: by the rules; else code and reason.

    number: that it would have. before, version_before: of the release in force. migrated: whether
    the migration came to its end. counts: of all changes; changes: the first of them, in order.
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
    collections_added: tuple[CollectionRow, ...]
    migrated: bool
    counts: tuple[ChangeCount, ...]
    changes: tuple[ChangeRow, ...]
    fuel: int
    fuel_left: int
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaRow:
    """An applied delta. calls: a count. time: ISO 8601 UTC, the author's claim.

    methods: of its calls, in order. admitted: devices it lets in, as did:key. governance: what it
    governs, in words. void: by what is known now its effects on entries count for nothing.
    """

    delta: str
    author: str
    member: str
    sequence: int
    time: str
    calls: int
    methods: tuple[str, ...]
    effects: int
    events: tuple[tuple[str, str], ...]
    admitted: tuple[str, ...]
    governance: tuple[str, ...]
    void: bool
    parents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRow:
    """A connection to a peer. since: ISO 8601 UTC. contexts: those both sides have proved to know.

    direction: "inbound" or "outbound". latency_ms: of the last round trip, None before the first.
    score: 0 where nothing is held against the peer, below it else. agent, protocols, dht_server:
    as the peer says, empty and False while it has not.
    """

    peer_id: str
    address: str
    direction: str
    transport: str
    since: str
    latency_ms: float | None
    score: float
    agent: str
    protocols: tuple[str, ...]
    dht_server: bool
    contexts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """What a member's device signed and nobody may apply. code: from protocols/registry.md.

    size_bytes: of the signed delta, which is the proof; 0 where there was no room to keep it.
    """

    delta: str
    author: str
    code: str
    reason: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """How far an audit is. deltas: that hold so far; of: all. calls: run again.

    is_done: nothing comes after this row; holds: then, whether everything does, and digest is that
    of the state. delta, author, arrival, code, reason: the first that does not hold.
    """

    deltas: int
    of: int
    calls: int
    is_done: bool
    holds: bool
    digest: str
    delta: str
    author: str
    arrival: int
    code: str
    reason: str
