"""GossipSub 1.1 for one host: validated before forwarding, nothing lost quietly."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import cast

import trio
from google.protobuf.message import DecodeError
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.peer.id import ID
from libp2p.peer.peerstore import env_to_send_in_RPC
from libp2p.pubsub.gossipsub import PROTOCOL_ID, PROTOCOL_ID_V11
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.utils import maybe_consume_signed_record
from trio_typing import TaskStatus

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import PeerId, limits
from covey.network.address import peer_id_of
from covey.network.connections import Connections
from covey.network.control import Controls
from covey.network.mesh import Mesh
from covey.network.muxed_stream import MuxedStream
from covey.network.outbox import Outbox
from covey.network.pull import Pull
from covey.network.quota import Pace
from covey.network.receiving import Receiving, Validate
from covey.network.recent import RecentMessages, SeenIds
from covey.network.rules import TopicRules
from covey.network.scores import Misdeed, Scores
from covey.network.wire import RpcReader, Sealer, pack, pack_control

__all__ = ["Gossip", "Validate"]

_logger = logging.getLogger(__name__)
# 1.2 would add an IDONTWANT for every message, at twice the CPU of the message itself.
_PROTOCOLS: tuple[TProtocol, ...] = (PROTOCOL_ID_V11, PROTOCOL_ID)
_HEARTBEAT_S = 1.0
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
        self._connections = connections
        self._crash = crash
        me = host.get_id().to_bytes()
        # A counter that starts at seconds repeats the ids of a node that sent more than one message
        # a second before it restarted, and they are dropped as known.
        self._sealer = Sealer(seed, me, time.time_ns())
        rng = random.Random()  # noqa: S311
        self._scores: Scores[ID] = Scores(time.monotonic)
        self._seen = SeenIds(time.monotonic)
        self._recent = RecentMessages()
        self._mesh = Mesh(self._scores, self._recent, rng)
        self._pull = Pull(self._recent, self._seen, self._scores, rng)
        self._receiving = Receiving(
            me=me,
            mesh=self._mesh,
            pull=self._pull,
            recent=self._recent,
            seen=self._seen,
            scores=self._scores,
            clock=time.monotonic,
            send=self._send,
            tell=self._tell,
            is_own_record=self._is_own_record,
        )
        self._outboxes: dict[ID, Outbox] = {}
        self._serving: dict[ID, trio.CancelScope] = {}
        self._inbound: dict[ID, INetStream] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; ready when started."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for protocol in _PROTOCOLS:
                self._host.set_stream_handler(protocol, self._on_stream)
            self._connections.watch(self._on_arrived, self._on_departed)
            nursery.start_soon(self._heartbeat)
            task_status.started()

    async def subscribe(self, topic: str, validate: Validate) -> None:
        """Take part in a topic."""
        assert topic not in self._receiving.validators
        self._receiving.validators[topic] = validate
        self._announce(topic, is_subscribed=True)
        self._tell(self._mesh.join(topic, time.monotonic()))
        await trio.lowlevel.checkpoint()

    async def unsubscribe(self, topic: str) -> None:
        """Leave a topic; unknown ones are ignored."""
        if self._receiving.validators.pop(topic, None) is not None:
            self._announce(topic, is_subscribed=False)
            self._tell(self._mesh.leave(topic, time.monotonic()))
            self._pull.forgive()
        await trio.lowlevel.checkpoint()

    def shape(self, topic: str, rules: TopicRules) -> None:
        """Take part in a topic by other rules, at once; before `subscribe` too."""
        before = self._mesh.rules(topic)
        told = self._mesh.shape(topic, rules, time.monotonic())
        for peer in tuple(self._outboxes) if topic in self._receiving.validators else ():
            if rules.admits(peer) != before.admits(peer):
                self._outboxes[peer].control(_subscription(topic, rules.admits(peer)))
                self._receiving.welcome(peer, topic)
        self._tell(told)

    async def publish(self, topic: str, frame: bytes) -> None:
        """Send a frame to every subscribed peer, waiting for those with full queues.

        A peer that takes nothing for `limits.GOSSIP_STALL_S` is disconnected, which ends the wait.
        """
        assert len(frame) <= limits.GOSSIP_FRAME_BYTES_MAX
        identifier, packed = self._sealer.seal(topic, frame)
        self._seen.add(identifier)
        self._recent.put(identifier, topic, packed)
        boxes = [self._outboxes[peer] for peer in self._takers(topic)]
        full = [box for box in boxes if not box.offer(packed)]
        for box in full:
            await box.put(packed)
        await trio.lowlevel.checkpoint()

    def topic_peers(self, topic: str) -> tuple[PeerId, ...]:
        """Peers that a frame published now would go to."""
        return tuple(peer_id_of(peer) for peer in self._takers(topic))

    def score(self, peer: ID) -> float:
        """Zero for a peer that nothing is held against, below it for others."""
        return self._scores.score(peer)

    def blame(self, peer: ID, misdeed: Misdeed) -> None:
        """Hold something against a peer that was not said in gossip."""
        self._scores.add(peer, misdeed)
        self._part_if_banned(peer)

    # -- sending -----------------------------------------------------------------------------

    def _takers(self, topic: str) -> list[ID]:
        return [peer for peer in self._mesh.subscribers(topic) if self._scores.is_read(peer)]

    def _send(self, peer: ID, packed: bytes) -> None:
        box = self._outboxes.get(peer)
        if box is not None and not box.offer(packed):
            # Waiting here could deadlock two nodes that forward to each other; sync repairs.
            _logger.debug("queue full, frame not forwarded", extra={"peer": str(peer)})

    def _tell(self, told: Controls) -> None:
        for peer, control in told:
            box = self._outboxes.get(peer)
            if box is not None:
                for packed in pack_control(control):
                    box.control(packed)

    def _announce(self, topic: str, *, is_subscribed: bool) -> None:
        """Tell those that are admitted; to others this node takes no part."""
        rules = self._mesh.rules(topic)
        for peer, box in self._outboxes.items():
            if rules.admits(peer):
                box.control(_subscription(topic, is_subscribed))

    async def _heartbeat(self) -> None:
        while True:
            await trio.sleep(_HEARTBEAT_S)
            now_s = time.monotonic()
            self._pull.heartbeat(now_s)
            self._tell(self._mesh.heartbeat(now_s))
            self._recent.shift()
            self._receiving.heartbeat()
            for peer in self._connections.peers():
                self._part_if_banned(peer)

    # -- peers that come and go --------------------------------------------------------------

    def _on_arrived(self, peer: ID) -> None:
        assert self._nursery is not None
        if not self._part_if_banned(peer):
            self._nursery.start_soon(self._serve, peer)

    def _on_departed(self, peer: ID) -> None:
        self._pull.remove_peer(peer)
        scope = self._serving.pop(peer, None)
        if scope is not None:
            scope.cancel()

    def _part_if_banned(self, peer: ID) -> bool:
        if not self._scores.is_banned(peer):
            return False
        assert self._nursery is not None
        _logger.info("peer is refused for a while", extra={"peer": str(peer)})
        self._nursery.start_soon(self._connections.drop, peer)
        return True

    async def _serve(self, peer: ID) -> None:
        """Keep a stream towards one connected peer, until its connection ends."""
        wait_s = _REOPEN_FIRST_S
        with trio.CancelScope() as scope:
            self._serving[peer] = scope
            while self._connections.is_connected(peer):
                began = trio.current_time()
                try:
                    with trio.fail_after(limits.STREAM_OPEN_TIMEOUT_S):
                        stream = await self._host.new_stream(peer, list(_PROTOCOLS))
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
        muxed = cast("MuxedStream", stream.muxed_stream)  # type: ignore[attr-defined]
        box = Outbox(muxed.write_now)
        hello = rpc_pb2.RPC(
            subscriptions=[
                rpc_pb2.RPC.SubOpts(subscribe=True, topicid=topic)
                for topic in self._receiving.validators
                if self._mesh.rules(topic).admits(peer)
            ],
            senderRecord=env_to_send_in_RPC(self._host)[0],
        )
        box.control(pack(hello))
        self._outboxes[peer] = box
        self._mesh.add_peer(peer)
        try:
            for topic in self._mesh.topics(peer):
                self._receiving.welcome(peer, topic)
            while True:
                packed = await box.take()
                with trio.move_on_after(limits.GOSSIP_STALL_S) as scope:
                    await muxed.write(packed)
                if scope.cancelled_caught:
                    _logger.info("peer takes no gossip, dropped", extra={"peer": str(peer)})
                    await self._connections.drop(peer)
                    return
        finally:
            box.close()
            if self._outboxes.get(peer) is box:
                del self._outboxes[peer]
                self._mesh.remove_peer(peer)
            with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()

    # -- receiving ---------------------------------------------------------------------------

    async def _on_stream(self, stream: INetStream) -> None:
        peer = stream.muxed_conn.peer_id
        previous = self._inbound.get(peer)
        self._inbound[peer] = stream
        if previous is not None:
            self._receiving.forget(peer)
            await previous.reset()
        # py-libp2p's own stream takes a lock twice for every read.
        reader = RpcReader(stream.muxed_stream)  # type: ignore[attr-defined]
        pace = Pace(time.monotonic)

        def goes_on() -> bool:
            is_current = self._inbound.get(peer) is stream
            return is_current and self._connections.is_connected(peer)

        try:
            while self._inbound.get(peer) is stream and not self._scores.is_banned(peer):
                packed = await reader.next()
                messages = await self._receiving.on_rpc(peer, packed, goes_on)
                wait_s = pace.spend(messages)
                if wait_s:
                    await trio.sleep(wait_s)
        except (ProtocolViolation, DecodeError) as error:
            self._scores.add(peer, Misdeed.MALFORMED_RPC)
            _logger.info("bad gossip", extra={"peer": str(peer), "reason": repr(error)})
        except (PeerUnavailable, BaseLibp2pError) as error:
            _logger.debug("gossip ended", extra={"peer": str(peer), "reason": repr(error)})
        except Exception as error:  # noqa: BLE001
            # A crash in a validator is our own fault: the network stops with it, in order.
            self._crash(error)
        finally:
            if self._inbound.get(peer) is stream:
                del self._inbound[peer]
                self._receiving.forget(peer)
            self._part_if_banned(peer)
            with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()

    def _is_own_record(self, peer: ID, rpc: rpc_pb2.RPC) -> bool:
        return bool(maybe_consume_signed_record(rpc, self._host, peer))


def _subscription(topic: str, is_subscribed: bool) -> bytes:
    option = rpc_pb2.RPC.SubOpts(subscribe=is_subscribed, topicid=topic)
    return pack(rpc_pb2.RPC(subscriptions=[option]))
