"""Coming back to a context: with another device, and never with a second chain of the old one."""

from __future__ import annotations

import logging

import pytest
import trio

from covey.errors import ConfigError, Refused
from covey.model import limits
from covey.node.governing import Wish
from covey.node.rulebook import Rulebook
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until
from tests.integration.node.releases import own

pytestmark = pytest.mark.trio
_WARNED = logging.WARNING


async def test_who_forgets_a_context_comes_back_as_another_device(home, caplog):
    """The old one wrote, and nobody knows whether all of it is here again: it would fork itself.

    Nothing was restored from a copy, so that nothing of the kind is said.
    """
    caplog.set_level(_WARNED)
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await run(ben, "kv", [put("b")])
        await agree(context.id, ada, ben)
        await ada.govern("kv", Wish(action="give", who=ben.member, role="admin"))
        old = own(ben, "kv")
        await ben.forget("kv")
        assert (await ben.join(context.topic, "again")).admitted
        assert own(ben, "again") != old
        await run(ben, "again", [put("c")])
        await agree(context.id, ada, ben)
        assert await keys(ben, "again") == {"b", "c"}
        roles = {row.device: row.roles for row in ada.rules("kv").members}
        assert old in roles, "it stays a member until an admin removes it"
        assert own(ben, "again") not in roles
        places = [(row.author, row.sequence) for _, row in ada.log("kv", 0, 100)]
        assert len(places) == len(set(places))
    assert [r.getMessage() for r in caplog.records if "device" in r.getMessage()] == []


@pytest.mark.parametrize("leaves", [True, False])
async def test_who_was_removed_before_it_wrote_comes_back(home, leaves):
    """Contexts are open: it would come back from another home, too. Its name stays its own."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        await ada.govern("kv", Wish(action="give", who=ben.member, role="admin"))
        old = own(ben, "kv")
        await ada.govern("kv", Wish(action="remove", who=old))
        await until(lambda: told(ben, context.id).phase == "removed")
        with pytest.raises(Refused, match=r"removed from the context.*join again"):
            await ben.call("kv", *put("b"))
        if leaves:
            await ben.leave("kv")
        joined = await ben.join(context.topic, "kv")
        assert (joined.admitted, joined.why) == (True, "")
        assert told(ben, context.id).phase == "member"
        assert own(ben, "kv") != old
        await run(ben, "kv", [put("b")])
        await agree(context.id, ada, ben)
        assert [row.device for row in ada.rules("kv").members] == [own(ada, "kv")]
    async with opened(home("ben")) as ben:
        assert own(ben, "kv") != old
        assert told(ben, context.id).phase == "member"


async def test_each_return_takes_a_device_of_its_own(home):
    """Those of earlier visits have chains, too; the home's own device stays for new contexts."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        certificate = ben.certificate()
        seen = set()
        for number in range(3):
            assert (await ben.join(context.topic, "kv")).admitted
            await run(ben, "kv", [put(str(number))])
            await agree(context.id, ada, ben)
            seen.add(own(ben, "kv"))
            await ben.forget("kv")
        assert len(seen) == 3
        assert ben.certificate() == certificate


async def test_what_is_here_keeps_its_name_and_says_so(home):
    """A name that is silently dropped is looked for in vain."""
    async with opened(home("ada")) as ada:
        context = await found(ada)
        for target in (context.topic, context.id, ada.ticket("kv")):
            with pytest.raises(ConfigError, match=r"here already, as 'kv'.*leave --name out"):
                await ada.join(target, "mine")
            assert (await ada.join(target, "kv")).admitted
            assert (await ada.join(target, None)).admitted


async def test_dead_ticket_is_told_from_a_member_that_says_nothing(home, monkeypatch):
    """Who reads that nobody let it in looks for somebody who does not exist."""
    monkeypatch.setattr(limits, "JOIN_WAIT_S", 1.0)
    async with opened(home("ada")) as ada:
        context = await found(ada)
        ticket = ada.ticket("kv")
    async with opened(home("ben")) as ben:
        joined = await ben.join(ticket, "kv")
        assert not joined.admitted
        assert joined.why.startswith("the address in the ticket does not answer; ")
        assert "ask for a new ticket; this node keeps trying" in joined.why
        assert ben.waits_for("kv") == "the address in the ticket does not answer"
        await ben.leave("kv")
        by_id = await ben.join(context.id, "kv")
        assert by_id.why.startswith("no node that has the context was found yet; ")


async def test_who_wants_more_than_the_budget_is_told_what_it_waits_for(home):
    """Else a call that waits for a minute looks like a node that hangs."""
    async with opened(home("ada")) as ada:
        await found(ada, rules=Rulebook(fuel_budget=limits.BUDGET_MIN))
        assert ada.waits_for("kv") == ""
        # Each takes 10 of it for a byte: these are more than a minute may have.
        calls = [put(str(number), "x" * 60_000) for number in range(400)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, ada, "kv", calls)
            await until(lambda: "fuel budget" in ada.waits_for("kv"))
            nursery.cancel_scope.cancel()
