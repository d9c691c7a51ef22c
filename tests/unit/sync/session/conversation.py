"""Two real sessions over two real ledgers; frames go from one to the other as bytes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from covey.codec import (
    KnownPeer,
    decode_frame,
    topic_hash,
)
from covey.model import (
    Cid,
    ContextId,
    Delta,
    DeviceId,
    PeerId,
    Put,
)
from covey.sync import (
    AskFrontiers,
    Consumed,
    DeltaDelivered,
    FrameArrived,
    Ledger,
    More,
    Pump,
    Send,
    Session,
    SessionEffect,
    SessionEvent,
    Sources,
    TellFrontier,
    Tick,
)
from covey.testkit.identities import Founding, Identity, found, identity
from covey.testkit.playbook import Stage

__all__ = [
    "ALICE",
    "BOB",
    "LARGE",
    "NOW",
    "SMALL",
    "Side",
    "delivered",
    "sides",
    "talk",
    "tick",
    "write",
]

NOW = 1_700_000_000.0
ALICE, BOB = identity("alice"), identity("bob")
SMALL, LARGE = PeerId("12D3KooWa"), PeerId("12D3KooWb")


@dataclass
class Side:
    """One node: its stage (or none while it joins), its session, and what came of it."""

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
    now: float = NOW
    all_sources: Sources = field(default_factory=Sources)

    def __post_init__(self) -> None:
        self.session = Session(self, self.name, self.peer, bytes(31) + self.name[-1:].encode())

    def contexts(self) -> tuple[ContextId, ...]:
        return (self.founding.context,) if self.knows else ()

    def ledger(self, context: ContextId) -> Ledger | None:
        assert context == self.founding.context
        return None if self.stage is None else self.stage.replica.ledger

    def sources(self, context: ContextId) -> Sources:
        assert context == self.founding.context
        return self.all_sources

    def blob(self, context: ContextId, cid: Cid) -> bytes | None:
        return self.blobs.get(cid)

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        return self.is_shown

    def open_charter(self, topic: bytes, peer: PeerId) -> bytes | None:
        is_told = self.is_shown and topic == topic_hash(self.founding.context)
        return self.founding.packed if is_told else None

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        return self.peers

    def prove_device(self, context: ContextId, message: bytes) -> tuple[DeviceId, bytes] | None:
        return self.who.device, self.who.signer.sign(message)

    def take(self, effects: list[SessionEffect]) -> None:
        for effect in effects:
            match effect:
                case Send(frame):
                    self.out.append(frame)
                case DeltaDelivered(context, delta):
                    assert self.stage is not None
                    self.stage.receive(delta, peer=self.peer)
                    self.said.append(effect)
                    self.tell(Consumed(context, len(delta.frame)))
                case More(context):
                    self.tell(Pump(context))
                case AskFrontiers(context, due):
                    for peer, share in due:
                        assert peer == self.peer
                        self.tell(TellFrontier(context, share))
                case _:
                    self.said.append(effect)

    def tell(self, event: SessionEvent) -> None:
        self.take(self.session.handle(event, self.now))

    def heard(self, kind: type[SessionEffect]) -> list[SessionEffect]:
        return [effect for effect in self.said if isinstance(effect, kind)]

    def frames(self) -> list[object]:
        return [decode_frame(frame) for frame in self.out]


def tick(one: Side, two: Side) -> None:
    """Five seconds pass, and both compare."""
    for side in (one, two):
        side.now += 5
        side.tell(Tick())
    talk(one, two)


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


def sides(*, joining: bool = False, stranger: bool = False) -> tuple[Side, Side]:
    founding = found(ALICE)
    one = Side(SMALL, LARGE, founding, ALICE, Stage(founding, ALICE))
    two = Side(LARGE, SMALL, founding, BOB, None if joining else Stage(founding, BOB))
    two.knows = not stranger
    one.take(one.session.start())
    two.take(two.session.start())
    return one, two


def delivered(side: Side) -> list[Delta]:
    return [effect.delta for effect in side.said if isinstance(effect, DeltaDelivered)]


def write(side: Side, count: int, size_bytes: int = 10) -> None:
    assert side.stage is not None
    for number in range(count):
        side.stage.write(
            (Put("notes", b"%s %d" % (side.name.encode(), number), bytes(size_bytes)),)
        )
