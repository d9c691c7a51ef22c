"""Leaving for good between whole nodes: the others learn of it, or one is told that they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.errors import Refused
from covey.model import limits
from covey.node.governing import Wish
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until
from tests.integration.node.releases import own

pytestmark = pytest.mark.trio


async def test_others_learn_that_a_device_left_and_its_member_can_come_back(home):
    """With another device: the one that was closed never writes there again."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await run(ben, "kv", [put("b")])
        await agree(context.id, ada, ben)
        device = own(ben, "kv")
        left = await ben.leave("kv")
        assert (left.closed, left.undone) == (True, "")
        assert ben.contexts() == ()
        # A peer has shown that it knows, so that nothing has to be waited for.
        assert told(ada, context.id).members == 1
        rows = {row.delta: row.governance for _, row in ada.log("kv", 0, 100)}
        assert rows[left.delta] == (f"removes {device}",)
        assert await keys(ada, "kv") == {"b"}
        assert (await ben.join(context.topic, "again")).admitted
        assert own(ben, "again") != device
        await run(ben, "again", [put("c")])
        await agree(context.id, ada, ben)


async def test_last_admin_makes_another_one_first(home):
    """Or says that nobody is to govern the context any more."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        with pytest.raises(Refused, match="last-admin"):
            await ada.leave("kv")
        assert told(ada, context.id).phase == "member"
        await ada.govern("kv", Wish(action="give", who=ben.member, role="admin"))
        assert (await ada.leave("kv")).closed
        await until(lambda: told(ben, context.id).members == 1)
        # Now ben is alone: there is nobody to be closed for, and nobody who keeps what is there.
        for doing in (ben.leave, ben.forget):
            with pytest.raises(Refused, match="alone"):
                await doing("kv")
        assert told(ben, context.id).phase == "member"
        alone = await ben.leave("kv", abandons=True)
        assert (alone.closed, alone.undone, ben.contexts()) == (False, "", ())


async def test_who_is_an_admin_by_a_word_that_nobody_heard_is_not_relied_on(home, monkeypatch):
    """The word would go with this device: the others would be left without any admin."""
    monkeypatch.setattr(limits, "LEAVE_PEER_S", 0.3)
    monkeypatch.setattr(limits, "LEAVE_TELL_S", 5.0)
    ben_home = home("ben")
    async with opened(home("ada")) as ada:
        async with opened(ben_home, ada) as ben:
            context = await found(ada)
            await ben.join(context.topic, "kv")
            await agree(context.id, ada, ben)
            member = ben.member
        await ada.govern("kv", Wish(action="give", who=member, role="admin"))
        for doing in (ada.leave, ada.forget):
            with pytest.raises(Refused, match="last-admin: who stays is an admin by this device's"):
                await doing("kv")
        async with opened(ben_home, ada) as ben:
            await agree(context.id, ada, ben)
            assert (await ada.leave("kv")).closed
            await until(lambda: told(ben, context.id).members == 1)
            assert ben.rules("kv").members[0].member == member


async def test_last_admin_is_guarded_whatever_the_command(home):
    """Forgetting, removing itself and taking its own role lose the context as leaving does."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        removal = Wish(action="remove", who=own(ada, "kv"))
        taking = Wish(action="take", who=ada.member, role="admin")
        closing = Wish(action="leave")
        before = told(ada, context.id).deltas
        for wish in (removal, taking, closing):
            with pytest.raises(Refused, match="last-admin"):
                await ada.govern("kv", wish)
        with pytest.raises(Refused, match="last-admin"):
            await ada.forget("kv")
        assert told(ada, context.id).deltas == before
        await ada.govern("kv", replace(taking, abandons=True))
        assert not any(row.roles for row in ada.rules("kv").members)
        # Nothing is left to lose, so that nothing is in the way.
        await ada.forget("kv")


async def test_device_left_behind_is_no_admin_who_stays(home):
    """Its home has used it up: with it on paper the context would have nobody who governs."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        await ada.govern("kv", Wish(action="give", who=ben.member, role="admin"))
        await agree(context.id, ada, ben)
        spent = own(ada, "kv")
        await ada.forget("kv")
        assert (await ada.join(ben.ticket("kv"), "kv")).admitted
        await agree(context.id, ada, ben)
        await ben.govern("kv", Wish(action="give", who=own(ada, "kv"), role="admin"))
        await ben.govern("kv", Wish(action="take", who=ben.member, role="admin"))
        await agree(context.id, ada, ben)
        admins = {row.device for row in ada.rules("kv").members}
        assert admins == {spent, own(ada, "kv")}
        for doing in (ada.leave, ada.forget):
            with pytest.raises(Refused, match="last-admin"):
                await doing("kv")
        with pytest.raises(Refused, match="last-admin"):
            await ada.govern("kv", Wish(action="take", who=own(ada, "kv"), role="admin"))
        # What nothing governs with may go, and the context goes on as it was.
        await ada.govern("kv", Wish(action="remove", who=spent))
        assert (await ada.leave("kv", abandons=True)).closed


async def test_last_admin_may_abandon_by_forgetting(home):
    """The second word is the same one everywhere."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        await ada.forget("kv", abandons=True)
        assert ada.contexts() == ()


async def test_who_reaches_nobody_leaves_and_is_told(home, monkeypatch):
    """Nothing is written that nobody could ever see."""
    monkeypatch.setattr(limits, "LEAVE_PEER_S", 0.2)
    async with opened(home("ada")) as ada:
        context = await found(ada)
        async with opened(home("ben"), ada) as ben:
            await ben.join(context.topic, "kv")
            await agree(context.id, ada, ben)
    async with opened(home("ben")) as ben:
        left = await ben.leave("kv")
        assert (left.closed, left.delta, ben.contexts()) == (False, "", ())
        assert "nobody who shares it is connected" in left.undone


async def test_who_cannot_write_leaves_and_is_told(home, monkeypatch):
    """Still joining, or removed by somebody else."""
    monkeypatch.setattr(limits, "JOIN_WAIT_S", 0.2)
    async with opened(home("ada")) as ada:
        context = await found(ada)
        ticket = ada.ticket("kv")
    async with opened(home("ben")) as ben:
        await ben.join(ticket, "kv")
        assert "had not joined it yet" in (await ben.leave("kv")).undone
        assert ben.contexts() == ()
        async with opened(home("ada"), ben) as ada:
            monkeypatch.setattr(limits, "JOIN_WAIT_S", 30.0)
            assert (await ben.join(ticket, "kv")).admitted
            await ada.govern("kv", Wish(action="remove", who=own(ben, "kv")))
            await until(lambda: told(ben, context.id).phase == "removed")
            left = await ben.leave("kv")
            assert (left.closed, ben.contexts()) == (False, ())
            assert "was removed before" in left.undone


async def test_silence_of_the_others_ends_the_wait(home, monkeypatch):
    """The device is closed and the context left, and the doubt is said."""
    monkeypatch.setattr(limits, "LEAVE_TELL_S", 0.0)
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        left = await ben.leave("kv")
        assert (left.closed, ben.contexts()) == (True, ())
        assert "no peer showed" in left.undone
