"""Gossip with js-libp2p: everything arrives, once, unchanged, in both directions."""

from __future__ import annotations

import pytest
import trio

from covey.network import Network
from tests.interop.node import Inbox, open_covey, until
from tests.interop.peer import JsPeer, message_of, open_js

pytestmark = [pytest.mark.trio, pytest.mark.timeout(180, func_only=True)]

TOPIC = "/covey/1/interop"
COUNT = 1_000


async def _meet(covey: Network, js: JsPeer) -> Inbox:
    """Both in the topic, each in the other's mesh."""
    inbox = Inbox()
    await covey.subscribe(TOPIC, inbox)
    await js.ask("subscribe", topic=TOPIC)
    await js.ask("meet", topic=TOPIC, peers=1)
    await until(lambda: js.peer in covey.topic_peers(TOPIC))
    return inbox


async def _publish(covey: Network, size: int) -> None:
    for number in range(COUNT):
        await covey.publish(TOPIC, message_of(number, size))


async def _heard(js: JsPeer, count: int) -> None:
    """Wait until JavaScript has so many messages; they must be the right ones, each once."""
    with trio.fail_after(60):
        while (await js.ask("inbox"))["count"] < count:  # noqa: ASYNC110 -- another process's doing
            await trio.sleep(0.05)
    assert await js.ask("inbox") == {"count": count, "wrong": 0, "numbers": count}


def _require_whole(inbox: Inbox, size: int) -> None:
    numbers = sorted(int.from_bytes(frame[:4], "big") for frame in inbox.frames)
    assert numbers == list(range(COUNT))
    assert all(
        frame == message_of(int.from_bytes(frame[:4], "big"), size) for frame in inbox.frames
    )


@pytest.mark.parametrize("size", [256, 65_536])
async def test_thousand_messages_reach_javascript(size: int) -> None:
    """Nothing is lost in a burst, whatever the two sides' queues and windows are."""
    async with open_covey(1) as covey, open_js() as js:
        await covey.dial(js.address)
        await _meet(covey, js)
        await _publish(covey, size)
        await _heard(js, COUNT)


@pytest.mark.parametrize("size", [256, 65_536])
async def test_thousand_messages_reach_covey(size: int) -> None:
    """Every signature of js-libp2p is understood, and no burst is taken for a flood."""
    async with open_covey(1) as covey, open_js() as js:
        await js.ask("dial", address=covey.addresses[0])
        inbox = await _meet(covey, js)
        await js.ask("publish", topic=TOPIC, count=COUNT, size=size)
        await until(lambda: len(inbox.frames) >= COUNT)
        _require_whole(inbox, size)


@pytest.mark.parametrize("size", [256, 65_536])
async def test_thousand_messages_cross_each_other(size: int) -> None:
    """Both write while both read: neither waits for the other for ever."""
    async with open_covey(1) as covey, open_js() as js:
        await covey.dial(js.address)
        inbox = await _meet(covey, js)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_publish, covey, size)
            await js.ask("publish", topic=TOPIC, count=COUNT, size=size)
        await until(lambda: len(inbox.frames) >= COUNT)
        await _heard(js, COUNT)
        _require_whole(inbox, size)


async def test_covey_forwards_between_two_javascript_peers() -> None:
    """A message keeps its author's signature over a node of the other kind."""
    async with open_covey(1) as covey, open_js() as author, open_js() as reader:
        for js in (author, reader):
            await js.ask("dial", address=covey.addresses[0])
            await js.ask("subscribe", topic=TOPIC)
        inbox = Inbox()
        await covey.subscribe(TOPIC, inbox)
        for js in (author, reader):
            await js.ask("meet", topic=TOPIC, peers=1)
        # What covey has from the reader came after the reader's place in the mesh.
        await reader.ask("publish", topic=TOPIC, count=1, size=64)
        await until(lambda: len(inbox.frames) == 1)
        await author.ask("publish", topic=TOPIC, count=100, size=1_000)
        await _heard(reader, 100)
        assert len(inbox.frames) == 1 + 100


async def test_javascript_forwards_between_two_nodes_of_covey() -> None:
    """js-libp2p holds our messages for genuine, and does not take them for its own."""
    async with open_js() as js, open_covey(1) as author, open_covey(2) as reader:
        await js.ask("subscribe", topic=TOPIC)
        inboxes = [Inbox(), Inbox()]
        for node, inbox in zip((author, reader), inboxes, strict=True):
            await node.subscribe(TOPIC, inbox)
            await node.dial(js.address)
        await js.ask("meet", topic=TOPIC, peers=2)
        await until(lambda: js.peer in author.topic_peers(TOPIC))
        for number in range(100):
            await author.publish(TOPIC, message_of(number, 1_000))
        await until(lambda: len(inboxes[1].frames) >= 100)
        assert sorted(inboxes[1].frames) == [message_of(number, 1_000) for number in range(100)]
        assert inboxes[0].frames == []
