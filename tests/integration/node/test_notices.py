"""A new release is coming: what a member without any role sees of it, and that it can leave."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from covey.codec import cid_text, open_bundle
from covey.errors import Refused
from covey.node import RulesRow
from covey.node.governing import Wish
from covey.node.rulebook import ConstraintRow, Rulebook
from covey.node.service import Node
from tests.integration.node.conftest import agree, opened, run, until
from tests.integration.node.releases import PACKAGE, WRITE, joined, ours, release, upgrade

pytestmark = pytest.mark.trio

_NOTICE_S = 3_600


def unix_s(text: str) -> float:
    """A time as the interface says it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def in_force_at_s(node: Node) -> float:
    """When the upgrade that a node holds came, by its author's time."""
    (row,) = [
        row
        for _, row in node.log("ours", 0, 100)
        if any(deed.startswith("puts release") for deed in row.governance)
    ]
    return unix_s(row.time)


async def test_member_sees_until_when_it_can_leave_and_leaves(home, monkeypatch):
    """It learns from its own node when the notice ends, tries the release, and goes in time."""
    async with (
        opened(home("ada")) as ada,
        opened(home("ben"), ada) as ben,
        opened(home("eve"), ada) as eve,
    ):
        quorum = ConstraintRow("quorum", 2, (ada.member, ben.member), _NOTICE_S)
        context = await ours(ada, Rulebook(code=(quorum,)))
        await joined(context, ben, eve)
        assert eve.context("ours").roles == ()
        assert (eve.rules("ours").package, eve.rules("ours").approvals) == (PACKAGE, ())
        bundle = release("2.0.0", migrates=True)
        name = cid_text(open_bundle(bundle).release)
        await ada.install(bundle)
        for node in (ada, ben):
            await node.govern("ours", Wish(action="approve", release=name))
        await agree(context.id, ada, ben, eve)
        (row,) = eve.rules("ours").approvals
        assert (row.release, row.approvals, row.needed) == (name, 2, 2)
        assert (row.notice_s, row.since, row.until, row.version) == (_NOTICE_S, None, None, "")

        before_s = time.time()
        await run(eve, "ours", [WRITE])
        await agree(context.id, ada, ben, eve)
        (row,) = eve.rules("ours").approvals
        assert row.since is not None
        assert row.until is not None
        assert before_s - 1 < unix_s(row.since) < time.time() + 1
        assert unix_s(row.until) - unix_s(row.since) == pytest.approx(_NOTICE_S)
        assert [facts.approvals[0].until for facts in _rules(ada, ben)] == [row.until] * 2

        await eve.install(bundle)
        assert eve.rules("ours").approvals[0].version == "2.0.0"
        tried = await eve.rehearse("ours", PACKAGE, "{}")
        assert (tried.code, tried.version, len(tried.changes)) == ("no-admin", "2.0.0", 2)
        with pytest.raises(Refused, match=f"until {row.until}"):
            await upgrade(ada, bundle)

        left = await eve.leave("ours")
        assert (left.closed, left.undone, eve.contexts()) == (True, "", ())
        await until(lambda: len(ada.context("ours").devices) == 2)
        assert time.time() < unix_s(row.until)
        assert ada.rules("ours").approvals[0].until == row.until
        clock = time.time
        monkeypatch.setattr(time, "time", lambda: clock() + _NOTICE_S)  # everybody's
        await upgrade(ada, bundle, "{}")
        assert in_force_at_s(ada) >= unix_s(row.until)
        await until(lambda: ben.rules("ours").version == "2.0.0")
        assert ben.rules("ours").approvals == ()


def _rules(*nodes: Node) -> list[RulesRow]:
    return [node.rules("ours") for node in nodes]
