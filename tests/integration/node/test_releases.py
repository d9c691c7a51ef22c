"""Releases between whole nodes: who may put one in force, and that everybody runs it."""

from __future__ import annotations

import pytest
import trio

from covey.codec import cid_text, open_bundle
from covey.errors import Refused
from covey.node.governing import Wish
from covey.node.rulebook import ConstraintRow, Rulebook
from tests.integration.node.conftest import agree, opened, run, told, until
from tests.integration.node.releases import (
    PACKAGE,
    WRITE,
    joined,
    ours,
    release,
    says,
    upgrade,
    value,
)

pytestmark = pytest.mark.trio


async def test_upgrade_is_fetched_run_and_there_after_a_restart(home):
    """The other node never installed it; nor does what it stored need anybody afterwards."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await run(ben, "ours", [WRITE])
        await agree(context.id, ada, ben)
        await upgrade(ada, release("2.0.0", more=True))
        await agree(context.id, ada, ben)
        assert ben.rules("ours").number == 1
        await run(ben, "ours", [WRITE])
        assert (await says(ada), await says(ben)) == ("2.0.0", "2.0.0")
        await agree(context.id, ada, ben)
        for node in (ada, ben):
            assert value(node, "ours", "items", "k") == b"2.0.0"
            assert value(node, "ours", "extras", "k") == b"2.0.0"
        digest = told(ada, context.id).digest
    async with opened(home("ben")) as ben:
        await until(lambda: ben.rules("ours").version == "2.0.0")
        assert told(ben, context.id).digest == digest
        await run(ben, "ours", [WRITE])
        assert await says(ben) == "2.0.0"
        assert value(ben, "ours", "extras", "k") == b"2.0.0"


async def test_newcomer_to_an_upgraded_context_runs_what_is_in_force(home):
    """It fetches the charter's release and the one that came after."""
    async with opened(home("ada")) as ada:
        context = await ours(ada, Rulebook())
        await upgrade(ada, release("2.0.0"))
        await run(ada, "ours", [WRITE])
        async with opened(home("ben"), ada) as ben:
            await joined(context, ben)
            await agree(context.id, ada, ben)
            await run(ben, "ours", [WRITE])
            assert await says(ben) == "2.0.0"
            assert ben.rules("ours") == ada.rules("ours")


async def test_downgrade_and_other_publishers_are_refused(home):
    """Only newer versions, under `publisher`; another publisher's never."""
    async with opened(home("ada")) as ada:
        await ours(ada, Rulebook(code=(ConstraintRow("publisher"),)), "1.5.0")
        for version in ("1.4.0", "1.5.0-rc.1"):
            with pytest.raises(Refused, match="no-newer-version"):
                await upgrade(ada, release(version))
        with pytest.raises(Refused, match="other-application"):
            await upgrade(ada, release("3.0.0", publisher="somebody else"))
        await upgrade(ada, release("2.0.0"))
        with pytest.raises(Refused, match="no-newer-version"):
            await upgrade(ada, release("1.9.0"))
        assert (ada.rules("ours").number, await says(ada)) == (1, "2.0.0")
        row = ada.context("ours")
        assert row.in_force is not None
        assert (row.in_force.number, row.in_force.version) == (1, "2.0.0")
        assert row.in_force.release == ada.rules("ours").release != row.release


async def test_tighten_binds_everybody_from_then_on(home):
    """And adds to what bound before."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook(code=(ConstraintRow("publisher"),)))
        await joined(context, ben)
        tighten = Wish(action="tighten", constraint=ConstraintRow("never"))
        with pytest.raises(Refused, match="no-admin"):
            await ben.govern("ours", tighten)
        await ada.govern("ours", tighten)
        await agree(context.id, ada, ben)
        names = [row.constraint for row in ben.rules("ours").constraints]
        assert names == ["publisher", "never"]
        assert "Nobody can change this application's code." in ben.rules("ours").never
        with pytest.raises(Refused, match="tightened-already"):
            await ada.govern("ours", tighten)
        with pytest.raises(Refused, match="locked"):
            await upgrade(ada, release("2.0.0"))


async def test_quorum_and_notice(home):
    """Too few approvals, no witness, too early; then it is in force for everybody."""
    async with (
        opened(home("ada")) as ada,
        opened(home("ben"), ada) as ben,
        opened(home("eve"), ada) as eve,
    ):
        quorum = ConstraintRow("quorum", 2, (ada.member, ben.member), 2)
        context = await ours(ada, Rulebook(code=(quorum,)))
        await joined(context, ben, eve)
        bundle = release("2.0.0")
        name = cid_text(open_bundle(bundle).release)
        with pytest.raises(Refused, match="not-approved"):
            await upgrade(ada, bundle)
        await ada.govern("ours", Wish(action="approve", release=PACKAGE))
        with pytest.raises(Refused, match="approved-already"):
            await ada.govern("ours", Wish(action="approve", release=name))
        await ben.govern("ours", Wish(action="approve", release=name))
        with pytest.raises(Refused, match="no-key"):
            await eve.govern("ours", Wish(action="approve", release=name))
        await agree(context.id, ada, ben, eve)
        with pytest.raises(Refused, match=r"notice: the notice of 2 seconds has not begun"):
            await upgrade(ada, bundle)
        assert "has not begun" in (await ada.rehearse("ours", PACKAGE, None)).reason
        await run(eve, "ours", [WRITE])
        await agree(context.id, ada, ben, eve)
        with pytest.raises(Refused, match=r"notice: the notice of 2 seconds runs from .* until"):
            await upgrade(ada, bundle)
        await trio.sleep(2.2)
        await upgrade(ada, bundle)
        await agree(context.id, ada, ben, eve)
        for node in (ben, eve):
            await run(node, "ours", [WRITE])
            assert await says(node) == "2.0.0"
        await agree(context.id, ada, ben, eve)


async def test_release_that_cannot_come_into_force_is_not_approved(home):
    """Another application's, the one in force, an older one; nothing is written."""
    async with opened(home("ada")) as ada:
        rules = (ConstraintRow("publisher"), ConstraintRow("quorum", 1, (ada.member,), 0))
        context = await ours(ada, Rulebook(code=rules), "1.5.0")
        for bundle, code in (
            (release("1.5.0"), "in-force"),
            (release("1.4.0"), "no-newer-version"),
            (release("3.0.0", publisher="somebody else"), "other-application"),
        ):
            row = await ada.install(bundle)
            with pytest.raises(Refused, match=f"^{code}: "):
                await ada.govern("ours", Wish(action="approve", release=row.id))
        assert told(ada, context.id).deltas == 0
        await ada.govern(
            "ours", Wish(action="approve", release=(await ada.install(release("2.0.0"))).id)
        )


async def test_release_in_force_is_not_put_in_force_again(home):
    """It would only raise the number, and void approvals of the next one. A dry run says so too."""
    async with opened(home("ada")) as ada:
        context = await ours(ada, Rulebook())
        with pytest.raises(Refused, match=r"^in-force: version 1\.0\.0 is in force already"):
            await upgrade(ada, release("1.0.0"))
        tried = await ada.rehearse("ours", PACKAGE, None)
        assert (tried.allowed, tried.code) == (False, "in-force")
        assert told(ada, context.id).deltas == 0


# -- migrations --------------------------------------------------------------------------------


async def test_migration_runs_once_and_is_everywhere(home):
    """Inside the upgrade's own delta, by the admin's node; no other node calls it."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await run(ben, "ours", [WRITE])
        await agree(context.id, ada, ben)
        before = told(ada, context.id).deltas
        delta = await upgrade(ada, release("2.0.0", migrates=True), "{}")
        await agree(context.id, ada, ben)
        assert told(ben, context.id).deltas == before + 1
        for node in (ada, ben):
            assert value(node, "ours", "sums", "migrations") == (1).to_bytes(8, "little")
            assert value(node, "ours", "items", "m") == b"2.0.0"
            rows = [row for _, row in node.log("ours", 0, 100) if row.delta == delta]
            assert [row.methods for row in rows] == [("migrate",)]
            assert "as number 1" in rows[0].governance[0]
        await run(ben, "ours", [WRITE])
        await agree(context.id, ada, ben)
        digest = told(ada, context.id).digest
    async with opened(home("ben")) as ben:
        await until(lambda: ben.rules("ours").version == "2.0.0")
        assert told(ben, context.id).digest == digest
        assert value(ben, "ours", "sums", "migrations") == (1).to_bytes(8, "little")


async def test_migrate_is_a_call_like_any_other(home):
    """Before and after the upgrade that runs it: what may happen once its code has to guard."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await upgrade(ada, release("2.0.0", migrates=True), "{}")
        await agree(context.id, ada, ben)
        await run(ben, "ours", [("migrate", b"{}")])
        await agree(context.id, ada, ben)
        assert value(ada, "ours", "sums", "migrations") == (2).to_bytes(8, "little")


@pytest.mark.parametrize("migrates", [True, False])
async def test_migration_that_fails_upgrades_nothing(home, migrates):
    """Or that is not there: the old release stays in force, and nothing is written."""
    async with opened(home("ada")) as ada:
        context = await ours(ada, Rulebook())
        with pytest.raises(Refused, match="migration"):
            await upgrade(ada, release("2.0.0", migrates=migrates, fails=True), "{}")
        assert told(ada, context.id).deltas == 0
        assert (ada.rules("ours").number, await says(ada)) == (0, "1.0.0")
        await run(ada, "ours", [WRITE])
        assert value(ada, "ours", "items", "k") == b"1.0.0"


async def test_migration_that_the_rules_refuse_is_not_written(home):
    """It ran, and its upgrade is locked: nothing of it stays, and calls go on."""
    async with opened(home("ada")) as ada:
        context = await ours(ada, Rulebook(code=(ConstraintRow("never"),)))
        with pytest.raises(Refused, match="locked"):
            await upgrade(ada, release("2.0.0", migrates=True), "{}")
        assert told(ada, context.id).deltas == 0
        assert value(ada, "ours", "items", "m") is None
        await run(ada, "ours", [WRITE])
