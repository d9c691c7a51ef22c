"""What can happen to a session, what it asks of its driver, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from covey.codec import KnownPeer
from covey.model import Certificate, Cid, ContextId, Delta, DeltaId, DeviceId, Join, PeerId
from covey.sync.events import Use
from covey.sync.ledger import Ledger
from covey.sync.sources import Share, Sources

__all__ = [
    "AdmissionAsked",
    "AdmissionTold",
    "AnswerAdmission",
    "AskAdmission",
    "AskBlob",
    "AskCharter",
    "AskDeltas",
    "AskFrontiers",
    "AskPeers",
    "BatchDue",
    "BlobTold",
    "CharterAnswered",
    "Close",
    "Compared",
    "Consumed",
    "ContextOpened",
    "DeltaDelivered",
    "FrameArrived",
    "More",
    "OpenBatch",
    "PeersHeard",
    "Pump",
    "Send",
    "SessionEffect",
    "SessionEvent",
    "SessionHost",
    "Shared",
    "TellFrontier",
    "Tick",
]


class SessionHost(Protocol):
    """What a session may ask of the node it runs in; every answer is immediate."""

    def contexts(self) -> tuple[ContextId, ...]:
        """The contexts this node holds or is joining."""
        ...

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        """Whether this peer may learn that the context is held here; it may change."""
        ...

    def ledger(self, context: ContextId) -> Ledger | None:
        """The ledger of a context, or None while it is being joined."""
        ...

    def sources(self, context: ContextId) -> Sources:
        """Who streams a context to this node; one for all sessions."""
        ...

    def blob(self, context: ContextId, cid: Cid) -> bytes | None:
        """A blob that this context references, if it is here."""
        ...

    def open_charter(self, topic: bytes, peer: PeerId) -> bytes | None:
        """The charter of the open context with this topic hash, if it is held and shown."""
        ...

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        """Peers that share a context, to be told to one that does: at most SYNC_PEERS_MAX."""
        ...

    def prove_device(self, context: ContextId, message: bytes) -> tuple[DeviceId, bytes] | None:
        """This node's device in a context and its signature over a message."""
        ...


@dataclass(frozen=True, slots=True)
class FrameArrived:
    """A frame came on the stream."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class ContextOpened:
    """The node holds one more context, or has its ledger now."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class Consumed:
    """A delta of this many bytes, delivered before, is dealt with."""

    context: ContextId
    size_bytes: int
    use: Use


@dataclass(frozen=True, slots=True)
class Pump:
    """All frames handed out are written: go on streaming."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """The next batch of deltas that came may be opened."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class TellFrontier:
    """Have the peer send its share of what is lacking here: tell it what is held."""

    context: ContextId
    share: Share


@dataclass(frozen=True, slots=True)
class AskDeltas:
    """The replica wants these."""

    context: ContextId
    ids: tuple[DeltaId, ...]


@dataclass(frozen=True, slots=True)
class AskBlob:
    """The node wants this blob."""

    context: ContextId
    cid: Cid


@dataclass(frozen=True, slots=True)
class AskCharter:
    """The node wants the charter behind a topic."""

    topic: bytes


@dataclass(frozen=True, slots=True)
class AskAdmission:
    """The node wants to be admitted."""

    context: ContextId
    certificate: Certificate
    join: Join


@dataclass(frozen=True, slots=True)
class AskPeers:
    """The node wants to know more peers of a context."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class AnswerAdmission:
    """The replica's word on an admission that the peer asked for."""

    context: ContextId
    reason: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time for a comparison."""


SessionEvent: TypeAlias = (
    FrameArrived
    | ContextOpened
    | Consumed
    | OpenBatch
    | Pump
    | TellFrontier
    | AskDeltas
    | AskBlob
    | AskCharter
    | AskAdmission
    | AnswerAdmission
    | AskPeers
    | Tick
)


@dataclass(frozen=True, slots=True)
class Send:
    """Write a frame; frames keep their order."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class More:
    """There is more to stream: answer with `Pump` when everything before is written."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class BatchDue:
    """There is room for what is in the next batch that came: answer with `OpenBatch`."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class AskFrontiers:
    """Give the session of each of these peers `TellFrontier`."""

    context: ContextId
    due: tuple[tuple[PeerId, Share], ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """The peer proved that it knows this context's id."""

    context: ContextId


@dataclass(frozen=True, slots=True)
class DeltaDelivered:
    """A delta with a good signature; tell `Consumed` when it is dealt with."""

    context: ContextId
    delta: Delta


@dataclass(frozen=True, slots=True)
class Compared:
    """What the peer holds, against what is held here. missing: deltas it has and we lack."""

    context: ContextId
    frontier_digest: bytes
    state_digest: bytes
    missing: int


@dataclass(frozen=True, slots=True)
class BlobTold:
    """The peer's answer about a blob; content: checked against its CID, or None."""

    context: ContextId
    cid: Cid
    content: bytes | None


@dataclass(frozen=True, slots=True)
class CharterAnswered:
    """The peer's answer about a topic; charter: its topic is the one asked, or None."""

    topic: bytes
    charter: bytes | None


@dataclass(frozen=True, slots=True)
class AdmissionAsked:
    """The peer asks to be admitted: answer with `AnswerAdmission`."""

    context: ContextId
    certificate: Certificate
    join: Join


@dataclass(frozen=True, slots=True)
class AdmissionTold:
    """The peer's answer; admitted where the reason is empty."""

    context: ContextId
    reason: str


@dataclass(frozen=True, slots=True)
class PeersHeard:
    """The peer's answer: peers that it says share the context, at addresses that it says."""

    context: ContextId
    peers: tuple[KnownPeer, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """End the stream. code: of protocols/registry.md where the peer is to blame, else empty."""

    code: str


SessionEffect: TypeAlias = (
    Send
    | More
    | BatchDue
    | AskFrontiers
    | Shared
    | DeltaDelivered
    | Compared
    | BlobTold
    | CharterAnswered
    | AdmissionAsked
    | AdmissionTold
    | PeersHeard
    | Close
)
