"""Gossip among real hosts: everything arrives once, what is refused goes no further."""

from __future__ import annotations

import contextlib

import pytest
import trio

from covey.model import Verdict, limits
from covey.network.wire import Sealer

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


@contextlib.asynccontextmanager
async def _stock_host():
    """py-libp2p as it comes, with Noise."""
    import libp2p
    from libp2p.crypto.x25519 import create_new_key_pair
    from libp2p.security.noise.transport import PROTOCOL_ID, Transport
    from multiaddr import Multiaddr

    key_pair = libp2p.generate_new_ed25519_identity()
    noise = Transport(key_pair, noise_privkey=create_new_key_pair().private_key)
    host = libp2p.new_host(key_pair=key_pair, sec_opt={PROTOCOL_ID: noise})
    async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        yield host
        await host.close()


@pytest.mark.trio
async def test_stock_gossipsub_understands_us_and_we_it(open_node, until, collector):
    """The same wire format: an unmodified py-libp2p takes part in the topic."""
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, PROTOCOL_ID_V12, GossipSub
    from libp2p.pubsub.pubsub import Pubsub
    from libp2p.tools.anyio_service import background_trio_service

    async with open_node(1) as a, _stock_host() as host:
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

    async with open_node(1) as a, _stock_host() as host:
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


@contextlib.asynccontextmanager
async def _hostile(a):
    """A peer with a raw gossip stream to `a`: what it writes and whether it is connected."""
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11
    from libp2p.utils import encode_varint_prefixed

    async with _stock_host() as host:
        await a.dial(str(host.get_addrs()[0]))
        out = await host.new_stream(host.get_connected_peers()[0], [PROTOCOL_ID_V11])

        async def write(rpc) -> None:
            await out.write(encode_varint_prefixed(rpc.SerializeToString()))

        yield host, write


@pytest.mark.trio
async def test_banned_peer_is_disconnected_and_refused(open_node, until, collector, monkeypatch):
    """It costs nothing any more, and may try again when the ban is over."""
    from libp2p.pubsub.pb import rpc_pb2

    monkeypatch.setattr(limits, "GOSSIP_CONTROLS_MAX", 0)
    monkeypatch.setattr(limits, "GOSSIP_BANNED_S", 3.0)
    async with open_node(1) as a, _hostile(a) as (host, write):
        await a.subscribe(TOPIC, collector())
        peer = host.get_id().to_base58()
        graft = rpc_pb2.ControlGraft(topicID=TOPIC)
        flood = rpc_pb2.RPC(control=rpc_pb2.ControlMessage(graft=[graft]))
        with contextlib.suppress(Exception):
            for _ in range(200):
                await write(flood)
        await until(lambda: not a.is_connected(peer))
        assert a.score(peer) < -limits.GOSSIP_REJECTS_MAX
        with contextlib.suppress(Exception):
            await a.dial(str(host.get_addrs()[0]))
        await until(lambda: not a.is_connected(peer))
        await trio.sleep(3)
        await a.dial(str(host.get_addrs()[0]))
        await trio.sleep(0.2)
        assert a.is_connected(peer)


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


@pytest.mark.trio
async def test_endless_rpc_is_refused(open_node, until):
    """A length over the limit ends the stream before anything is buffered, and counts."""
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11
    from libp2p.utils.varint import encode_uvarint

    async with open_node(1) as a, _stock_host() as host:
        await a.dial(str(host.get_addrs()[0]))
        out = await host.new_stream(host.get_connected_peers()[0], [PROTOCOL_ID_V11])
        await out.write(encode_uvarint(limits.GOSSIP_RPC_BYTES_MAX + 1))
        peer = host.get_id().to_base58()
        await until(lambda: a.score(peer) < 0)
