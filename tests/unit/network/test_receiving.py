"""What an RPC does here, and what it costs the peer that sent it."""

from __future__ import annotations

import itertools
import random

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2

from covey.errors import ProtocolViolation
from covey.model import Verdict, limits
from covey.network.mesh import Mesh
from covey.network.pull import Pull
from covey.network.receiving import Receiving
from covey.network.recent import RecentMessages, SeenIds
from covey.network.rules import TopicRules
from covey.network.scores import Misdeed, Scores
from covey.network.wire import Sealer

TOPIC = "t"


def _identity(number: int) -> ID:
    return ID.from_pubkey(create_new_key_pair(bytes([number]) * 32).public_key)


ME, BOB, CAROL, EVE = (_identity(number) for number in range(1, 5))


def _sealer(number: int) -> Sealer:
    return Sealer(bytes([number]) * 32, _identity(number).to_bytes(), 1)


def _message(sealer: Sealer, frame: bytes = b"frame", topic: str = TOPIC):
    _, packed = sealer.seal(topic, frame)
    start = next(index for index, byte in enumerate(packed) if byte < 0x80) + 1
    return rpc_pb2.RPC.FromString(packed[start:]).publish[0]


class _Node:
    """A receiving node whose peers are BOB, CAROL and EVE, all in the mesh of its one topic."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.sent: list[tuple[ID, bytes]] = []
        self.told: list[tuple[ID, object]] = []
        self.frames: list[bytes] = []
        self.verdict = Verdict.ACCEPT
        self.worked_s = 0.0
        self.message_s = 0.0
        self.verified_records = 0
        self.is_own_record = True
        self.scores: Scores[ID] = Scores(clock)
        self.recent, seen = RecentMessages(), SeenIds(clock)
        rng = random.Random(1)
        self.mesh = Mesh(self.scores, self.recent, rng)
        self.receiving = Receiving(
            me=ME.to_bytes(),
            mesh=self.mesh,
            pull=Pull(self.recent, seen, self.scores, rng),
            recent=self.recent,
            seen=seen,
            scores=self.scores,
            clock=clock,
            send=lambda peer, packed: self.sent.append((peer, packed)),
            tell=self.told.extend,
            is_own_record=self._verify,
            worked=lambda: self.worked_s,
        )
        self.receiving.validators[TOPIC] = self._validate
        self.mesh.join(TOPIC, clock())
        for peer in (BOB, CAROL, EVE):
            self.mesh.add_peer(peer)
            self.mesh.subscribe(peer, TOPIC)
            self.mesh.on_grafted(peer, TOPIC, clock())

    async def hear(self, peer: ID, **parts: object) -> int:
        return await self.receiving.on_rpc(peer, rpc_pb2.RPC(**parts).SerializeToString())

    def _validate(self, peer, frame: bytes) -> Verdict:
        self.frames.append(frame)
        self.worked_s += self.message_s
        return self.verdict

    def _verify(self, peer: ID, rpc: rpc_pb2.RPC) -> bool:
        self.verified_records += 1
        return self.is_own_record


@pytest.fixture
def node(clock):
    return _Node(clock)


def _control(**parts: object) -> dict[str, object]:
    return {"control": rpc_pb2.ControlMessage(**parts)}


@pytest.mark.trio
async def test_accepted_message_goes_to_the_others_in_the_mesh(node):
    """Not to whom it came from, nor to whom it is from."""
    message = _message(_sealer(2))
    assert await node.hear(EVE, publish=[message]) == 1
    assert node.frames == [b"frame"]
    assert [peer for peer, _ in node.sent] == [CAROL]
    assert rpc_pb2.RPC.FromString(node.sent[0][1][2:]).publish == [message]


@pytest.mark.trio
async def test_message_seen_before_costs_no_verification(node, monkeypatch):
    """With a mesh of eight each message comes up to eight times."""
    message = _message(_sealer(2))
    await node.hear(BOB, publish=[message, message])
    from covey.network import receiving

    monkeypatch.setattr(receiving, "opened", None)
    await node.hear(CAROL, publish=[message])
    assert node.frames == [b"frame"]


@pytest.mark.trio
@pytest.mark.parametrize(
    ("verdict", "score"),
    [
        (Verdict.ACCEPT, 0),
        (Verdict.IGNORE, 0),
        (Verdict.REJECT, -Misdeed.REJECTED_FRAME.weight),
    ],
)
async def test_only_a_reject_costs_the_peer(node, verdict, score):
    """Who passes on what is inadmissible only among members could not know it."""
    node.verdict = verdict
    await node.hear(EVE, publish=[_message(_sealer(2))])
    assert node.scores.score(EVE) == score
    assert bool(node.sent) is (verdict is Verdict.ACCEPT)
    assert node.scores.score(BOB) == 0  # It came by EVE: its author is not blamed.


@pytest.mark.trio
async def test_thousand_ignored_frames_cost_a_peer_nothing(node):
    """A newcomer's mesh may be behind for as long as it likes."""
    node.verdict = Verdict.IGNORE
    sealer = _sealer(2)
    for number in range(1000):
        await node.hear(EVE, publish=[_message(sealer, b"%d" % number)])
    assert node.scores.score(EVE) == 0
    assert node.mesh.meshed(TOPIC) == (BOB, CAROL, EVE)


@pytest.mark.trio
async def test_forged_signature_costs_the_peer_and_shuts_nobody_out(node):
    """An id is remembered only under a good signature, or anybody could suppress anybody."""
    genuine, forged = _message(_sealer(2)), _message(_sealer(2))
    forged.data = b"forged"
    await node.hear(EVE, publish=[forged])
    assert node.scores.score(EVE) == -Misdeed.FORGED_SIGNATURE.weight
    await node.hear(CAROL, publish=[genuine])
    assert node.frames == [b"frame"]


@pytest.mark.trio
async def test_what_is_not_for_this_node_costs_nobody(node):
    """Other topics, own messages that come back, keys of another kind."""
    other_key = _message(_sealer(2))
    other_key.from_id = b"\x12\x20" + bytes(32)
    for message in (_message(_sealer(2), topic="other"), _message(_sealer(1)), other_key):
        await node.hear(EVE, publish=[message])
    await node.hear(EVE, publish=[rpc_pb2.Message()])
    assert node.frames == []
    assert node.scores.score(EVE) == 0


@pytest.mark.trio
async def test_many_forgeries_in_one_rpc_are_not_all_verified(node):
    """One megabyte of them would take half a second."""
    sealer = _sealer(2)
    forged = [_message(sealer, b"%d" % number) for number in range(200)]
    for message in forged:
        message.signature = bytes(64)
    await node.hear(EVE, publish=forged)
    most = limits.GOSSIP_REJECTS_MAX + Misdeed.FORGED_SIGNATURE.weight + Misdeed.UNREAD.weight
    assert -most <= node.scores.score(EVE) < -limits.GOSSIP_REJECTS_MAX


@pytest.mark.trio
async def test_peer_that_is_not_read_and_goes_on_is_banned_in_the_end(node):
    """Nothing that it says has an effect any more."""
    while node.scores.is_read(EVE):
        node.scores.add(EVE, Misdeed.REJECTED_FRAME)
    sealer = _sealer(4)
    count = 0
    while not node.scores.is_banned(EVE):
        await node.hear(EVE, publish=[_message(sealer)], **_control(graft=[{"topicID": TOPIC}]))
        count += 1
    assert 50 < count < 100
    assert node.frames == []
    assert node.told == []


@pytest.mark.trio
async def test_more_messages_than_fit_are_malformed(node, monkeypatch):
    """Half a million empty ones fit into a megabyte."""
    monkeypatch.setattr(limits, "GOSSIP_RPC_MESSAGES_MAX", 10)
    with pytest.raises(ProtocolViolation):
        await node.hear(EVE, publish=[rpc_pb2.Message()] * 11)
    assert await node.hear(EVE, publish=[rpc_pb2.Message()] * 10) == 10
    assert await node.hear(EVE) == 1


@pytest.mark.trio
async def test_record_is_verified_once_for_each_distinct_one(node):
    """py-libp2p and others attach it to every RPC; verifying it costs more than the message."""
    for _ in range(5):
        await node.hear(BOB, senderRecord=b"record")
    assert node.verified_records == 1
    for number in range(5):
        await node.hear(EVE, senderRecord=b"%d" % number)
    assert node.verified_records == 1 + limits.GOSSIP_RECORDS_MAX
    node.is_own_record = False
    with pytest.raises(ProtocolViolation):
        await node.hear(CAROL, senderRecord=b"another's")


@pytest.mark.trio
async def test_offer_is_asked_for_within_bounds(node, monkeypatch):
    """A flood of offers is ignored and costs the peer; topics unknown here bring nothing."""
    monkeypatch.setattr(limits, "GOSSIP_OFFERS_MAX", 2)
    for number in range(4):
        ids = [number.to_bytes(46, "big")]
        await node.hear(EVE, **_control(ihave=[{"topicID": TOPIC, "messageIDs": ids}]))
    asked = [identifier for _, control in node.told for identifier in control.iwant]
    assert asked == [number.to_bytes(46, "big") for number in range(2)]
    assert node.scores.score(EVE) == -2 * Misdeed.CONTROL_FLOOD.weight
    node.told.clear()
    await node.hear(BOB, **_control(ihave=[{"topicID": "other", "messageIDs": [bytes(46)]}]))
    assert node.told == []
    node.receiving.heartbeat()
    ids = [bytes([9]) * 46]
    await node.hear(EVE, **_control(ihave=[{"topicID": TOPIC, "messageIDs": ids}]))
    assert len(node.told) == 1


@pytest.mark.trio
async def test_want_is_answered_within_bounds(node, monkeypatch):
    """Also over many RPCs, until the next heartbeat."""
    monkeypatch.setattr(limits, "GOSSIP_ANSWERS_MAX", 2)
    ids = [bytes([number]) for number in range(5)]
    for identifier in ids:
        node.recent.put(identifier, TOPIC, b"packed")
    for identifier in ids:
        await node.hear(EVE, **_control(iwant=[{"messageIDs": [identifier]}]))
    assert node.sent == [(EVE, b"packed")] * 2
    node.receiving.heartbeat()
    await node.hear(EVE, **_control(iwant=[{"messageIDs": ids[3:]}]))
    assert node.sent == [(EVE, b"packed")] * 4


@pytest.mark.trio
async def test_flood_of_control_is_ignored_and_costs_the_peer(node, monkeypatch):
    """Subscribing and leaving without end would cost this node more than the peer."""
    monkeypatch.setattr(limits, "GOSSIP_CONTROLS_MAX", 10)
    options = [{"subscribe": number % 2 == 0, "topicid": "a"} for number in range(11)]
    await node.hear(EVE, subscriptions=options)
    assert node.mesh.topics(EVE) == (TOPIC,)
    assert node.scores.score(EVE) == -Misdeed.CONTROL_FLOOD.weight
    await node.hear(EVE, **_control(prune=[{"topicID": TOPIC}]))
    assert EVE in node.mesh.meshed(TOPIC)
    node.receiving.heartbeat()
    await node.hear(EVE, **_control(prune=[{"topicID": TOPIC, "backoff": 60}]))
    assert EVE not in node.mesh.meshed(TOPIC)


@pytest.mark.trio
async def test_subscriber_is_grafted_and_gets_the_last_seconds_once(node):
    """Subscribing again brings nothing again."""
    node.recent.put(b"id", TOPIC, b"packed")
    for _ in range(3):
        await node.hear(BOB, subscriptions=[{"subscribe": False, "topicid": TOPIC}])
        await node.hear(BOB, subscriptions=[{"subscribe": True, "topicid": TOPIC}])
    assert node.sent == [(BOB, b"packed")]
    assert BOB in node.mesh.meshed(TOPIC)


@pytest.mark.trio
async def test_names_that_are_no_text_are_nobodys_topic(node):
    """Protobuf hands them over as bytes, which a table of texts must not take."""
    raw = bytes.fromhex("0a0608011202fffe12042202fffe")
    assert await node.receiving.on_rpc(EVE, raw) == 1
    assert node.mesh.topics(EVE) == (TOPIC,)


@pytest.mark.trio
async def test_what_was_said_on_a_stream_ends_with_it(node):
    """But not what is held against the peer."""
    node.scores.add(EVE, Misdeed.REJECTED_FRAME)
    await node.hear(EVE, senderRecord=b"record")
    node.receiving.forget(EVE)
    assert node.mesh.topics(EVE) == ()
    assert node.receiving._records == {}
    assert node.scores.score(EVE) == -1


@pytest.mark.trio
async def test_denied_peer_is_neither_heard_nor_answered(node):
    """And it is not held against it: it cannot know. Others bring the same message."""
    node.mesh.shape(TOPIC, TopicRules(denied=frozenset({EVE})), node.clock())
    message = _message(_sealer(2))
    await node.hear(EVE, publish=[message])
    offer = {"topicID": TOPIC, "messageIDs": [bytes(46)]}
    node.recent.put(b"id", TOPIC, b"packed")
    await node.hear(EVE, **_control(ihave=[offer], iwant=[{"messageIDs": [b"id"]}]))
    await node.hear(EVE, subscriptions=[{"subscribe": False, "topicid": TOPIC}])
    await node.hear(EVE, subscriptions=[{"subscribe": True, "topicid": TOPIC}])
    assert (node.frames, node.sent, node.told) == ([], [], [])
    assert node.scores.score(EVE) == 0
    await node.hear(CAROL, publish=[message])
    assert node.frames == [b"frame"]


@pytest.mark.trio
async def test_message_that_a_denied_peer_began_is_ignored_whoever_brings_it(node):
    """Whoever offered it has kept the promise. A list of those allowed says nothing of origins."""
    node.mesh.shape(TOPIC, TopicRules(denied=frozenset({BOB})), node.clock())
    message = _message(_sealer(2))
    identifier = message.from_id + message.seqno
    await node.hear(CAROL, **_control(ihave=[{"topicID": TOPIC, "messageIDs": [identifier]}]))
    await node.hear(CAROL, publish=[message])
    assert node.frames == []
    node.receiving._pull.heartbeat(node.clock() + limits.GOSSIP_PROMISE_S + 1)
    assert node.scores.score(CAROL) == 0
    node.mesh.shape(TOPIC, TopicRules(allowed=frozenset({CAROL})), node.clock())
    await node.hear(CAROL, publish=[_message(_sealer(4))])
    assert node.frames == [b"frame"]


@pytest.mark.trio
async def test_others_have_their_turn_after_a_few_milliseconds(node):
    """However much time each message of an RPC takes, and whatever its verdict."""
    node.message_s = 0.075
    sealer = _sealer(2)

    async def others(turns: list[int]) -> None:
        while True:
            turns.append(len(node.frames))
            await trio.lowlevel.checkpoint()

    for node.verdict in (Verdict.ACCEPT, Verdict.IGNORE):
        turns = [before := len(node.frames)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(others, turns)
            await node.hear(EVE, publish=[_message(sealer, b"%d" % n) for n in range(10)])
            nursery.cancel_scope.cancel()
        # Two at most lie between two turns of another: the order of tasks is drawn each time.
        assert len(node.frames) == before + 10
        assert all(after - before <= 2 for before, after in itertools.pairwise(turns))


@pytest.mark.trio
async def test_peer_whose_messages_are_in_vain_is_read_more_slowly(node, autojump_clock):
    """Unknown versions are nobody's fault, so they cost no score, and still not all the time."""
    node.verdict, node.message_s = Verdict.IGNORE, 0.1
    sealer = _sealer(2)
    free = round(limits.GOSSIP_FRUITLESS_S_MAX / node.message_s)
    began_s = trio.current_time()
    await node.hear(EVE, publish=[_message(sealer, b"%d" % n) for n in range(free)])
    assert trio.current_time() == began_s
    await node.hear(EVE, publish=[_message(sealer, b"more")])
    assert trio.current_time() - began_s >= 0.9 * node.message_s / limits.GOSSIP_FRUITLESS_SHARE
    assert node.scores.score(EVE) == 0
    before_s = trio.current_time()
    node.message_s = 0.001
    await node.hear(CAROL, publish=[_message(sealer, b"another's")])
    assert trio.current_time() == before_s


@pytest.mark.trio
async def test_what_accepted_messages_take_is_not_rationed(node, autojump_clock):
    """Members may write as much as there is time for."""
    node.message_s = 0.1
    began_s = trio.current_time()
    sealer = _sealer(2)
    await node.hear(EVE, publish=[_message(sealer, b"%d" % n) for n in range(100)])
    assert trio.current_time() == began_s


@pytest.mark.trio
async def test_rest_of_an_rpc_is_dropped_with_its_stream(node, autojump_clock):
    """Or every new stream would leave a megabyte that waits behind."""
    node.verdict, node.message_s = Verdict.IGNORE, limits.GOSSIP_FRUITLESS_S_MAX
    sealer = _sealer(2)
    rpc = rpc_pb2.RPC(publish=[_message(sealer, b"%d" % n) for n in range(9)])
    await node.receiving.on_rpc(EVE, rpc.SerializeToString(), lambda: len(node.frames) < 3)
    assert len(node.frames) == 3
