"""Gossip among real hosts: everything arrives once, what is refused goes no further."""

from __future__ import annotations

import pytest
import trio

from covey.model import Verdict, limits
from covey.network.wire import Sealer
from tests.integration.network.stock import stock_host

TOPIC = "/covey/1/test"


async def _subscribed(nodes, until, collector):
    collectors = [collector() for _ in nodes]
    for node, each in zip(nodes, collectors, strict=True):
        await node.subscribe(TOPIC, each)
    return collectors


@pytest.mark.trio
async def test_500_messages_among_four_nodes_arrive_exactly_once(open_nodes, until, collector):
    """py-libp2p loses most of a burst silently: 10 a second by its spam limit, 32 by its queues."""
    async with open_nodes(4) as nodes:
        collectors = await _subscribed(nodes, until, collector)
        await until(lambda: all(len(node.topic_peers(TOPIC)) == 3 for node in nodes))

        async def publish(number: int) -> None:
            for count in range(125):
                await nodes[number].publish(TOPIC, b"%d:%d" % (number, count))

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(publish, number)
        await until(lambda: all(len(each.frames) == 375 for each in collectors))
        await trio.sleep(0.2)  # Duplicates would come now.
    for number, each in enumerate(collectors):
        expected = {b"%d:%d" % (n, c) for n in range(4) if n != number for c in range(125)}
        assert len(each.frames) == 375
        assert set(each.frames) == expected


@pytest.mark.trio
async def test_own_frames_do_not_come_back(open_nodes, until, collector):
    """A node knows what it published."""
    async with open_nodes(3) as nodes:
        collectors = await _subscribed(nodes, until, collector)
        await until(lambda: len(nodes[0].topic_peers(TOPIC)) == 2)
        await nodes[0].publish(TOPIC, b"mine")
        await until(lambda: collectors[1].frames and collectors[2].frames)
        assert collectors[0].frames == []


@pytest.mark.trio
@pytest.mark.parametrize(
    ("verdict", "reaches", "rejects"),
    [(Verdict.ACCEPT, True, False), (Verdict.IGNORE, False, False), (Verdict.REJECT, False, True)],
)
async def test_verdict_decides_what_is_forwarded(
    open_nodes, until, collector, verdict, reaches, rejects
):
    """Validation comes before forwarding: a line A - B - C, where B answers."""
    async with open_nodes(3, is_line=True) as (a, b, c):
        middle, last = collector(), collector()
        await a.subscribe(TOPIC, collector())
        await b.subscribe(TOPIC, middle)
        await c.subscribe(TOPIC, last)
        await until(lambda: a.topic_peers(TOPIC) and len(b.topic_peers(TOPIC)) == 2)
        await a.publish(TOPIC, b"warm up")
        await until(lambda: last.frames)
        middle.verdict = verdict
        await a.publish(TOPIC, b"judged")
        await until(lambda: b"judged" in middle.frames)
        middle.verdict = Verdict.ACCEPT
        await a.publish(TOPIC, b"after")
        await until(lambda: b"after" in last.frames)
        assert (b"judged" in last.frames) is reaches
        assert (b.score(a.peer_id) < 0) is rejects
        assert last.senders == [b.peer_id] * len(last.senders)


@pytest.mark.trio
async def test_peer_that_sends_much_bad_is_not_read(open_nodes, until, collector):
    """Bad input costs the peer that sends it: its frames stop costing a verification."""
    async with open_nodes(2) as (a, b):
        judge = collector(Verdict.REJECT)
        await a.subscribe(TOPIC, judge)
        await b.subscribe(TOPIC, collector())
        await until(lambda: b.topic_peers(TOPIC))
        for number in range(40):
            await b.publish(TOPIC, b"bad %d" % number)
        await until(lambda: a.score(b.peer_id) < -limits.GOSSIP_REJECTS_MAX)
        await b.unsubscribe(TOPIC)  # Comes after the frames, so all of them have been handled.
        await until(lambda: not a.topic_peers(TOPIC))
        assert len(judge.frames) <= limits.GOSSIP_REJECTS_MAX + 2


def _message(sealer: Sealer, frame: bytes):
    from libp2p.pubsub.pb import rpc_pb2

    _, packed = sealer.seal(TOPIC, frame)
    start = next(index for index, byte in enumerate(packed) if byte < 0x80) + 1
    return rpc_pb2.RPC.FromString(packed[start:]).publish[0]


@pytest.mark.trio
async def test_forged_signature_does_not_shut_out_the_real_message(open_nodes, until, collector):
    """An id is remembered only under a good signature, or anybody could suppress anybody."""
    async with open_nodes(2) as (a, b):
        seen = collector()
        await a.subscribe(TOPIC, seen)
        await b.subscribe(TOPIC, collector())
        await until(lambda: b.topic_peers(TOPIC))
        sender = next(iter(a._connections.peers()))
        genuine = _message(Sealer(bytes([2]) * 32, sender.to_bytes(), 7), b"genuine")
        forged = type(genuine)()
        forged.CopyFrom(genuine)
        forged.data = b"forged"
        receiving = a._gossip._receiving
        receiving.on_message(sender, forged)
        receiving.on_message(sender, genuine)
        receiving.on_message(sender, genuine)
        assert seen.frames == [b"genuine"]
        assert a.score(b.peer_id) < 0


@pytest.mark.trio
async def test_returning_publisher_is_not_taken_for_a_repetition(open_node, until, collector):
    """Sequence numbers from a clock in seconds repeat after a burst and a restart."""
    async with open_node(1) as a:
        seen = collector()
        await a.subscribe(TOPIC, seen)
        for life in range(2):
            async with open_node(2) as b:
                await b.dial(a.addresses[0])
                await b.subscribe(TOPIC, collector())
                await until(lambda b=b: b.topic_peers(TOPIC))
                for number in range(50):
                    await b.publish(TOPIC, b"%d:%d" % (life, number))
                await until(lambda life=life: len(seen.frames) == 50 * (life + 1))


@pytest.mark.trio
async def test_late_subscriber_gets_the_last_seconds(open_nodes, until, collector):
    """What was published while two nodes were still greeting each other is not lost."""
    async with open_nodes(2) as (a, b):
        await a.subscribe(TOPIC, collector())
        await a.publish(TOPIC, b"early")
        late = collector()
        await b.subscribe(TOPIC, late)
        await until(lambda: late.frames == [b"early"])


@pytest.mark.trio
async def test_largest_frames_arrive_and_larger_ones_are_a_bug(open_nodes, until, collector):
    """Beyond the limit a delta goes by stream."""
    async with open_nodes(2) as (a, b):
        seen = collector()
        await a.subscribe(TOPIC, seen)
        await b.subscribe(TOPIC, collector())
        await until(lambda: b.topic_peers(TOPIC))
        for number in range(20):
            await b.publish(TOPIC, bytes([number]) * limits.GOSSIP_FRAME_BYTES_MAX)
        await until(lambda: len(seen.frames) == 20)
        with pytest.raises(AssertionError):
            await b.publish(TOPIC, bytes(limits.GOSSIP_FRAME_BYTES_MAX + 1))


@pytest.mark.trio
async def test_unsubscribed_topic_is_quiet(open_nodes, until, collector):
    """A context that was left costs nothing more."""
    async with open_nodes(2) as (a, b):
        seen = collector()
        await a.subscribe(TOPIC, seen)
        await b.subscribe(TOPIC, collector())
        await until(lambda: b.topic_peers(TOPIC))
        await a.unsubscribe(TOPIC)
        await until(lambda: not b.topic_peers(TOPIC))
        await b.publish(TOPIC, b"nobody")
        await a.subscribe(TOPIC, seen)
        await until(lambda: b.topic_peers(TOPIC))
        await b.publish(TOPIC, b"somebody")
        await until(lambda: b"somebody" in seen.frames)


@pytest.mark.trio
async def test_crash_of_a_validator_is_raised(open_nodes, until, collector):
    """In py-libp2p it silently kills the gossip service; here it is heard."""

    def broken(peer, frame):
        raise ZeroDivisionError

    with trio.fail_after(10), pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block dies
        async with open_nodes(2) as (a, b):
            await a.subscribe(TOPIC, broken)
            await b.subscribe(TOPIC, collector())
            await until(lambda: b.topic_peers(TOPIC))
            await b.publish(TOPIC, b"boom")
            await trio.sleep_forever()


@pytest.mark.trio
async def test_stock_gossipsub_understands_us_and_we_it(open_node, until, collector):
    """The same wire format: an unmodified py-libp2p takes part in the topic."""
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, PROTOCOL_ID_V12, GossipSub
    from libp2p.pubsub.pubsub import Pubsub
    from libp2p.tools.anyio_service import background_trio_service

    async with open_node(1) as a, stock_host() as host:
        router = GossipSub([PROTOCOL_ID_V12, PROTOCOL_ID_V11], 8, 6, 12, heartbeat_interval=1)
        pubsub = Pubsub(host, router)
        async with background_trio_service(pubsub), background_trio_service(router):
            await pubsub.wait_until_ready()
            seen = collector()
            await a.subscribe(TOPIC, seen)
            subscription = await pubsub.subscribe(TOPIC)
            await a.dial(str(host.get_addrs()[0]))
            await until(lambda: a.topic_peers(TOPIC))
            await a.publish(TOPIC, b"from covey")
            with trio.fail_after(10):
                assert (await subscription.get()).data == b"from covey"
            # 1.2 costs a message for every message: IDONTWANT.
            assert router.peer_protocol[a._host.get_id()] == PROTOCOL_ID_V11
            await pubsub.publish(TOPIC, b"from stock")
            await until(lambda: seen.frames == [b"from stock"])


@pytest.mark.trio
async def test_peer_that_takes_nothing_is_dropped_and_publishing_goes_on(
    open_node, until, collector, monkeypatch
):
    """`publish` waits for slow peers, so one that never reads must not stop it for ever."""
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11
    from libp2p.pubsub.pb import rpc_pb2
    from libp2p.utils import encode_varint_prefixed

    monkeypatch.setattr(limits, "GOSSIP_STALL_S", 0.5)
    monkeypatch.setattr(limits, "GOSSIP_QUEUE_BYTES_MAX", 1024 * 1024)

    async def deaf(stream) -> None:
        await trio.sleep_forever()

    async with open_node(1) as a, stock_host() as host:
        host.set_stream_handler(PROTOCOL_ID_V11, deaf)
        await a.dial(str(host.get_addrs()[0]))
        out = await host.new_stream(host.get_connected_peers()[0], [PROTOCOL_ID_V11])
        option = rpc_pb2.RPC.SubOpts(subscribe=True, topicid=TOPIC)
        hello = rpc_pb2.RPC(subscriptions=[option])
        await out.write(encode_varint_prefixed(hello.SerializeToString()))
        await until(lambda: a.topic_peers(TOPIC))
        with trio.fail_after(10):
            for _ in range(40):
                await a.publish(TOPIC, bytes(256 * 1024))
        await until(lambda: not a.topic_peers(TOPIC))


@pytest.mark.trio
async def test_honest_peers_keep_a_clean_record(open_nodes, until, collector):
    """Whatever is counted, a thousand messages among honest nodes leave nothing behind."""
    async with open_nodes(4) as nodes:
        collectors = await _subscribed(nodes, until, collector)
        await until(lambda: all(len(node.topic_peers(TOPIC)) == 3 for node in nodes))
        for count in range(250):
            for number, node in enumerate(nodes):
                await node.publish(TOPIC, b"%d:%d" % (number, count))
        await until(lambda: all(len(each.frames) == 750 for each in collectors))
        await nodes[0].unsubscribe(TOPIC)
        await nodes[0].subscribe(TOPIC, collectors[0])
        await trio.sleep(limits.GOSSIP_PROMISE_S + 1.5)  # Heartbeats look for broken promises.
        for node in nodes:
            assert [node.score(other.peer_id) for other in nodes] == [0, 0, 0, 0]
