"""Network settings of a context at work: whom it reaches, how many, and what a carrier does."""

from __future__ import annotations

import random

import pytest
import trio

from covey.errors import ConfigError, Refused
from covey.model import limits
from covey.network.providers import Providers
from covey.node import SettingsChange
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until

pytestmark = pytest.mark.trio


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Streams that were ended are opened again soon."""
    monkeypatch.setattr(limits, "LINK_RETRY_S", 0.1)


def sharing(node, peer) -> bool:
    """Whether two nodes have proved the context to each other."""
    rows = [row for row in node.peers() if row.peer_id == peer.peer_id]
    return any(row.contexts for row in rows)


async def test_denied_peer_loses_the_context_at_once_and_gets_it_back(home):
    """On an open stream; the connection stays, and what was missed comes when it may."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        links = len(ada._contexts.links.linked())

        assert ada.settings("kv").peers == 1
        row = await ada.change_settings("kv", SettingsChange(deny=(ben.peer_id,)))
        assert row.peers == 0, "what holds now, although the stream has still to end"
        await until(lambda: not sharing(ada, ben) and not sharing(ben, ada))
        await run(ada, "kv", [put("unseen")])
        await run(ben, "kv", [put("unheard")])
        await until(lambda: len(ada._contexts.links.linked()) == links)
        await trio.sleep(1.5)  # An announcement, a comparison if there were one, and a heartbeat.
        assert await keys(ada, "kv") == {"unseen"}
        assert await keys(ben, "kv") == {"unheard"}
        assert not sharing(ada, ben)
        assert ada._network.is_connected(ben.peer_id)
        assert ada._network.topic_peers(context.topic) == ()
        assert ben._network.topic_peers(context.topic) == ()

        await ada.change_settings("kv", SettingsChange(deny=()))
        await agree(context.id, ada, ben)
        assert await keys(ben, "kv") == {"unseen", "unheard"}


async def test_settings_hold_over_a_restart(home):
    """The denied peer does not slip in while the node starts."""
    async with opened(home("ben")) as ben:
        async with opened(home("ada"), ben) as ada:
            context = await found(ada)
            await ben.join(context.topic, "kv")
            await agree(context.id, ada, ben)
            change = SettingsChange(deny=(ben.peer_id,), degree=3, role="carrier")
            await ada.change_settings("kv", change)
        async with opened(home("ada"), ben) as ada:
            row = ada.settings("kv")
            assert (row.deny, row.degree, row.role) == ((ben.peer_id,), 3, "carrier")
            await until(lambda: ben.peer_id in ada._contexts.links.linked())
            await trio.sleep(0.5)
            assert not sharing(ada, ben)


async def test_context_syncs_with_as_many_peers_as_it_says(home):
    """The first ones; who is one too many gets the place of who leaves."""
    async with opened(home("ada")) as ada, opened(home("eve"), ada) as eve:
        context = await found(ada)
        async with opened(home("ben"), ada) as ben:
            for node in (ben, eve):
                await node.join(context.topic, "kv")
            await agree(context.id, ada, ben, eve)
            row = await ada.change_settings("kv", SettingsChange(peers_max=1))
            assert row.peers == 1, "what holds now, although a stream has still to end"
            await until(lambda: ada.settings("kv").peers == 1)
            await until(lambda: len(ada._contexts.links.linked()) == 2)
            await trio.sleep(1)
            assert ada.settings("kv").peers == 1
            assert row.max_peers == 1
            static = SettingsChange(static=(eve.addresses[0],), peers_max=1)
            await ada.change_settings("kv", static)
            await until(lambda: sharing(ada, eve))
        await until(lambda: ada.settings("kv").peers == 1)
        await run(ada, "kv", [put("to eve")])
        await until(lambda: told(eve, context.id).digest == told(ada, context.id).digest)


async def test_carrier_holds_and_serves_what_it_may_not_write(home):
    """A third node gets everything from it, also what was written before it was there."""
    async with opened(home("carl")) as carl:
        async with opened(home("ada"), carl) as ada:
            context = await found(ada)
            await carl.join(context.topic, "kv")
            await carl.change_settings("kv", SettingsChange(role="carrier"))
            await run(ada, "kv", [put("a")])
            await agree(context.id, ada, carl)
        with pytest.raises(Refused, match="--role full"):
            await carl.call("kv", *put("b"))
        async with opened(home("ben"), carl) as ben:
            assert (await ben.join(context.topic, "kv")).admitted
            await agree(context.id, carl, ben)
            assert await keys(ben, "kv") == {"a"}
            assert await keys(carl, "kv") == {"a"}
        await carl.change_settings("kv", SettingsChange(role="full"))
        await carl.call("kv", *put("b"))


async def test_static_peer_is_dialled_without_being_found(home):
    """No bootstrap address, no announcement: the address in the settings is enough."""
    async with opened(home("ben")) as ben:
        address = ben.addresses[0]
        async with opened(home("ada")) as ada:
            await found(ada)
            await ada.change_settings("kv", SettingsChange(static=(address,), is_announced=False))
            await until(lambda: ada._network.is_connected(ben.peer_id))
            await ada.forget("kv")
            assert ada._network.redial._pinned == {}


async def test_wrong_settings_change_nothing(home):
    """Also the part of them that was right."""
    async with opened(home("ada")) as ada:
        await found(ada)
        before = ada.settings("kv")
        with pytest.raises(ConfigError, match="this node itself"):
            await ada.change_settings("kv", SettingsChange(degree=3, deny=(ada.peer_id,)))
        assert ada.settings("kv") == before


async def test_members_tell_each_other_where_others_are(home, monkeypatch):
    """Without the DHT: who has met one member meets the others."""

    async def nobody(*_):
        return ()

    monkeypatch.setattr(Providers, "find", nobody)
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(ada.ticket("kv"), "kv")
        async with opened(home("eve"), ben) as eve:
            await eve.join(context.id, "kv")
            await until(lambda: sharing(eve, ada))


async def test_who_is_denied_is_not_dialled_at_anybodys_word(home, monkeypatch):
    """Nor told of to it: the context is not shown to it."""

    async def nobody(*_):
        return ()

    monkeypatch.setattr(Providers, "find", nobody)
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(ada.ticket("kv"), "kv")
        await ada.change_settings("kv", SettingsChange(allow=(ben.peer_id,)))
        async with opened(home("eve"), ben) as eve:
            await eve.join(context.id, "kv")
            ada._contexts.reach._ask_peers(random.Random(1))
            await trio.sleep(1)
            assert not sharing(ada, eve)
            assert sharing(ben, eve)
