"""Two real sessions over two real ledgers; frames go from one to the other as bytes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from covey.codec import KnownPeer, decode_frame, topic_hash
from covey.model import Cid, ContextId, DeviceId, PeerId
from covey.sync import (
    AskFrontiers,
    BatchDue,
    Consumed,
    Dealt,
    DeltaDelivered,
    DeltaReceived,
    FrameArrived,
    Ledger,
    More,
    OpenBatch,
    Pump,
    Send,
    Session,
    SessionEffect,
    SessionEvent,
    Sources,
    TellFrontier,
)
from covey.testkit.history import START_MS
from covey.testkit.identities import Founding, Identity
from covey.testkit.playbook import Stage

__all__ = ["Side", "talk"]

_NONCE_BYTES = 32


@dataclass
class Side:
    """One node: its stage (or none while it joins), its session, and what came of it.

    It is the session's host as well. Its name and its peer's end in different characters. out:
    frames that wait for the other side. said: effects that are no business of the stream.
    """

    name: PeerId
    peer: PeerId
    founding: Founding
    who: Identity
    stage: Stage | None
    knows: bool = True
    is_shown: bool = True
    peers: tuple[KnownPeer, ...] = ()
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    out: deque[bytes] = field(default_factory=deque)
    said: list[SessionEffect] = field(default_factory=list)
    now: float = START_MS / 1000
    all_sources: Sources = field(default_factory=Sources)

    def __post_init__(self) -> None:
        nonce = self.name[-1:].encode().rjust(_NONCE_BYTES, b"\0")
        self.session = Session(self, self.name, self.peer, nonce)

    def contexts(self) -> tuple[ContextId, ...]:
        """As `SessionHost.contexts`."""
        return (self.founding.context,) if self.knows else ()

    def ledger(self, context: ContextId) -> Ledger | None:
        """As `SessionHost.ledger`."""
        assert context == self.founding.context
        return None if self.stage is None else self.stage.replica.ledger

    def sources(self, context: ContextId) -> Sources:
        """As `SessionHost.sources`."""
        assert context == self.founding.context
        return self.all_sources

    def blob(self, context: ContextId, cid: Cid) -> bytes | None:
        """As `SessionHost.blob`."""
        del context
        return self.blobs.get(cid)

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        """As `SessionHost.shows`."""
        del context, peer
        return self.is_shown

    def open_charter(self, topic: bytes, peer: PeerId) -> bytes | None:
        """As `SessionHost.open_charter`."""
        del peer
        is_told = self.is_shown and topic == topic_hash(self.founding.context)
        return self.founding.packed if is_told else None

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        """As `SessionHost.known_peers`."""
        del context, asker
        return self.peers

    def prove_device(self, context: ContextId, message: bytes) -> tuple[DeviceId, bytes] | None:
        """As `SessionHost.prove_device`."""
        del context
        return self.who.device, self.who.signer.sign(message)

    def take(self, effects: list[SessionEffect]) -> None:
        """Carry out effects: frames wait in `out`, deltas are taken in at once."""
        for effect in effects:
            match effect:
                case Send(frame):
                    self.out.append(frame)
                case DeltaDelivered(context, delta):
                    assert self.stage is not None
                    event = DeltaReceived(delta, self.peer, receipt=len(self.said) + 1)
                    (dealt,) = [e for e in self.stage.handle(event) if isinstance(e, Dealt)]
                    self.said.append(effect)
                    self.tell(Consumed(context, len(delta.frame), dealt.use))
                case More(context):
                    self.tell(Pump(context))
                case BatchDue(context):
                    self.tell(OpenBatch(context))
                case AskFrontiers(context, due):
                    for peer, share in due:
                        assert peer == self.peer
                        self.tell(TellFrontier(context, share))
                case _:
                    self.said.append(effect)

    def tell(self, event: SessionEvent) -> None:
        """Give the session an event."""
        self.take(self.session.handle(event, self.now))

    def heard(self, kind: type[SessionEffect]) -> list[SessionEffect]:
        """What was said of one kind."""
        return [effect for effect in self.said if isinstance(effect, kind)]

    def frames(self) -> list[object]:
        """What waits for the other side, decoded."""
        return [decode_frame(frame) for frame in self.out]


def talk(one: Side, other: Side, rounds: int = 10_000) -> None:
    """Deliver frames both ways until both are quiet; a conversation that never ends fails."""
    for _ in range(rounds):
        if not one.out and not other.out:
            return
        if one.out:
            other.tell(FrameArrived(one.out.popleft()))
        if other.out:
            one.tell(FrameArrived(other.out.popleft()))
    raise AssertionError("the two never fall silent")
