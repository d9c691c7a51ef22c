"""What one simulated node has to do with its peers: streams, questions, admissions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from covey.model import Delta, DeltaId, PeerId, limits
from covey.sync import (
    AdmissionRequested,
    AskFrontiers,
    Dealt,
    DeltaReceived,
    PeerLeft,
    Sources,
    TellFrontier,
    Use,
)
from covey.sync.session import AnswerAdmission, AskAdmission, AskDeltas

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.streams import Stream

__all__ = ["Peers"]


class Peers:
    """A node's streams by peer name, from its start to its end."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._admissions: dict[int, Stream] = {}
        self._next_to_ask = 0
        self._receipts = count(1)
        self._undone: dict[int, Callable[[Use], None]] = {}
        self.streams: dict[str, Stream] = {}
        self.sources = Sources()

    def start(self) -> None:
        """Begin, with the node."""
        self._node.later(0.2, self._ask_admission)
        self._node.later(limits.SYNC_SOURCE_SILENT_S / 2, self._watch_sources)

    def joined(self, peer: str, stream: Stream) -> None:
        """A stream with a peer is open."""
        self.streams[peer] = stream

    def left(self, peer: str) -> None:
        """The stream with a peer ended."""
        if self.streams.pop(peer, None) is not None:
            self._node.take(PeerLeft(PeerId(peer)))

    def deliver(self, delta: Delta, peer: str, done: Callable[[Use], None]) -> None:
        """A delta came on a stream; done: told when it is dealt with, and what it was good for."""
        receipt = next(self._receipts)
        self._undone[receipt] = done
        self._node.take(DeltaReceived(delta, PeerId(peer), receipt=receipt))

    def dealt(self, dealt: Dealt) -> None:
        """The replica is done with a delta that came on a stream."""
        done = self._undone.pop(dealt.receipt)
        self._node.later(0.0, lambda: done(dealt.use))

    def ask(self, peer: PeerId | None, ids: tuple[DeltaId, ...]) -> None:
        """The replica wants some deltas: of this peer, or of any."""
        stream = self.streams.get(peer) if peer is not None else None
        if stream is None:
            if not self.streams:
                return
            stream = self.streams[self._node.rng.choice(sorted(self.streams))]
        stream.tell(self._node, AskDeltas(self._node.world.founding.context, ids))

    def ask_frontiers(self, asked: AskFrontiers) -> None:
        """Some peers are to stream what is missing here."""
        for peer, share in asked.due:
            stream = self.streams.get(peer)
            if stream is not None:
                self._node.world.note(self._node, f"fetch {peer} {share.index}/{share.count}")
                stream.tell(self._node, TellFrontier(asked.context, share))

    def _watch_sources(self) -> None:
        self.sources.tick(self._node.now())
        self.ask_frontiers(AskFrontiers(self._node.world.founding.context, self.sources.due()))
        self._node.later(limits.SYNC_SOURCE_SILENT_S / 2, self._watch_sources)

    def request_admission(self, event: AdmissionRequested, stream: Stream) -> None:
        """A peer's device wants to be admitted."""
        self._admissions[event.request] = stream
        self._node.take(event)

    def answer_admission(self, request: int, reason: str) -> None:
        """The replica's word on an admission."""
        stream = self._admissions.pop(request, None)
        if stream is not None:
            self._node.world.note(self._node, f"admission {request} {reason}")
            answer = AnswerAdmission(self._node.world.founding.context, reason)
            stream.tell(self._node, answer)

    def _ask_admission(self) -> None:
        """Ask one member after the other until admitted.

        Again where the admission fell with that of who gave it; where code never changes nobody
        looks for that, so that those seeds stay as they were.
        """
        node = self._node
        with node.disk.unhurt():
            is_member = node.replica.is_member(node.replica.device)
            is_removed = node.replica.is_removed
        if is_removed or (is_member and node.world.plan.code is None):
            return
        if is_member:
            node.later(limits.JOIN_ASK_S, self._ask_admission)
            return
        peers = sorted(self.streams)
        if peers:
            stream = self.streams[peers[self._next_to_ask % len(peers)]]
            self._next_to_ask += 1
            context = node.world.founding.context
            join = node.identity.join(context)
            stream.tell(node, AskAdmission(context, node.identity.certificate, join))
        node.later(limits.JOIN_ASK_S if peers else 0.5, self._ask_admission)
