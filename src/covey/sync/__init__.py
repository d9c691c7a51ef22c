"""Pure machines: the replica of one context, its gossip, and sessions between peers."""

from __future__ import annotations

from covey.sync.author import (
    Author,
    Draughted,
)
from covey.sync.claims import (
    Claim,
    Claims,
    Standing,
)
from covey.sync.events import (
    AdmissionAnswered,
    AdmissionRequested,
    Applied,
    Ask,
    Broadcast,
    CallRequest,
    CallsSubmitted,
    Commit,
    DeltaReceived,
    Effect,
    Event,
    Execute,
    Executed,
    FrameReceived,
    Misbehaved,
    PeerCompared,
    PeerLeft,
    RecordSequence,
    Reply,
    SetTimer,
    TimerFired,
)
from covey.sync.gossip import (
    Gossip,
    Heard,
)
from covey.sync.intake import (
    ASK,
    Intake,
)
from covey.sync.judge import (
    Admissible,
    Delayed,
    Judge,
    Judgement,
    Known,
    Missing,
)
from covey.sync.ledger import (
    Ledger,
    Summary,
)
from covey.sync.local import (
    LocalWrites,
)
from covey.sync.pending import (
    Pending,
    Waiting,
    parents_of,
)
from covey.sync.replica import (
    ANNOUNCE,
    Replica,
)

__all__ = [
    "ANNOUNCE",
    "ASK",
    "Admissible",
    "AdmissionAnswered",
    "AdmissionRequested",
    "Applied",
    "Ask",
    "Author",
    "Broadcast",
    "CallRequest",
    "CallsSubmitted",
    "Claim",
    "Claims",
    "Commit",
    "Delayed",
    "DeltaReceived",
    "Draughted",
    "Effect",
    "Event",
    "Execute",
    "Executed",
    "FrameReceived",
    "Gossip",
    "Heard",
    "Intake",
    "Judge",
    "Judgement",
    "Known",
    "Ledger",
    "LocalWrites",
    "Misbehaved",
    "Missing",
    "PeerCompared",
    "PeerLeft",
    "Pending",
    "RecordSequence",
    "Replica",
    "Reply",
    "SetTimer",
    "Standing",
    "Summary",
    "TimerFired",
    "Waiting",
    "parents_of",
]
