"""The rules of a context that a node has not joined: its charter, and nothing else."""

from __future__ import annotations

import pytest

from covey.codec import cid_of, topic_text
from covey.errors import ConfigError, PeerUnavailable
from covey.model import ContextId, limits
from covey.node.governing import Wish
from covey.node.rulebook import ConstraintRow, Rulebook
from tests.integration.node.conftest import opened, told
from tests.integration.node.releases import PACKAGE, joined, ours

pytestmark = pytest.mark.trio


async def test_charter_is_fetched_and_nothing_is_kept_or_joined(home):
    """By the ticket alone, of a peer that was unknown before; the founder sees nobody come in."""
    async with opened(home("ada")) as ada, opened(home("ben")) as ben:
        rules = Rulebook(roles=("clerk",), code=(ConstraintRow("publisher"),))
        context = await ours(ada, rules)
        await ada.govern("ours", Wish(action="tighten", constraint=ConstraintRow("never")))
        row = await ben.rules_of(ada.ticket("ours"))
        assert (row.id, row.is_current, row.version) == (context.id, False, "")
        # What was added later is not in it, and it does not say that it would be.
        assert row.constraints == (ConstraintRow("publisher"),)
        assert [member.member for member in row.members] == [ada.member]
        assert (ben.contexts(), ben.applications()) == ((), ())
        assert ben._records.blob(ada._contexts.all()[0].record.id) is None
        assert told(ada, context.id).members == 1


async def test_id_and_topic_do_too_and_what_is_joined_is_current(home):
    """Of a peer that is connected already."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        for target in (context.id, context.topic):
            assert not (await ben.rules_of(target)).is_current
        await joined(context, ben)
        for target in (context.id, context.topic, ada.ticket("ours")):
            assert await ben.rules_of(target) == ben.rules("ours") == ada.rules("ours")
        assert ben.rules("ours").version == "1.0.0"
        assert ben.context("ours").package == PACKAGE


async def test_nobody_who_knows_is_told_in_time(home, monkeypatch):
    """The ticket's peer is away, or nobody ever heard of it."""
    monkeypatch.setattr(limits, "JOIN_WAIT_S", 0.5)
    async with opened(home("ada")) as ada:
        context = await ours(ada, Rulebook())
        ticket = ada.ticket("ours")
    async with opened(home("ben")) as ben:
        for target in (ticket, context.topic, topic_text(ContextId(cid_of(b"nowhere")))):
            with pytest.raises(PeerUnavailable, match="nobody answered for it within"):
                await ben.rules_of(target)
        with pytest.raises(ConfigError, match="no ticket"):
            await ben.rules_of("ours")
