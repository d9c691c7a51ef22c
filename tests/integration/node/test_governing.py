"""Rules between whole nodes: roles, removals, releases, and who may put which in force."""

from __future__ import annotations

import json

import pytest
import trio

from covey.codec import cid_text, open_bundle
from covey.errors import ConfigError, NotFound, Refused
from covey.node.governing import Wish
from covey.node.rulebook import ConstraintRow, Rulebook
from covey.node.service import Node
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until
from tests.integration.node.releases import PACKAGE, release, value

pytestmark = pytest.mark.trio
WRITE = ("write", b"{}")


async def ours(node: Node, rules: Rulebook, version: str = "1.0.0"):
    """Install a version of ours and found a context of it."""
    await node.install(release(version))
    return await node.create_context(PACKAGE, "ours", rules)


async def joined(context, *nodes: Node) -> None:
    """Further nodes come in."""
    for node in nodes:
        assert (await node.join(context.topic, "ours")).admitted


async def upgrade(node: Node, bundle: bytes, migration: str | None = None) -> str:
    """Install a bundle and put it in force."""
    row = await node.install(bundle)
    return await node.govern("ours", Wish(action="upgrade", release=row.id, migration=migration))


async def says(node: Node) -> str:
    """The version that a node runs."""
    return json.loads((await node.query("ours", "told", b"{}")).result)


def own(node: Node, name: str = "ours") -> str:
    """A node's device there."""
    return node.context(name).device


async def test_founding_with_rules(home):
    """Both nodes read the same rules; the second founder is a member before anybody let it in."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        rules = Rulebook(
            roles=("clerk",),
            code=(ConstraintRow("publisher"), ConstraintRow("quorum", 1, (ada.member,), 60)),
            admins=(ben.certificate(),),
            admin_quorum=2,
        )
        context = await ours(ada, rules)
        await joined(context, ben)
        assert told(ben, context.id).deltas == 0
        assert told(ada, context.id).members == 2
        row = ada.rules("ours")
        assert row == ben.rules("ours")
        assert row.is_current
        assert row.roles == ("admin", "clerk")
        assert row.constraints == rules.code
        assert (row.admin_quorum, row.number, row.version) == (2, 0, "1.0.0")
        assert [m.device for m in row.members] == [own(ada), own(ben)]
        assert any("approved by" in line for line in row.never)
        await run(ben, "ours", [WRITE])
        await agree(context.id, ada, ben)


@pytest.mark.parametrize(
    "rules",
    [
        Rulebook(roles=("admin",)),
        Rulebook(code=(ConstraintRow("sometimes"),)),
        Rulebook(admins=("coveycert1nonsense",)),
        Rulebook(admin_quorum=2),
    ],
)
async def test_wrong_rules_found_nothing(home, rules):
    """A mistake is told, and no context is there."""
    async with opened(home("ada")) as ada:
        with pytest.raises(ConfigError):
            await ours(ada, rules)
        assert ada.contexts() == ()


async def test_rules_before_a_context_is_here(home, monkeypatch):
    """Nothing without a charter; with it what it says, though its code cannot run here."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook(roles=("clerk",), code=(ConstraintRow("never"),)))

        async def unwilling(*_: object) -> None:
            raise ConfigError("no engine takes it")

        with monkeypatch.context() as patch:
            patch.setattr(ben._executor, "install", unwilling)
            with pytest.raises(Refused, match="no engine takes it"):
                await ben.join(context.id, "ours")
        row = ben.rules("ours")
        assert not row.is_current
        assert row.constraints == (ConstraintRow("never"),)
        assert [m.device for m in row.members] == [own(ada)]
        assert row.never == ada.rules("ours").never[: len(row.never)]
    async with opened(home("eve")) as eve:
        with trio.move_on_after(0.3):
            await eve.join(context.id, "ours")
        with pytest.raises(Refused, match="still joining"):
            eve.rules("ours")


# -- roles -------------------------------------------------------------------------------------


async def test_role_is_given_used_and_taken_for_good(home):
    """By an admin; what the role was needed for is refused before and after."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook(roles=("clerk",)))
        await joined(context, ben)
        staff = ("staff", b"{}")
        give = Wish(action="give", who=ben.member, role="clerk")
        with pytest.raises(Refused, match="no-admin"):
            await ben.govern("ours", give)
        with pytest.raises(Refused):
            await ben.call("ours", *staff)
        await ada.govern("ours", give)
        await agree(context.id, ada, ben)
        assert {m.device: m.roles for m in ben.rules("ours").members}[own(ben)] == ("clerk",)
        await run(ben, "ours", [staff])
        with pytest.raises(ConfigError, match="has the role clerk already"):
            await ada.govern("ours", give)
        await agree(context.id, ada, ben)
        await ada.govern("ours", Wish(action="take", who=own(ben), role="clerk"))
        await agree(context.id, ada, ben)
        with pytest.raises(Refused):
            await ben.call("ours", *staff)
        await run(ben, "ours", [WRITE])
        with pytest.raises(Refused, match="demoted"):
            await ada.govern("ours", give)
        assert value(ada, "ours", "staff", "k") == value(ben, "ours", "staff", "k") == b"1.0.0"


async def test_wishes_that_name_nobody_or_nothing(home):
    """Told before anything is written."""
    async with opened(home("ada")) as ada, opened(home("ben")) as ben:
        context = await ours(ada, Rulebook())
        for wish, error in (
            (Wish(action="give", who=ben.member, role="admin"), NotFound),
            (Wish(action="give", who="nobody", role="admin"), ConfigError),
            (Wish(action="take", who=ada.member, role="clerk"), ConfigError),
            (Wish(action="dance"), ConfigError),
            (Wish(action="tighten"), ConfigError),
            (Wish(action="upgrade", release="org.example.absent"), NotFound),
            (Wish(action="give", who=ada.member, role="clerk"), Refused),
            (Wish(action="vote", who=ada.member), Refused),
        ):
            with pytest.raises(error):
                await ada.govern("ours", wish)
        assert told(ada, context.id).deltas == 0


# -- removal -----------------------------------------------------------------------------------


async def test_removed_member_is_told_and_what_it_wrote_meanwhile_is_dropped(home):
    """What was seen stays; what was not is in the log and does nothing, also after a restart."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await run(ben, "kv", [put("seen")])
        await agree(context.id, ada, ben)
        device = own(ben, "kv")
    async with opened(home("ben")) as ben:
        await run(ben, "kv", [put("unseen")])
    async with opened(home("ada")) as ada:
        await ada.govern("kv", Wish(action="remove", who=device))
        with pytest.raises(NotFound, match="was removed already"):
            await ada.govern("kv", Wish(action="remove", who=device))
        async with opened(home("ben"), ada) as ben:
            await until(lambda: told(ben, context.id).phase == "removed")
            await until(lambda: told(ada, context.id).deltas == told(ben, context.id).deltas == 4)
            assert told(ada, context.id).digest == told(ben, context.id).digest
            for node in (ada, ben):
                assert await keys(node, "kv") == {"seen"}
                assert told(node, context.id).members == 1
            with pytest.raises(Refused, match="was removed"):
                await ben.call("kv", *put("again"))
            with pytest.raises(Refused, match="was removed"):
                await ben.govern("kv", Wish(action="leave"))
            silent = [row.void for _, row in ada.log("kv", 0, 100)]
            assert sorted(silent) == [False, False, False, True]
        async with opened(home("ben"), ada) as ben:
            await until(lambda: told(ben, context.id).phase == "removed")
            assert await keys(ben, "kv") == {"seen"}


async def test_member_closes_its_own_device(home):
    """Nobody's leave is needed; the others go on."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await ben.govern("kv", Wish(action="leave"))
        await until(lambda: told(ada, context.id).members == 1)
        assert told(ben, context.id).phase == "removed"
        with pytest.raises(Refused, match="was removed"):
            await ben.call("kv", *put("again"))
        await run(ada, "kv", [put("on")])
        await until(lambda: told(ben, context.id).digest == told(ada, context.id).digest)


async def test_second_founder_needs_a_vote_to_remove_the_first(home):
    """Two of three members decide."""
    async with (
        opened(home("ada")) as ada,
        opened(home("ben"), ada) as ben,
        opened(home("eve"), ada) as eve,
    ):
        admins = (ben.certificate(), eve.certificate())
        context = await ours(ada, Rulebook(admins=admins, admin_quorum=2))
        await joined(context, ben, eve)
        remove = Wish(action="remove", who=ada.member)
        with pytest.raises(Refused, match="rank"):
            await ben.govern("ours", remove)
        await eve.govern("ours", Wish(action="vote", who=ada.member))
        await agree(context.id, ben, eve)
        await ben.govern("ours", remove)
        await until(lambda: told(ada, context.id).phase == "removed")
        await agree(context.id, ben, eve)
        assert [m.device for m in eve.rules("ours").members] == [own(ben), own(eve)]


# -- releases ----------------------------------------------------------------------------------


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
        with pytest.raises(Refused, match="notice"):
            await upgrade(ada, bundle)
        await run(eve, "ours", [WRITE])
        await agree(context.id, ada, ben, eve)
        with pytest.raises(Refused, match="notice"):
            await upgrade(ada, bundle)
        await trio.sleep(2.2)
        await upgrade(ada, bundle)
        await agree(context.id, ada, ben, eve)
        for node in (ben, eve):
            await run(node, "ours", [WRITE])
            assert await says(node) == "2.0.0"
        await agree(context.id, ada, ben, eve)


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
