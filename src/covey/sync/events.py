"""What can happen to one context's machines, and what they ask of their driver.

The driver carries effects out in order; whatever follows a `Commit` waits until it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from covey.model import (
    Batch,
    Call,
    Certificate,
    Delta,
    DeltaId,
    Denied,
    DeviceId,
    Governance,
    Join,
    MemberId,
    Outcome,
    Payload,
    PeerId,
    ReleaseId,
    ReplayWord,
    Signed,
    StateAt,
    Write,
)

__all__ = [
    "AdmissionAnswered",
    "AdmissionRequested",
    "Applied",
    "Ask",
    "Broadcast",
    "CallRequest",
    "CallsSubmitted",
    "Commit",
    "Dealt",
    "DeltaReceived",
    "Effect",
    "Event",
    "Execute",
    "Executed",
    "FrameReceived",
    "GovernanceAnswered",
    "GovernanceRequested",
    "Misbehaved",
    "NeedRelease",
    "PeerCompared",
    "PeerLeft",
    "RecordSequence",
    "ReleaseMissing",
    "ReleaseReady",
    "Reply",
    "SetTimer",
    "TimerFired",
    "Use",
    "Verified",
    "Verify",
]


@dataclass(frozen=True, slots=True)
class DeltaReceived:
    """A delta came, its signature checked; peer: who sent it.

    is_streamed: over its stream, where only what was applied is sent; not by gossip, which nodes of
    other makes pass on without knowing what it is. receipt: the number of the `Dealt` that answers
    it; 0: none is wanted.
    """

    delta: Delta
    peer: PeerId
    is_streamed: bool = True
    receipt: int = 0


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """An envelope came on the topic; peer: who forwarded it."""

    envelope: bytes
    peer: PeerId


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A local call and the number its reply will carry."""

    request: int
    call: Call


@dataclass(frozen=True, slots=True)
class CallsSubmitted:
    """Local callers want these run, in this order."""

    requests: tuple[CallRequest, ...]


@dataclass(frozen=True, slots=True)
class Executed:
    """The engine's word on a prefix of the batch in hand; at least one outcome."""

    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class AdmissionRequested:
    """A device asks to be admitted."""

    request: int
    certificate: Certificate
    join: Join


@dataclass(frozen=True, slots=True)
class GovernanceRequested:
    """This device wants to govern: all of these effects in one delta, or none.

    What only the writer of the delta can know is filled in there: tips, numbers, witnesses.
    migration: the call that an upgrade runs under its own release.
    """

    request: int
    effects: tuple[Governance, ...]
    migration: Call | None = None


@dataclass(frozen=True, slots=True)
class ReleaseReady:
    """The engine can run this release."""

    release: ReleaseId


@dataclass(frozen=True, slots=True)
class ReleaseMissing:
    """A release could not be had, or cannot be run here; it is looked for again later."""

    release: ReleaseId


@dataclass(frozen=True, slots=True)
class Verified:
    """The engine's words on a prefix of the row it was to run again; at least one.

    Empty where the node could not even begin: it is asked again later.
    """

    words: tuple[ReplayWord, ...]


@dataclass(frozen=True, slots=True)
class PeerCompared:
    """A peer told, on its own authenticated stream, what it holds.

    missing: deltas it holds and this node does not, as far as the frontiers show. device: the one
    whose key it proved to hold.
    """

    peer: PeerId
    frontier_digest: bytes
    state_digest: bytes
    missing: int
    device: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """A peer is no longer connected."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer set by `SetTimer` ran out."""

    name: str


Event: TypeAlias = (
    DeltaReceived
    | FrameReceived
    | CallsSubmitted
    | Executed
    | Verified
    | AdmissionRequested
    | GovernanceRequested
    | ReleaseReady
    | ReleaseMissing
    | PeerCompared
    | PeerLeft
    | TimerFired
)


@dataclass(frozen=True, slots=True)
class Commit:
    """Write these rows atomically; durable: they must survive a power cut before what follows."""

    writes: tuple[Write, ...]
    durable: bool


@dataclass(frozen=True, slots=True)
class RecordSequence:
    """Tell the keystore how far this device's chain has come, after the commit."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a batch on the state as committed; answer with `Executed`."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Verify:
    """Run again what others signed, on the state as committed; answer with `Verified`.

    row: each on what the ones before it signed. state: before the first of them.
    """

    row: tuple[Signed, ...]
    state: StateAt


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Publish an envelope on the context's topic."""

    envelope: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a local call; delta: what carries it, None where it took no effect."""

    request: int
    outcome: Outcome
    delta: DeltaId | None


@dataclass(frozen=True, slots=True)
class AdmissionAnswered:
    """Whether a device was admitted; reason: why not, or empty."""

    request: int
    reason: str


@dataclass(frozen=True, slots=True)
class GovernanceAnswered:
    """What came of a wish to govern: the delta that carries it, or why there is none."""

    request: int
    delta: DeltaId | None
    denied: Denied | None


@dataclass(frozen=True, slots=True)
class NeedRelease:
    """Get this release ready; answer with `ReleaseReady`, or `ReleaseMissing`.

    is_in_force: no calls are run until it is, so look for it for as long as it takes. Others are
    needed to run again what others wrote under them, and are looked for for a while.
    """

    release: ReleaseId
    manifest: bytes
    is_in_force: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """A delta took effect here; subscribers are told. member: whose device wrote it.

    arrival: its place in this node's log.
    """

    delta: Delta
    payload: Payload
    member: MemberId
    is_own: bool
    arrival: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a peer (or any, if None) for deltas."""

    peer: PeerId | None
    ids: tuple[DeltaId, ...]


class Use(Enum):
    """What a delta that came was good for."""

    APPLIED = "applied"
    WAITS = "waits"  # a member's, and did not before
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Dealt:
    """A delta that came with a receipt is dealt with, and needs no more room on its way."""

    receipt: int
    use: Use


@dataclass(frozen=True, slots=True)
class Misbehaved:
    """A peer sent what it should have known to be wrong: lower its score."""

    peer: PeerId
    code: str


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire an event after a time; a timer of the same name is replaced."""

    name: str
    after_s: float


Effect: TypeAlias = (
    Commit
    | RecordSequence
    | Execute
    | Verify
    | Broadcast
    | Reply
    | AdmissionAnswered
    | GovernanceAnswered
    | NeedRelease
    | Applied
    | Ask
    | Dealt
    | Misbehaved
    | SetTimer
)
