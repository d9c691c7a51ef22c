"""GossipSub's mesh: py-libp2p's maintenance of it, with its waste and its traps removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import cast

from libp2p.abc import IHost
from libp2p.custom_types import TProtocol
from libp2p.peer.id import ID
from libp2p.pubsub.gossipsub import PROTOCOL_ID, PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.mcache import MessageCache
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.pubsub import Pubsub

from covey.model import limits
from covey.network.wire import SeenIds, message_id

__all__ = ["PROTOCOLS", "MeshRouter", "PeerBook"]

# 1.2 would add an IDONTWANT for every message, at twice the CPU of the message itself.
PROTOCOLS: tuple[TProtocol, ...] = (PROTOCOL_ID_V11, PROTOCOL_ID)
_DEGREE, _DEGREE_LOW, _DEGREE_HIGH = 8, 6, 12
_HEARTBEAT_S = 1


@dataclass(slots=True)
class PeerBook:
    """What the mesh asks of its surroundings: peers that can be written to, topics, seen ids."""

    host: IHost
    seen_messages: SeenIds
    peers: set[ID] = field(default_factory=set)
    peer_topics: dict[str, set[ID]] = field(default_factory=dict)

    def get_message_id(self, message: rpc_pb2.Message) -> bytes:
        """The default id."""
        return message_id(message)


class _BoundedCache(MessageCache):
    """Messages of the last heartbeats, for peers that ask; beyond the bound none are added."""

    def __init__(self) -> None:
        super().__init__(window_size=3, history_size=5)
        self._size_bytes = 0

    def put(self, msg: rpc_pb2.Message) -> None:
        size = len(msg.data)
        if self._size_bytes + size <= limits.GOSSIP_CACHE_BYTES_MAX:
            self._size_bytes += size
            super().put(msg)

    def shift(self) -> None:
        super().shift()
        self._size_bytes = sum(len(msg.data) for msg in self.msgs.values())


class MeshRouter(GossipSub):
    """Grafts, prunes and gossips as py-libp2p does; sends through `send(peer, rpc, is_control)`.

    No adaptive gossip (it forces a heartbeat of a minute), no spam limit (it silently drops beyond
    10 messages a second, this node's own too), no scores that nobody set, no signed address record
    in every RPC, no peer exchange.
    """

    def __init__(self, book: PeerBook, send: Callable[[ID, rpc_pb2.RPC, bool], None]) -> None:
        super().__init__(
            protocols=PROTOCOLS,
            degree=_DEGREE,
            degree_low=_DEGREE_LOW,
            degree_high=_DEGREE_HIGH,
            heartbeat_interval=_HEARTBEAT_S,
            adaptive_gossip_enabled=False,
            spam_protection_enabled=False,
            eclipse_protection_enabled=False,
        )
        self.scorer = None
        self.mcache = _BoundedCache()
        self.graft_flood_threshold = 1.0
        self._book = book
        self._send = send
        self.attach(cast("Pubsub", book))

    def targets(self, topic: str, exclude: Iterable[ID]) -> list[ID]:
        """Mesh peers that a message is forwarded to."""
        excluded = set(exclude)
        return [peer for peer in self.mesh.get(topic, ()) if peer not in excluded]

    def recent(self, topic: str) -> list[rpc_pb2.Message]:
        """Messages of the last seconds, for a peer that just subscribed."""
        found = (self.mcache.get(identifier) for identifier in self.mcache.window(topic))
        return [message for message in found if message is not None]

    async def handle_control(self, control: rpc_pb2.ControlMessage, peer: ID) -> None:
        """Act on a peer's control message; topics unknown here leave no trace in memory."""
        for ihave in control.ihave:
            if ihave.topicID in self.mesh:
                del ihave.messageIDs[limits.GOSSIP_IDS_MAX :]
                await self.handle_ihave(ihave, peer)
        for iwant in control.iwant:
            del iwant.messageIDs[limits.GOSSIP_IDS_MAX :]
            await self.handle_iwant(iwant, peer)
        for graft in control.graft:
            if graft.topicID in self.mesh:
                await self.handle_graft(graft, peer)
            else:
                await self.emit_prune(graft.topicID, peer, False, False)
        for prune in control.prune:
            if prune.topicID in self.mesh:
                await self.handle_prune(prune, peer)

    async def handle_iwant(self, iwant_msg: rpc_pb2.ControlIWant, sender_peer_id: ID) -> None:
        """Answer with one RPC a message: one for all of them may exceed what a peer accepts."""
        if not self._check_iwant_rate_limit(sender_peer_id):
            return
        for identifier in iwant_msg.messageIDs:
            message = self.mcache.get(identifier)
            if message is not None:
                self._send(sender_peer_id, rpc_pb2.RPC(publish=[message]), False)

    async def emit_control_message(self, control_msg: rpc_pb2.ControlMessage, to_peer: ID) -> None:
        """Send control alone: py-libp2p attaches the node's signed addresses to each."""
        self._send(to_peer, rpc_pb2.RPC(control=control_msg), True)

    async def _emit_control_msgs(
        self,
        peers_to_graft: dict[ID, list[str]],
        peers_to_prune: dict[ID, list[str]],
        peers_to_gossip: dict[ID, dict[str, list[bytes]]],
    ) -> None:
        """One control message a peer; py-libp2p's grafts every peer into the others' topics."""
        peers = dict.fromkeys((*peers_to_graft, *peers_to_prune, *peers_to_gossip))
        for peer in peers:
            control = self.pack_control_msgs(
                [
                    rpc_pb2.ControlIHave(topicID=topic, messageIDs=ids[-limits.GOSSIP_IDS_MAX :])
                    for topic, ids in peers_to_gossip.get(peer, {}).items()
                ],
                [rpc_pb2.ControlGraft(topicID=topic) for topic in peers_to_graft.get(peer, ())],
                [
                    rpc_pb2.ControlPrune(topicID=topic, backoff=self.prune_back_off)
                    for topic in peers_to_prune.get(peer, ())
                ],
            )
            await self.emit_control_message(control, peer)

    async def _do_px(self, px_peers: list[rpc_pb2.PeerInfo]) -> None:
        """Never dial what a stranger names: discovery goes through the DHT."""
