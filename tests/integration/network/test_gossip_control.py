"""Control on real streams: what other implementations rely on, and what a hostile peer may try."""

from __future__ import annotations

import contextlib

import pytest
import trio

from covey.model import limits
from covey.network.scores import Misdeed
from tests.integration.network.stock import open_raw_peer

TOPIC = "/covey/1/test"
SUBSCRIBED = [{"subscribe": True, "topicid": TOPIC}]


@pytest.mark.trio
async def test_wanted_message_is_sent_again(open_node, until, collector):
    """With the id of other implementations, origin and sequence: another one is never found."""
    async with open_node(1) as a, open_raw_peer(a) as raw:
        await a.subscribe(TOPIC, collector())
        await a.publish(TOPIC, b"before it came")
        await raw.write(subscriptions=SUBSCRIBED)
        await until(lambda: [m for rpc in raw.heard for m in rpc.publish])
        (message,) = [m for rpc in raw.heard for m in rpc.publish]
        raw.heard.clear()
        await raw.write_control(iwant=[{"messageIDs": [message.from_id + message.seqno]}])
        await until(lambda: [m for rpc in raw.heard for m in rpc.publish] == [message])


@pytest.mark.trio
async def test_offered_message_is_asked_for_and_a_broken_promise_counts(
    open_node, until, collector
):
    """Raw bytes on the wire, as the schema says; py-libp2p once took them for hexadecimal text."""
    async with open_node(1) as a, open_raw_peer(a) as raw:
        await a.subscribe(TOPIC, collector())
        identifier = bytes(range(46))
        await raw.write_control(ihave=[{"topicID": TOPIC, "messageIDs": [identifier]}])
        await until(lambda: [list(each.messageIDs) for each in raw.controls("iwant")])
        assert [list(each.messageIDs) for each in raw.controls("iwant")] == [[identifier]]
        assert a.score(raw.peer) == 0
        await until(lambda: a.score(raw.peer) < 0)
        assert a.score(raw.peer) > -Misdeed.BROKEN_PROMISE.weight - 0.01


@pytest.mark.trio
async def test_heartbeat_comes_every_second(open_node, until, collector):
    """py-libp2p's default is two minutes, and adaptive gossip makes it one at least."""
    async with open_node(1) as a, open_raw_peer(a) as raw:
        await a.subscribe(TOPIC, collector())
        await raw.write(subscriptions=SUBSCRIBED)
        await until(lambda: raw.controls("graft"))
        await raw.write_control(prune=[{"topicID": TOPIC, "backoff": 60}])
        began = trio.current_time()
        while len(raw.controls("ihave")) < 3:
            await a.publish(TOPIC, b"offered beyond the mesh")
            await trio.sleep(0.05)
            assert trio.current_time() - began < 8
        assert trio.current_time() - began > 1.9


@pytest.mark.trio
async def test_peer_that_is_not_honest_loses_its_place_in_the_mesh(open_node, until, collector):
    """It is told so, and told again when it comes back at once."""
    async with open_node(1) as a, open_raw_peer(a) as raw:
        await a.subscribe(TOPIC, collector())
        await raw.write(subscriptions=SUBSCRIBED)
        await until(lambda: raw.controls("graft"))
        for number in range(3):
            await raw.write(publish=[_forged(number)])
        await until(lambda: raw.controls("prune"))
        await raw.write_control(graft=[{"topicID": TOPIC}])
        await until(lambda: len(raw.controls("prune")) == 2)
        assert [prune.backoff for prune in raw.controls("prune")] == [60, 60]


@pytest.mark.trio
async def test_banned_peer_is_disconnected_and_refused(open_node, until, collector, monkeypatch):
    """It costs nothing any more, and may try again when the ban is over."""
    monkeypatch.setattr(limits, "GOSSIP_CONTROLS_MAX", 0)
    monkeypatch.setattr(limits, "GOSSIP_BANNED_S", 3.0)
    async with open_node(1) as a, open_raw_peer(a) as raw:
        await a.subscribe(TOPIC, collector())
        with contextlib.suppress(Exception):
            for _ in range(200):
                await raw.write_control(graft=[{"topicID": TOPIC}])
        await until(lambda: not a.is_connected(raw.peer))
        assert a.score(raw.peer) < -limits.GOSSIP_REJECTS_MAX
        with contextlib.suppress(Exception):
            await a.dial(raw.address)
        await until(lambda: not a.is_connected(raw.peer))
        await trio.sleep(3)
        await a.dial(raw.address)
        await trio.sleep(0.2)
        assert a.is_connected(raw.peer)


@pytest.mark.trio
@pytest.mark.parametrize(
    "sent", [b"\x81\x80\x80\x01", b"\x05\xff\xff\xff\xff\xff"], ids=["endless", "no protobuf"]
)
async def test_malformed_rpc_ends_the_stream_and_counts(open_node, until, sent):
    """A length over the limit does so before anything is buffered."""
    async with open_node(1) as a, open_raw_peer(a) as raw:
        await raw.write_bytes(sent)
        await until(lambda: a.score(raw.peer) < 0)
        assert a.score(raw.peer) > -Misdeed.MALFORMED_RPC.weight - 0.01


def _forged(number: int) -> dict[str, object]:
    from libp2p.crypto.ed25519 import create_new_key_pair
    from libp2p.peer.id import ID

    origin = ID.from_pubkey(create_new_key_pair(b"f" * 32).public_key).to_bytes()
    return {
        "from_id": origin,
        "seqno": number.to_bytes(8, "big"),
        "data": b"forged",
        "topicIDs": [TOPIC],
        "signature": bytes(64),
    }
