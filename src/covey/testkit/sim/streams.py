"""Streams between simulated nodes: the real session machine at both ends of an ordered pipe."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

from covey.codec import KnownPeer
from covey.model import Cid, ContextId, Delta, DeviceId, PeerId, limits
from covey.sync import AdmissionRequested, Ledger, PeerCompared, Sources, Use
from covey.sync.session import (
    AdmissionAsked,
    AskFrontiers,
    BatchDue,
    BlobTold,
    Close,
    Compared,
    Consumed,
    DeltaDelivered,
    FrameArrived,
    More,
    OpenBatch,
    Pump,
    Send,
    Session,
    SessionEffect,
    SessionEvent,
    Tick,
)

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.world import World

__all__ = ["Stream", "Streams"]

_RECONNECT_S = 1.0


class _Host:
    """Implements `SessionHost` for one simulated node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def contexts(self) -> tuple[ContextId, ...]:
        return (self._node.world.founding.context,)

    def ledger(self, context: ContextId) -> Ledger | None:
        assert context == self._node.world.founding.context
        return self._node.replica.ledger

    def sources(self, context: ContextId) -> Sources:
        del context
        return self._node.peers.sources

    def blob(self, context: ContextId, cid: Cid) -> bytes | None:
        del context
        return self._node.shelf.blob(cid)

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        del context, peer
        return True

    def open_charter(self, topic: bytes, peer: PeerId) -> bytes | None:
        del topic, peer
        return None

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        del context, asker
        return ()

    def prove_device(self, context: ContextId, message: bytes) -> tuple[DeviceId, bytes] | None:
        del context
        return self._node.replica.device, self._node.identity.signer.sign(message)


class Stream:
    """One connection: two sessions and two pipes that keep their order, until it breaks."""

    def __init__(self, world: World, one: Node, other: Node, rng: random.Random) -> None:
        self._world = world
        self.is_open = True
        self.ends = {one.name: other, other.name: one}
        self.sessions = {
            node.name: Session(
                _Host(node),
                PeerId(node.name),
                PeerId(peer.name),
                rng.getrandbits(256).to_bytes(32, "big"),
            )
            for node, peer in ((one, other), (other, one))
        }
        self._sent = dict.fromkeys(self.ends, 0)
        self._arrived: dict[str, dict[int, bytes]] = {name: {} for name in self.ends}
        self._next = dict.fromkeys(self.ends, 0)
        self._more: dict[str, None] = {}
        for node in (one, other):
            node.peers.joined(self.ends[node.name].name, self)
        for node in (one, other):
            self._carry_out(node, self.sessions[node.name].start())
            self._tick(node)

    def tell(self, node: Node, event: SessionEvent) -> None:
        """Give an event to one end's session, at once: a commit may be under way in its node."""
        if self.is_open and node.is_up:
            with node.on_disk():
                self._carry_out(node, self.sessions[node.name].handle(event, node.now()))

    def channel_number(self, node: Node) -> int:
        """The number by which one end names the context; each stream carries but one."""
        assert node.name in self.ends
        return 1

    def close(self) -> None:
        """End it; both ends notice."""
        if not self.is_open:
            return
        self.is_open = False
        for name, peer in self.ends.items():
            peer.peers.left(name)
        for name, node in self.ends.items():
            if node.is_up:
                self._carry_out(node, self.sessions[name].end(node.now()))

    def write(self, node: Node, frame: bytes) -> None:
        """Send a frame from one end."""
        if not self.is_open:
            return
        peer = self.ends[node.name]
        number = self._sent[node.name]
        self._sent[node.name] += 1
        arrive = partial(self._arrive, node, number, frame)
        self._world.links.stream(node.name, peer.name, len(frame), arrive, self.close)

    def _arrive(self, source: Node, number: int, frame: bytes) -> None:
        """Datagrams overtake one another; a stream puts them in order again."""
        arrived = self._arrived[source.name]
        arrived[number] = frame
        target = self.ends[source.name]
        while self.is_open and self._next[source.name] in arrived:
            ready = arrived.pop(self._next[source.name])
            self._next[source.name] += 1
            self.tell(target, FrameArrived(ready))

    def _dealt(self, node: Node, delta: Delta, use: Use) -> None:
        """A node is done with a delta that came here."""
        self.tell(node, Consumed(self._world.founding.context, len(delta.frame), use))

    def _pump_soon(self, node: Node) -> None:
        """When all before is written; once, however often it was asked for."""

        def pump() -> None:
            self._more.pop(node.name, None)
            self.tell(node, Pump(self._world.founding.context))

        if node.name not in self._more:
            self._more[node.name] = None
            node.later(0.001, pump)

    def _tick(self, node: Node) -> None:
        def tick() -> None:
            if self.is_open:
                self.tell(node, Tick())
                self._tick(node)

        node.later(limits.SYNC_INTERVAL_S, tick)

    def _carry_out(self, node: Node, effects: list[SessionEffect]) -> None:
        peer = self.ends[node.name]
        for effect in effects:
            match effect:
                case Send(frame):
                    self._world.checks.sent(node, frame)
                    self.write(node, frame)
                case AskFrontiers():
                    node.peers.ask_frontiers(effect)
                case More():
                    self._pump_soon(node)
                case BatchDue(context):
                    node.later(0.0, partial(self.tell, node, OpenBatch(context)))
                case DeltaDelivered(_, delta):
                    node.peers.deliver(delta, peer.name, partial(self._dealt, node, delta))
                case Compared(_, frontier, state, missing):
                    node.take(PeerCompared(PeerId(peer.name), frontier, state, missing))
                case AdmissionAsked(_, certificate, join):
                    request = next(self._world.requests)
                    event = AdmissionRequested(request, certificate, join)
                    node.peers.request_admission(event, self)
                case BlobTold(_, cid, content):
                    node.shelf.told(cid, content)
                case Close(code):
                    self._world.note(node, f"close {peer.name} {code}")
                    if code:
                        self._world.checks.accused(node, PeerId(peer.name), code)
                    self._world.clock.after(0.0, self.close)
                case _:
                    pass  # nobody asks for charters or news of admissions here


class Streams:
    """Keeps a stream open between any two nodes that can reach one another."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(f"{world.plan.seed}/streams")  # noqa: S311 - as everywhere here
        self._open: dict[tuple[str, str], Stream] = {}

    def maintain(self) -> None:
        """Open what is missing, break what is cut; again and again."""
        world = self._world
        for pair in world.pairs:
            one, other = world.nodes[pair[0]], world.nodes[pair[1]]
            stream = self._open.get(pair)
            reachable = one.is_up and other.is_up and world.links.is_connected(*pair)
            if stream is not None and stream.is_open:
                if not reachable:
                    stream.close()
            elif reachable and self._rng.random() < 0.7:
                self._open[pair] = Stream(world, one, other, self._rng)
        world.clock.after(_RECONNECT_S, self.maintain)

    def close_all(self, node: Node) -> None:
        """A node is gone."""
        for stream in tuple(node.peers.streams.values()):
            stream.close()
