"""Rules between whole nodes: founding, roles and removals."""

from __future__ import annotations

import pytest
import trio

from covey.codec import did_text
from covey.errors import ConfigError, NotFound, Refused
from covey.node import VoteRow
from covey.node.governing import Wish
from covey.node.rulebook import ConstraintRow, Rulebook
from covey.testkit.identities import identity
from tests.integration.node.conftest import agree, found, keys, opened, put, run, told, until
from tests.integration.node.releases import PACKAGE, WRITE, joined, ours, own, value

pytestmark = pytest.mark.trio


# -- keys ---------------------------------------------------------------------------------------


async def test_device_is_no_key_of_a_quorum(home):
    """Members approve: such a quorum would wait for ever, and nobody can loosen it."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        old = did_text(home("ada").another_device().public)
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await agree(context.id, ada, ben)
        for device, member in ((own(ada), ada.member), (own(ben), ben.member), (old, ada.member)):
            row = ConstraintRow("quorum", 1, (device,))
            why = f"keys: {device} is a device, not a member: its member is {member}$"
            with pytest.raises(ConfigError, match=why):
                await ada.govern("ours", Wish(action="tighten", constraint=row))
        for device in (own(ada), old):
            row = ConstraintRow("quorum", 1, (ben.member, device))
            with pytest.raises(ConfigError, match="is a device, not a member"):
                await ada.create_context(PACKAGE, "more", Rulebook(code=(row,)))
        assert ada.rules("ours").constraints == ()
        assert [each.name for each in ada.contexts()] == ["ours"]
        row = ConstraintRow("quorum", 1, (ben.member, did_text(identity("fred").device)))
        await ada.govern("ours", Wish(action="tighten", constraint=row))
        assert ada.rules("ours").constraints == (row,), "of strangers nothing is known"


async def test_device_that_was_removed_is_no_key_of_a_quorum_either(home):
    """Nothing of a removed device ever counts, and its key is no member's."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await agree(context.id, ada, ben)
        gone = own(ben)
        await ada.govern("ours", Wish(action="remove", who=ben.member))
        row = ConstraintRow("quorum", 1, (gone,))
        with pytest.raises(ConfigError, match="is a device, not a member"):
            await ada.govern("ours", Wish(action="tighten", constraint=row))


# -- founding ----------------------------------------------------------------------------------


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


async def test_founder_named_with_a_spent_device_is_a_member_without_a_role(home):
    """Nothing else can be: the charter is for ever, and the node writes with another device."""
    async with opened(home("ada")) as ada:
        async with opened(home("ben"), ada) as ben:
            rules = Rulebook(admins=(ben.certificate(),))
        context = await ours(ada, rules)
        home("ben").spend_device(home("ben").device().public, context.id)
        async with opened(home("ben"), ada) as ben:
            await joined(context, ben)
            row = ben.context("ours")
            named = dict(row.admins)
            assert (named[ben.member] != row.device, row.roles) == (True, ())
            give = Wish(action="give", who=row.device, role="admin")
            with pytest.raises(Refused, match="no-admin"):
                await ben.govern("ours", give)
            await agree(context.id, ada, ben)
            await ada.govern("ours", give)
            await agree(context.id, ada, ben)
            assert ben.context("ours").roles == ("admin",)


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
        assert ben.context("ours").roles == ("clerk",)
        assert {m.device: m.roles for m in ada.context("ours").devices}[own(ben)] == ("clerk",)
        await run(ben, "ours", [staff])
        with pytest.raises(Refused, match=r"held-already: .* has the role clerk"):
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
            (Wish(action="take", who=ada.member, role="clerk"), Refused),
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
        assert ben.rules("ours").votes == (VoteRow(ada.member, own(ada), 1, 2),)
        await ben.govern("ours", remove)
        await until(lambda: told(ada, context.id).phase == "removed")
        await agree(context.id, ben, eve)
        assert [m.device for m in eve.rules("ours").members] == [own(ben), own(eve)]


async def test_who_was_let_in_by_a_removed_member_comes_in_again(home):
    """eve's admission fell with ben's removal, through no fault of hers: her node asks again."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        await ben.join(context.topic, "kv")
        await agree(context.id, ada, ben)
        device = own(ben, "kv")
    async with opened(home("ben")) as ben, opened(home("eve"), ben) as eve:
        await eve.join(context.topic, "kv")
        await run(eve, "kv", [put("lost")])
        await agree(context.id, ben, eve)
    async with opened(home("ada")) as ada:
        await ada.govern("kv", Wish(action="remove", who=device))
        async with opened(home("eve"), ada) as eve:
            await until(lambda: told(eve, context.id).deltas > 3)
            await until(lambda: told(ada, context.id).members == 2, 20)
            await agree(context.id, ada, eve)
            assert told(eve, context.id).phase == "member"
            assert await keys(ada, "kv") == set()
            await run(eve, "kv", [put("again")])
            await agree(context.id, ada, eve)
            assert await keys(ada, "kv") == {"again"}
