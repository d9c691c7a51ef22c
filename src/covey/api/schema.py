"""The words of the HTTP interface: what requests and replies hold, for both sides.

Ids are texts as people see them: contexts and releases as CIDs, keys as did:key, deltas in hex.
Times are ISO 8601 in UTC. A context or application is named by id, local name or unique prefix.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from covey.api.rules_schema import RulesForm
from covey.errors import (
    ConfigError,
    ExecutionError,
    NodeError,
    NotFound,
    PeerUnavailable,
    ProtocolViolation,
    Refused,
    StoreError,
    Unauthorised,
)

__all__ = [
    "ERRORS",
    "INTERNAL",
    "PATHS_ROOT",
    "TOO_LARGE",
    "USAGE",
    "ApplicationList",
    "ApplicationReply",
    "AppliedRow",
    "BatchReply",
    "CallReply",
    "CallRequest",
    "CollectionReply",
    "ContextStatusReply",
    "CreateRequest",
    "ErrorBody",
    "ErrorReply",
    "EventReply",
    "JoinReply",
    "JoinRequest",
    "LogReply",
    "MethodReply",
    "PeerList",
    "PeerReply",
    "QueryReply",
    "SettingsReply",
    "SettingsRequest",
    "StatusReply",
    "StopReply",
    "TicketReply",
]


PATHS_ROOT: Final = "/v1"

# Codes of failed requests that no class of error stands for.
USAGE: Final = "usage"  # 400: the request is no JSON, or lacks or misspells a part
TOO_LARGE: Final = "too-large"  # 413
INTERNAL: Final = "internal"  # 500: a defect of the node

# The code of each class of error and its HTTP status, the most specific class first.
ERRORS: Final[tuple[tuple[type[NodeError], str, int], ...]] = (
    (ConfigError, "config", 400),
    (Unauthorised, "unauthorised", 401),
    (NotFound, "not-found", 404),
    (Refused, "refused", 409),
    (ExecutionError, "execution", 500),
    (ProtocolViolation, "peer", 502),
    (PeerUnavailable, "unavailable", 503),
    (StoreError, "store", 507),
    (NodeError, INTERNAL, 500),
)


class _Word(msgspec.Struct, frozen=True, kw_only=True):
    """A value of the interface; a reader ignores fields that a newer node adds."""


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client asks; a misspelt field is refused rather than ignored."""


def _no_arguments() -> msgspec.Raw:
    return msgspec.Raw(b"{}")


# -- requests --------------------------------------------------------------------------------


class CallRequest(_Request, frozen=True):
    """A method and its arguments, any JSON: the body of a call or query, a line of a batch."""

    method: str
    args: msgspec.Raw = msgspec.field(default_factory=_no_arguments)


class CreateRequest(_Request, frozen=True):
    """Found a context of an installed application; name: a local one, shown to nobody else."""

    application: str
    name: str | None = None
    rules: RulesForm = RulesForm()


class JoinRequest(_Request, frozen=True):
    """Join a context; target: a ticket, a context id or a topic string."""

    target: str
    name: str | None = None


class SettingsRequest(_Request, frozen=True):
    """Change a context's network settings; null leaves one as it is, a list replaces the whole.

    reset: first all of them are as if they had never been set.
    """

    degree: int | None = None
    max_peers: int | None = None
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] | None = None
    static: tuple[str, ...] | None = None
    role: str | None = None
    announce: bool | None = None
    reset: bool = False


# -- the node --------------------------------------------------------------------------------


class ErrorBody(_Word, frozen=True):
    """code: one of docs/reference/api.md. message: one sentence for a person."""

    code: str
    message: str


class ErrorReply(_Word, frozen=True):
    """What every failed request answers, and a line of a stream that failed."""

    error: ErrorBody


class ContextStatusReply(_Word, frozen=True):
    """The honest status of one context.

    in_sync_with: peer ids whose last word, not older than 30 s, named the same deltas and state.
    diverged: same deltas, another state: a defect. behind: deltas known to be missing, a lower
    bound. waiting: deltas here whose parents are missing. as_of: when the oldest word was heard
    that `in_sync_with` rests on, null where it rests on none. members: people, however many devices
    each has. role: "full" or "carrier". phase: "joining", "reading" (not admitted yet),
    "member", "removed" or "refused".
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


class StatusReply(_Word, frozen=True):
    """The node as it stands."""

    peer_id: str
    member: str
    addresses: tuple[str, ...]
    version: str
    contexts: tuple[ContextStatusReply, ...]


class PeerReply(_Word, frozen=True):
    """A connection to a peer; contexts: those that both sides have proved to know.

    latency_ms: of the last round trip, null before the first. score: 0, or below it where something
    is held against the peer. agent, protocols, dht_server: as it says, empty while it has not.
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


class PeerList(_Word, frozen=True):
    """The connected peers."""

    peers: tuple[PeerReply, ...]


class StopReply(_Word, frozen=True):
    """The node will stop."""

    stopping: bool


# -- applications ----------------------------------------------------------------------------


class CollectionReply(_Word, frozen=True):
    """A part of the state; rule: register, counter, frozen or owned. roles: who writes, or all."""

    name: str
    rule: str
    roles: tuple[str, ...] = ()


class MethodReply(_Word, frozen=True):
    """A method; kind: "call" or "query". args, result: JSON Schemas, null where none is given."""

    name: str
    kind: str
    args: msgspec.Raw
    result: msgspec.Raw


class ApplicationReply(_Word, frozen=True):
    """An installed release. id: of the release; application: of all its releases."""

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
    collections: tuple[CollectionReply, ...]
    methods: tuple[MethodReply, ...]


class ApplicationList(_Word, frozen=True):
    """The installed releases."""

    applications: tuple[ApplicationReply, ...]


# -- contexts --------------------------------------------------------------------------------


class SettingsReply(_Word, frozen=True):
    """How this node takes part in a context's network; no other member sees it.

    degree: peers in the gossip mesh, filled up below degree_low and cut down above degree_high.
    peers: how many share the context now, of max_peers. allow: empty for everybody. static: full
    multiaddrs. role: "full" or "carrier". announce: whether others can look this node up.
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


class TicketReply(_Word, frozen=True):
    """What another node needs to join."""

    ticket: str


class JoinReply(_Word, frozen=True):
    """A joined context. admitted: whether this device may write; why: why not yet, or empty."""

    id: str
    admitted: bool
    why: str = ""


class CallReply(_Word, frozen=True):
    """A call that took effect. delta: the id of what carries it. log: what the application said."""

    result: msgspec.Raw
    delta: str
    fuel: int
    log: tuple[str, ...]


class QueryReply(_Word, frozen=True):
    """A query's answer."""

    result: msgspec.Raw
    fuel: int
    log: tuple[str, ...]


class BatchReply(_Word, frozen=True):
    """A call's line in a batch's reply; one that failed has an `ErrorReply` in its place."""

    result: msgspec.Raw
    delta: str
    fuel: int


class EventReply(_Word, frozen=True):
    """What application code emitted."""

    name: str
    data: str


class AppliedRow(_Word, frozen=True):
    """A delta that was applied: a row of a log, a line of a watch.

    arrival: its number on this node, to go on after. author: a device; member: whose it is.
    sequence: of its author. calls, effects: counts. admitted: devices it lets in.
    governance: what it governs, in words. void: its effects on entries count for nothing now.
    """

    arrival: Annotated[int, msgspec.Meta(description="number on this node, from 1")]
    delta: str
    author: str
    member: str
    sequence: int
    time: str
    calls: int
    methods: tuple[str, ...]
    effects: int
    events: tuple[EventReply, ...]
    admitted: tuple[str, ...]
    governance: tuple[str, ...]
    void: bool
    parents: tuple[str, ...]


class LogReply(_Word, frozen=True):
    """Applied deltas in the order of their arrival; next: `after` of the next page, or null."""

    rows: tuple[AppliedRow, ...]
    next: int | None
