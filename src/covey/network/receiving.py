"""What a peer's RPC does here: what it says is noted, its messages are judged and passed on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from itertools import chain, islice

import trio
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2

from covey.errors import ProtocolViolation
from covey.model import PeerId, Verdict, limits
from covey.network.address import peer_id_of
from covey.network.control import Controls
from covey.network.mesh import Mesh
from covey.network.pull import Pull
from covey.network.quota import Quota, WorkTable
from covey.network.recent import RecentMessages, SeenIds
from covey.network.scores import Misdeed, Scores
from covey.network.wire import has_known_key, message_id, opened

__all__ = ["Receiving", "Validate"]

Validate = Callable[[PeerId, bytes], Verdict]


class Receiving:
    """Acts on RPCs, one at a time.

    validators: of this node's topics. send: queues a packed message for a peer, and drops it where
    too many wait. tell: sends control. is_own_record: verifies a peer's address record. worked:
    seconds that this thread has worked.
    """

    def __init__(
        self,
        *,
        me: bytes,
        mesh: Mesh,
        pull: Pull,
        recent: RecentMessages,
        seen: SeenIds,
        scores: Scores[ID],
        clock: Callable[[], float],
        send: Callable[[ID, bytes], None],
        tell: Callable[[Controls], None],
        is_own_record: Callable[[ID, rpc_pb2.RPC], bool],
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self.validators: dict[str, Validate] = {}
        self._me = me
        self._mesh = mesh
        self._pull = pull
        self._recent = recent
        self._seen = seen
        self._scores = scores
        self._clock = clock
        self._send = send
        self._tell = tell
        self._is_own_record = is_own_record
        self._records: dict[ID, bytes] = {}
        self._quotas: dict[ID, Quota] = {}
        self._worked = worked
        self._works: WorkTable[ID] = WorkTable(clock)

    async def on_rpc(
        self, peer: ID, packed: bytes, goes_on: Callable[[], bool] = lambda: True
    ) -> int:
        """Act on one RPC; returns how many messages it counts for, at least one.

        goes_on: asked after a wait; the rest is dropped where the peer or its stream is gone.
        Raises ProtocolViolation and DecodeError, and what a validator raises.
        """
        rpc = rpc_pb2.RPC.FromString(packed)
        if len(rpc.publish) > limits.GOSSIP_RPC_MESSAGES_MAX:
            raise ProtocolViolation("oversized", "a gossip RPC has more messages than fit into one")
        if rpc.senderRecord:
            self._on_record(peer, rpc)
        if rpc.subscriptions or rpc.HasField("control"):
            self._on_control(peer, rpc)
        for message in rpc.publish:
            if not self._scores.is_read(peer):
                self._scores.add(peer, Misdeed.UNREAD)
                break
            if not await self._work_on(peer, message, goes_on):
                break
        return max(1, len(rpc.publish))

    async def _work_on(
        self, peer: ID, message: rpc_pb2.Message, goes_on: Callable[[], bool]
    ) -> bool:
        """Judge a message, then let others have their turn; whether there may be a next one."""
        began_s = self._worked()
        is_fruitless = self.on_message(peer, message)
        taken_s = self._worked() - began_s
        work = self._works.of(peer)
        wait_s = work.spend(taken_s) if is_fruitless else 0.0
        if work.is_turn_over(taken_s) or wait_s:
            await trio.sleep(wait_s)
            return goes_on()
        return True

    def on_message(self, peer: ID, message: rpc_pb2.Message) -> bool:
        """Judge one message: verified once, then shown to the topic's validator once.

        Returns whether it cost a verification and was not accepted.
        """
        validate = self.validators.get(message.topicIDs[0]) if message.topicIDs else None
        if validate is None or message.from_id == self._me:
            return False
        rules = self._mesh.rules(message.topicIDs[0])
        if not rules.admits(peer):
            return False
        identifier = message_id(message)
        if self._seen.has(identifier) or not has_known_key(message):
            return False
        frame = message.data
        packed = opened(message, frame)
        if packed is None:
            self._scores.add(peer, Misdeed.FORGED_SIGNATURE)
            return True
        # Only now: an id under a bad signature must not shut out the message it was stolen from.
        self._seen.add(identifier)
        self._pull.on_delivered(identifier)
        origin = ID(message.from_id)
        if origin in rules.denied:
            return True  # Only now: whoever offered it has kept the promise.
        verdict = validate(peer_id_of(peer), frame)
        if verdict is Verdict.REJECT:
            self._scores.add(peer, Misdeed.REJECTED_FRAME)
        elif verdict is Verdict.ACCEPT:
            topic = message.topicIDs[0]
            self._recent.put(identifier, topic, packed)
            for target in self._mesh.meshed(topic):
                if target not in (peer, origin):
                    self._send(target, packed)
        return verdict is not Verdict.ACCEPT

    def welcome(self, peer: ID, topic: str) -> None:
        """A peer both subscribed and writable: graft it and hand over the last seconds."""
        is_welcome = self._mesh.is_joined(topic) and self._mesh.rules(topic).admits(peer)
        if is_welcome and self._scores.is_read(peer):
            self._tell(self._mesh.welcome(peer, topic, self._clock()))
            for packed in self._pull.history(peer, topic, self._quota(peer)):
                self._send(peer, packed)

    def heartbeat(self) -> None:
        """Every peer may ask and offer anew."""
        self._quotas.clear()

    def forget(self, peer: ID) -> None:
        """The peer's stream is gone: so is what it said on it. What is held against it stays."""
        self._mesh.unsubscribe_all(peer)
        self._records.pop(peer, None)

    def _on_record(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        # Verified once for each distinct record: peers of other kinds attach it to every RPC.
        digest = sha256(rpc.senderRecord).digest()
        if self._records.get(peer) == digest or not self._quota(peer).takes_record():
            return
        if not self._is_own_record(peer, rpc):
            raise ProtocolViolation("bad-signature", "a peer's address record is not its own")
        self._records[peer] = digest

    def _on_control(self, peer: ID, rpc: rpc_pb2.RPC) -> None:
        control, quota = rpc.control, self._quota(peer)
        parts = (rpc.subscriptions, control.graft, control.prune, control.ihave, control.iwant)
        if not quota.takes_controls(sum(len(part) for part in parts)):
            self._scores.add(peer, Misdeed.CONTROL_FLOOD)
            return
        for option in rpc.subscriptions:
            topic: object = option.topicid
            if not isinstance(topic, str):
                continue  # No text: protobuf hands such a name over as bytes.
            if not option.subscribe:
                self._mesh.unsubscribe(peer, topic)
            elif self._mesh.subscribe(peer, topic):
                self.welcome(peer, topic)
        if self._scores.is_read(peer):
            self._on_offers(peer, control, quota)
            self._on_mesh(peer, control)

    def _on_offers(self, peer: ID, control: rpc_pb2.ControlMessage, quota: Quota) -> None:
        if control.ihave:
            if not quota.takes_offer():
                self._scores.add(peer, Misdeed.CONTROL_FLOOD)
                return
            offers = [each for each in control.ihave if self._takes(peer, each.topicID)]
            identifiers = chain.from_iterable(each.messageIDs for each in offers)
            offered = islice(identifiers, limits.GOSSIP_IDS_MAX)
            wanted = self._pull.on_offered(peer, offered, quota, self._clock())
            if wanted:
                told = Controls()
                told.to(peer).iwant += wanted
                self._tell(told)
        asked = islice(
            chain.from_iterable(each.messageIDs for each in control.iwant), limits.GOSSIP_IDS_MAX
        )
        for packed in self._pull.on_wanted(peer, asked, quota, partial(self._takes, peer)):
            self._send(peer, packed)

    def _takes(self, peer: ID, topic: str) -> bool:
        """Messages of the topic go from and to this peer."""
        return self._mesh.is_joined(topic) and self._mesh.rules(topic).admits(peer)

    def _on_mesh(self, peer: ID, control: rpc_pb2.ControlMessage) -> None:
        now_s = self._clock()
        for graft in control.graft:
            self._tell(self._mesh.on_grafted(peer, graft.topicID, now_s))
        for prune in control.prune:
            self._mesh.on_pruned(peer, prune.topicID, prune.backoff, now_s)

    def _quota(self, peer: ID) -> Quota:
        return self._quotas.setdefault(peer, Quota())
