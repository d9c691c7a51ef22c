"""Replication between whole nodes: by gossip, by stream, after a return."""

from __future__ import annotations

import json

import pytest
import trio

from covey.model import limits
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until

pytestmark = pytest.mark.trio


@pytest.mark.parametrize("deltas", [600, pytest.param(5_000, marks=pytest.mark.slow)])
async def test_late_joiner_gets_a_long_history(home, deltas):
    """Open sync streams everything a joiner lacks, each delta judged on arrival."""
    async with opened(home("ada")) as ada:
        context = await found(ada)
        for number in range(deltas):
            await ada.call("kv", *put(f"k{number}"))
        assert told(ada, context.id).deltas == deltas
        async with opened(home("ben"), ada) as ben:
            assert (await ben.join(context.topic, "kv")).admitted
            await agree(context.id, ada, ben)
            assert told(ben, context.id).deltas == deltas + 1
            answer = await ben.query("kv", "get", b'{"key": "k%d"}' % (deltas - 1))
            assert json.loads(answer.result)["value"] == "x"


async def test_delta_too_large_for_gossip_arrives_by_stream(home):
    """Gossip carries frames of 512 KiB; a larger delta is only announced there."""
    pasted = json.dumps({"position": 0, "text": "wren " * 52_000}).encode()
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada, "text")
        await ben.join(context.topic, "text")
        await agree(context.id, ada, ben)
        async with ben.watch("text", None) as rows:
            (large,) = await run(ada, "text", [("insert", pasted)])
            with trio.fail_after(30):
                while (await rows.receive())[1].delta != large:
                    pass
        ledger = ada._contexts.all()[0].driver.replica.ledger
        assert len(ledger.frame(bytes.fromhex(large))) > limits.GOSSIP_FRAME_BYTES_MAX
        await agree(context.id, ada, ben)
        assert (await ben.query("text", "length", b"{}")).result == '{"length":260000}'


async def test_both_write_at_once(home):
    """Concurrent deltas merge the same way on both sides."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        async with trio.open_nursery() as nursery:
            for node, name in ((ada, "ada"), (ben, "ben")):
                calls = [put(f"shared-{number}", name) for number in range(200)]
                nursery.start_soon(run, node, "kv", calls)
        await agree(context.id, ada, ben)
        for number in (0, 100, 199):
            question = json.dumps({"key": f"shared-{number}"}).encode()
            one, two = [await node.query("kv", "get", question) for node in (ada, ben)]
            assert one.result == two.result


async def test_peer_that_returns_with_its_identity_catches_up(home):
    """Same home, same peer id and device: no new admission, only what it missed."""
    async with opened(home("ada")) as ada:
        async with opened(home("ben"), ada) as ben:
            context = await found(ada)
            await ben.join(context.topic, "kv")
            await run(ben, "kv", [put("b")])
            await agree(context.id, ada, ben)
            before = (ben.peer_id, ben.context("kv").device)
        await until(lambda: not ada.peers())
        await run(ada, "kv", [put("while-away")])
        assert told(ada, context.id).members == 2
        async with opened(home("ben")) as ben:
            assert (ben.peer_id, ben.context("kv").device) == before
            await run(ben, "kv", [put("back")])
            await agree(context.id, ada, ben)
            assert await keys(ben, "kv") == {"b", "while-away", "back"}
            assert told(ada, context.id).members == 2


async def test_node_alone_is_in_sync_with_nobody(home):
    """Status claims nothing that no peer has said."""
    async with opened(home("ada")) as ada:
        context = await found(ada)
        await run(ada, "kv", [put("a")])
        assert told(ada, context.id).in_sync_with == ()
        async with opened(home("ben"), ada) as ben:
            await ben.join(context.topic, "kv")
            await agree(context.id, ada, ben)
        await until(lambda: not ada.peers())
        await run(ada, "kv", [put("b")])
        assert told(ada, context.id).in_sync_with == ()


async def test_three_nodes_in_a_line(home):
    """Who is not connected to the author gets its deltas from who is."""
    async with (
        opened(home("ada")) as ada,
        opened(home("ben"), ada) as ben,
        opened(home("eve"), ben) as eve,
    ):
        context = await found(ada)
        for node in (ben, eve):
            assert (await node.join(context.topic, "kv")).admitted
        for node in (ada, ben, eve):
            await run(node, "kv", [put(node.peer_id)])
        await agree(context.id, ada, ben, eve)
        assert await keys(eve, "kv") == {node.peer_id for node in (ada, ben, eve)}


async def test_one_node_serves_several_contexts(home):
    """Contexts share a node and nothing else: state, members and digests are their own."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        first = await found(ada)
        second = await ada.create_context("org.covey.kv", "second")
        await ben.join(second.topic, "second")
        await run(ada, "kv", [put("private")])
        await run(ada, "second", [put("shared")])
        await agree(second.id, ada, ben)
        assert await keys(ben, "second") == {"shared"}
        assert [row.id for row in ben.contexts()] == [second.id]
        assert told(ada, first.id).members == 1
