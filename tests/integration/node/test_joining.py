"""Joining a context: by ticket, id or topic, through any member, and what stands in the way."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import trio

from covey.cli.running import log_lines
from covey.codec import cid_of, topic_text
from covey.errors import ConfigError, NotFound, PeerUnavailable, Refused
from covey.model import EXECUTION_ENGINE_FUEL, ContextId, limits
from covey.node import CallResult
from covey.node.rulebook import Rulebook
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until

pytestmark = pytest.mark.trio
DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("way", ["ticket", "id", "topic"])
async def test_joiner_is_admitted_and_writes(home, way):
    """Three ways to name a context, one outcome; a topic alone is answered in open contexts."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await run(ada, "kv", [put("a")])
        target = {"ticket": ada.ticket("kv"), "id": context.id, "topic": context.topic}[way]
        joined = await ben.join(target, "ours")
        assert joined.id == context.id
        assert joined.admitted
        await run(ben, "ours", [put("b")])
        await agree(context.id, ada, ben)
        assert await keys(ada, "kv") == await keys(ben, "ours") == {"a", "b"}
        assert told(ada, context.id).members == 2


async def test_log_tells_of_joining_and_gives_no_id_away(home, caplog):
    """`covey run --verbose` is pasted into bug reports: who reads a context's id can join it."""
    caplog.set_level(logging.INFO)
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(ada.ticket("kv"), "ours")
        await until(lambda: caplog.messages.count("member of a context") == 2)
        await ben.forget("ours")
        secrets = (context.id, context.topic, ada.ticket("kv"))
    told = [(r.getMessage(), r.called) for r in caplog.records if hasattr(r, "called")]
    assert [event for event, called in told if called == "ours"] == [
        "joining a context",
        "context is here",
        "member of a context",
        "context left",
    ]
    assert {"peer connected", "peer disconnected"} <= set(caplog.messages)
    shown = [log_lines().format(r) for r in caplog.records if r.name.partition(".")[0] == "covey"]
    assert not [line for line in shown for secret in secrets if secret in line]


async def test_ticket_alone_is_enough(home):
    """A ticket holds the addresses: the joiner knows nobody before."""
    async with opened(home("ada")) as ada, opened(home("ben")) as ben:
        context = await found(ada)
        assert (await ben.join(ada.ticket("kv"), None)).admitted
        await agree(context.id, ada, ben)


async def test_any_member_lets_a_newcomer_in(home):
    """The founder may be away: the context does not depend on it."""
    async with opened(home("ben")) as ben:
        async with opened(home("ada"), ben) as ada:
            context = await found(ada)
            await run(ada, "kv", [put("a")])
            assert (await ben.join(context.topic, "kv")).admitted
            await agree(context.id, ada, ben)
        async with opened(home("eve"), ben) as eve:
            assert (await eve.join(context.topic, "kv")).admitted
            await run(eve, "kv", [put("c")])
            await agree(context.id, ben, eve)
            assert await keys(ben, "kv") == {"a", "c"}


async def test_forget_and_rejoin(home):
    """What is forgotten comes back from the others, and nothing gets a sequence twice."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await run(ben, "kv", [put("b")])
        await agree(context.id, ada, ben)
        await ben.forget("kv")
        assert ben.contexts() == ()
        with pytest.raises(NotFound):
            await ben.query("kv", "entries", b"{}")
        assert (await ben.join(context.topic, "again")).admitted
        await run(ben, "again", [put("c")])
        await agree(context.id, ada, ben)
        assert await keys(ben, "again") == {"b", "c"}
        rows = [row for _, row in ada.log("kv", 0, 100)]
        places = [(row.author, row.sequence) for row in rows]
        assert len(places) == len(set(places))


async def test_nobody_there_is_told_in_time(home, monkeypatch):
    """A join that cannot succeed yet answers; the node keeps trying behind it."""
    monkeypatch.setattr(limits, "JOIN_WAIT_S", 1.0)
    monkeypatch.setattr(limits, "ADMISSION_WAIT_S", 0.2)
    async with opened(home("ada")) as ada:
        context = await found(ada)
        ticket = ada.ticket("kv")
    async with opened(home("ben")) as ben:
        assert not (await ben.join(ticket, "kv")).admitted
        assert told(ben, context.id).phase == "joining"
        with pytest.raises(Refused, match="not admitted yet"):
            await ben.call("kv", *put("a"))
        with pytest.raises(Refused, match="not joined yet"):
            await ben.query("kv", "entries", b"{}")
        with pytest.raises(PeerUnavailable, match="nobody answered"):
            await ben.join(topic_text(ContextId(cid_of(b"nobody holds this"))), None)


async def test_join_goes_on_when_a_member_appears(home, monkeypatch):
    """Nobody has to type the command again when the other side comes online."""
    monkeypatch.setattr(limits, "JOIN_WAIT_S", 0.5)
    async with opened(home("ada")) as ada:
        context = await found(ada)
        ticket = ada.ticket("kv")
    async with opened(home("ben")) as ben:
        assert not (await ben.join(ticket, "kv")).admitted
        async with opened(home("ada"), ben) as ada:
            await agree(context.id, ada, ben)
            await run(ben, "kv", [put("b")])


@pytest.mark.parametrize("target", ["", "nonsense", "covey1xyz", "/covey/1/", "bafkrei"])
async def test_what_names_no_context_is_refused(home, target):
    """A mistyped target must not wait 30 s for an answer."""
    async with opened(home("ben")) as ben:
        with pytest.raises(ConfigError):
            await ben.join(target, None)


async def test_unknown_execution_version_is_refused(home, monkeypatch):
    """A node that cannot run a context's code as its charter says must not take part."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        monkeypatch.setattr("covey.node.rulebook.EXECUTION_METERED", "covey-exec/7")
        context = await found(ada)
        monkeypatch.undo()
        with pytest.raises(Refused, match="covey-exec/7: upgrade covey"):
            await ben.join(context.topic, None)


async def test_contexts_of_the_first_execution_version_go_on(home, monkeypatch):
    """Members founded them, with bundles packed then: an upgrade of a node strands nobody."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        row = await ada.install((DATA / "tally-exec-0.covey").read_bytes())
        assert row.execution == EXECUTION_ENGINE_FUEL
        with monkeypatch.context() as patch:
            patch.setattr("covey.node.rulebook.EXECUTION_METERED", EXECUTION_ENGINE_FUEL)
            rules = Rulebook(verification="signature")
            context = await ada.create_context(row.id, "tally", rules)
        (held,) = ada.contexts()
        assert held.execution == EXECUTION_ENGINE_FUEL
        assert (await ben.join(context.topic, "tally")).admitted
        for node in (ada, ben):
            await run(node, "tally", [("add", b'{"name":"apples","amount":2}')])
        await agree(context.id, ada, ben)


async def test_a_call_is_answered_when_its_context_is_left(home):
    """Who waits for a context's word must not wait for ever because it ended."""
    async with opened(home("ada")) as ada:
        await found(ada)
        answers: list[object] = []

        async def call() -> None:
            async for answer in ada.batch("kv", [put("k")] * 5_000):
                answers.append(answer)
                begun.set()

        begun = trio.Event()
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call)
                await begun.wait()
                await ada.forget("kv", abandons=True)

    assert isinstance(answers[0], CallResult)
    assert isinstance(answers[-1], Refused)
