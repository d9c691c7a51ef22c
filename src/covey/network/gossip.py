"""GossipSub 1.1 for one host: validated before forwarding, nothing lost quietly."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import INetStream
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.peer.id import ID
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.utils import maybe_consume_signed_record
from nacl.signing import SigningKey
from trio_typing import TaskStatus

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import PeerId, Verdict, limits
from covey.network.address import peer_id_of
from covey.network.connections import Connections
from covey.network.mesh import PROTOCOLS, MeshRouter, PeerBook
from covey.network.outbox import Outbox
from covey.network.rejects import Allowance, Rejects
from covey.network.wire import (
    RpcReader,
    SeenIds,
    is_signed_by_origin,
    message_id,
    pack,
    signed_message,
)

__all__ = ["Gossip", "Validate"]

Validate = Callable[[PeerId, bytes], Verdict]

_logger = logging.getLogger(__name__)
_REOPEN_FIRST_S = 0.1
_REOPEN_SLOWEST_S = 30.0


class Gossip:
    """The gossip service of one host.

    A message goes to every subscribed peer when published here, and along the mesh when forwarded.
    `validate` answers at once, before anything is forwarded: ACCEPT forwards, IGNORE does not,
    REJECT does not and counts against the peer that sent it. Each message is verified once.
    """

    def __init__(
        self,
        host: BasicHost,
        seed: bytes,
        connections: Connections,
        crash: Callable[[Exception], None],
    ) -> None:
        self._host = host
        self._key = SigningKey(seed)
        self._me = host.get_id().to_bytes()
        self._connections = connections
        self._crash = crash
        # A counter that starts at seconds repeats the ids of a node that sent more than one message
        # a second before it restarted, and they are dropped as known.
        self._sequence = time.time_ns()
        self._seen = SeenIds(time.monotonic)
        self._rejects: Rejects[ID] = Rejects(time.monotonic)
        self._book = PeerBook(host, self._seen)
        self._router = MeshRouter(self._book, self._send)
        self._validators: dict[str, Validate] = {}
        self._outboxes: dict[ID, Outbox] = {}
        self._serving: dict[ID, trio.CancelScope] = {}
        self._inbound: dict[ID, INetStream] = {}
        self._records: dict[ID, bytes] = {}
        self._topics_of: dict[ID, set[str]] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; ready when started."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for protocol in PROTOCOLS:
                self._host.set_stream_handler(protocol, self._on_stream)
            self._connections.watch(self._on_arrived, self._on_departed)
            nursery.start_soon(self._router.heartbeat)
            task_status.started()

    async def subscribe(self, topic: str, validate: Validate) -> None:
        """Take part in a topic."""
        assert topic not in self._validators
        self._validators[topic] = validate
        self._announce(topic, is_subscribed=True)
        await self._router.join(topic)

    async def unsubscribe(self, topic: str) -> None:
        """Leave a topic; unknown ones are ignored."""
        if self._validators.pop(topic, None) is not None:
            self._announce(topic, is_subscribed=False)
            await self._router.leave(topic)

    async def publish(self, topic: str, frame: bytes) -> None:
        """Send a frame to every subscribed peer, waiting for those with full queues.

        A peer that takes nothing for `limits.GOSSIP_STALL_S` is disconnected, which ends the wait.
        """
        assert len(frame) <= limits.GOSSIP_FRAME_BYTES_MAX
        self._sequence += 1
        message = signed_message(self._key, self._me, self._sequence, topic, frame)
        self._seen.add(message_id(message))
        self._router.mcache.put(message)
        packed = pack(rpc_pb2.RPC(publish=[message]))
        boxes = [self._outboxes[peer] for peer in self._writable(topic)]
        full = [box for box in boxes if not box.offer(packed)]
        for box in full:
            await box.put(packed)
        await trio.lowlevel.checkpoint()

    def topic_peers(self, topic: str) -> tuple[PeerId, ...]:
        """Peers that a frame published now would go to."""
        return tuple(peer_id_of(peer) for peer in self._writable(topic))

    def rejects(self, peer: ID) -> float:
        """How many frames of a peer were rejected lately."""
        return self._rejects.count(peer)

    # -- sending -----------------------------------------------------------------------------

    def _writable(self, topic: str) -> list[ID]:
        subscribed = self._book.peer_topics.get(topic, set())
        return [peer for peer in self._outboxes if peer in subscribed]

    def _send(self, peer: ID, rpc: rpc_pb2.RPC, is_control: bool) -> None:
        box = self._outboxes.get(peer)
        if box is None:
            return
        if is_control:
            box.control(pack(rpc))
        elif not box.offer(pack(rpc)):
            _logger.debug("queue full, frame not forwarded", extra={"peer": str(peer)})

    def _announce(self, topic: str, *, is_subscribed: bool) -> None:
        option = rpc_pb2.RPC.SubOpts(subscribe=is_subscribed, topicid=topic)
        packed = pack(rpc_pb2.RPC(subscriptions=[option]))
        for box in self._outboxes.values():
            box.control(packed)

    def _on_arrived(self, peer: ID) -> None:
        assert self._nursery is not None
        self._nursery.start_soon(self._serve, peer)

    def _on_departed(self, peer: ID) -> None:
        scope = self._serving.pop(peer, None)
        if scope is not None:
            scope.cancel()

    async def _serve(self, peer: ID) -> None:
        """Keep a stream towards one connected peer, until its connection ends."""
        wait_s = _REOPEN_FIRST_S
        with trio.CancelScope() as scope:
            self._serving[peer] = scope
            while self._connections.is_connected(peer):
                began = trio.current_time()
                try:
                    with trio.fail_after(limits.STREAM_OPEN_TIMEOUT_S):
                        stream = await self._host.new_stream(peer, list(PROTOCOLS))
                    await self._send_all(peer, stream)
                except (BaseLibp2pError, trio.TooSlowError) as error:
                    _logger.debug(
                        "gossip stream ended", extra={"peer": str(peer), "reason": repr(error)}
                    )
                if trio.current_time() - began > _REOPEN_SLOWEST_S:
                    wait_s = _REOPEN_FIRST_S
                await trio.sleep(wait_s)
                wait_s = min(2 * wait_s, _REOPEN_SLOWEST_S)
        if self._serving.get(peer) is scope:
            del self._serving[peer]

    async def _send_all(self, peer: ID, stream: INetStream) -> None:
        box = Outbox()
        hello = rpc_pb2.RPC(
            subscriptions=[
                rpc_pb2.RPC.SubOpts(subscribe=True, topicid=topic) for topic in self._validators
            ],
            senderRecord=env_to_send_in_RPC(self._host)[0],
        )
        box.control(pack(hello))
        self._outboxes[peer] = box
        self._book.peers.add(peer)
        self._router.add_peer(peer, stream.get_protocol())
        try:
            for topic in tuple(self._topics_of.get(peer, ())):
                await self._welcome(peer, topic)
            while True:
                packed = await box.take()
                with trio.move_on_after(limits.GOSSIP_STALL_S) as scope:
                    await stream.write(packed)
                if scope.cancelled_caught:
                    _logger.info("peer takes no gossip, dropped", extra={"peer": str(peer)})
                    await self._connections.drop(peer)
                    return
        finally:
            box.close()
            if self._outboxes.get(peer) is box:
                del self._outboxes[peer]
                self._book.peers.discard(peer)
                self._router.remove_peer(peer)
            with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()

    async def _welcome(self, peer: ID, topic: str) -> None:
        """A peer both subscribed and writable: graft it and hand over the last seconds."""
        await self._router.on_peer_subscribed(peer, topic)
        for message in self._router.recent(topic):
            self._send(peer, rpc_pb2.RPC(publish=[message]), False)

    # -- receiving ---------------------------------------------------------------------------

    async def _on_stream(self, stream: INetStream) -> None:
        peer = stream.muxed_conn.peer_id
        previous = self._inbound.get(peer)
        self._inbound[peer] = stream
        if previous is not None:
            self._forget_topics(peer)
            await previous.reset()
        reader = RpcReader(stream)
        allowance = Allowance(time.monotonic)
        try:
            while self._inbound.get(peer) is stream:
                messages = await self._on_rpc(peer, await reader.next())
                await trio.sleep(allowance.spend(messages))
        except (ProtocolViolation, DecodeError) as error:
            self._rejects.add(peer)
            _logger.info("bad gossip", extra={"peer": str(peer), "reason": repr(error)})
        except (PeerUnavailable, BaseLibp2pError) as error:
            _logger.debug("gossip ended", extra={"peer": str(peer), "reason": repr(error)})
        except Exception as error:  # noqa: BLE001
            # A crash in a validator is our own fault: the network stops with it, in order.
            self._crash(error)
        finally:
            if self._inbound.get(peer) is stream:
                del self._inbound[peer]
                self._forget_topics(peer)
            with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()

    async def _on_rpc(self, peer: ID, packed: bytes) -> int:
        rpc = rpc_pb2.RPC.FromString(packed)
        if rpc.senderRecord and self._records.get(peer) != rpc.senderRecord:
            # Verified once for each distinct record: peers of other kinds attach it to every RPC.
            if not maybe_consume_signed_record(rpc, self._host, peer):
                raise ProtocolViolation("bad-signature", "a peer's address record is not its own")
            self._records[peer] = rpc.senderRecord
        for option in rpc.subscriptions:
            await self._on_subscription(peer, option.topicid, is_subscribed=option.subscribe)
        if rpc.publish and not self._rejects.is_shunned(peer):
            for message in rpc.publish:
                self._on_message(peer, message)
        if rpc.HasField("control"):
            await self._router.handle_control(rpc.control, peer)
        return len(rpc.publish)

    async def _on_subscription(self, peer: ID, topic: str, *, is_subscribed: bool) -> None:
        theirs = self._topics_of.setdefault(peer, set())
        if not is_subscribed:
            self._forget_topic(peer, topic)
            return
        is_excessive = len(theirs) >= limits.GOSSIP_TOPICS_MAX
        if topic in theirs or is_excessive or len(topic) > limits.GOSSIP_TOPIC_BYTES_MAX:
            return
        theirs.add(topic)
        self._book.peer_topics.setdefault(topic, set()).add(peer)
        if peer in self._outboxes:
            await self._welcome(peer, topic)

    def _forget_topics(self, peer: ID) -> None:
        for topic in tuple(self._topics_of.get(peer, ())):
            self._forget_topic(peer, topic)
        self._topics_of.pop(peer, None)
        self._records.pop(peer, None)

    def _forget_topic(self, peer: ID, topic: str) -> None:
        peers = self._book.peer_topics.get(topic)
        if peers is None:
            return
        self._topics_of.get(peer, set()).discard(topic)
        peers.discard(peer)
        if not peers:
            del self._book.peer_topics[topic]
        self._router.mesh.get(topic, set()).discard(peer)

    def _on_message(self, peer: ID, message: rpc_pb2.Message) -> None:
        validate = self._validators.get(message.topicIDs[0]) if message.topicIDs else None
        identifier = message_id(message)
        if validate is None or message.from_id == self._me or self._seen.has(identifier):
            return
        is_well_formed = len(message.topicIDs) == 1 and len(message.seqno) == 8
        if not is_well_formed or not is_signed_by_origin(message):
            self._rejects.add(peer)
            return
        # Only now: an id under a bad signature must not shut out the message it was stolen from.
        self._seen.add(identifier)
        verdict = validate(peer_id_of(peer), message.data)
        if verdict is Verdict.REJECT:
            self._rejects.add(peer)
        elif verdict is Verdict.ACCEPT:
            self._forward(peer, message)

    def _forward(self, peer: ID, message: rpc_pb2.Message) -> None:
        self._router.mcache.put(message)
        targets = self._router.targets(message.topicIDs[0], (peer, ID(message.from_id)))
        if not targets:
            return
        packed = pack(rpc_pb2.RPC(publish=[message]))
        for target in targets:
            box = self._outboxes.get(target)
            if box is not None and not box.offer(packed):
                # Waiting here could deadlock two nodes that forward to each other; sync repairs.
                _logger.debug("queue full, frame not forwarded", extra={"peer": str(target)})
