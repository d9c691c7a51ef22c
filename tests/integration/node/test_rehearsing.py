"""Upgrades that are only tried: the same words as the real one, and no trace."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.codec import cid_text, open_bundle
from covey.errors import NotFound, Refused
from covey.model import limits
from covey.node import ChangeCount, ChangeRow, CollectionRow
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


async def test_rehearsal_says_what_the_upgrade_then_does(home):
    """And leaves everything as it was: state, log, chain and the release in force."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await run(ada, "ours", [WRITE])
        await agree(context.id, ada, ben)
        before = told(ada, context.id)
        row = await ada.install(release("2.0.0", migrates=True, more=True))
        tried = await ada.rehearse("ours", PACKAGE, "{}")
        assert (tried.allowed, tried.code, tried.reason) == (True, "", "")
        assert (tried.number, tried.version, tried.version_before) == (1, "2.0.0", "1.0.0")
        assert tried.release == row.id
        assert tried.collections_added == (CollectionRow("extras", "register", ()),)
        assert tried.counts == (ChangeCount("items", 1, 0, 0), ChangeCount("sums", 0, 0, 1))
        assert set(tried.changes) == {
            ChangeRow("put", "items", "m", None, "2.0.0"),
            ChangeRow("add", "sums", "migrations", "0", "1"),
        }
        assert 0 < tried.fuel == limits.CALL_FUEL_MAX - tried.fuel_left
        after = told(ada, context.id)
        assert replace(after, as_of=None) == replace(before, as_of=None)
        assert (value(ada, "ours", "items", "m"), await says(ada)) == (None, "1.0.0")
        # A second time nothing has moved; then the real one, whose fuel is in everybody's log.
        assert await ada.rehearse("ours", PACKAGE, "{}") == tried
        await ada.govern("ours", Wish(action="upgrade", release=PACKAGE, migration="{}"))
        await agree(context.id, ada, ben)
        assert value(ben, "ours", "items", "m") == b"2.0.0"
        assert value(ben, "ours", "sums", "migrations") == (1).to_bytes(8, "little")


async def test_rules_that_forbid_it_are_told_with_what_it_would_change(home):
    """The same code as the real upgrade is refused with."""
    async with opened(home("ada")) as ada:
        quorum = ConstraintRow("quorum", 1, (ada.member,), 0)
        context = await ours(ada, Rulebook(code=(ConstraintRow("publisher"), quorum)))
        bundle = release("2.0.0", migrates=True)
        name = cid_text(open_bundle(bundle).release)
        await ada.install(bundle)
        tried = await ada.rehearse("ours", name, "{}")
        assert (tried.allowed, tried.code, tried.migrated) == (False, "not-approved", True)
        assert len(tried.changes) == 2
        with pytest.raises(Refused, match=tried.reason):
            await upgrade(ada, bundle, "{}")
        assert told(ada, context.id).deltas == 0
        await ada.govern("ours", Wish(action="approve", release=name))
        assert (await ada.rehearse("ours", name, None)).allowed
        older = await ada.install(release("0.9.0"))
        assert (await ada.rehearse("ours", older.id, None)).code == "no-newer-version"
        with pytest.raises(NotFound):
            await ada.rehearse("ours", "org.example.nothing", None)


async def test_of_many_changes_the_first_are_shown_and_all_are_counted(home, monkeypatch):
    """A migration may touch every entry: what is shown is bounded, what is counted is not."""
    assert limits.REHEARSED_CHANGES_MAX == 1_000  # as the interface says
    async with opened(home("ada")) as ada:
        await ours(ada, Rulebook())
        await ada.install(release("2.0.0", migrates=True))
        whole = await ada.rehearse("ours", PACKAGE, "{}")
        assert len(whole.changes) == 2
        monkeypatch.setattr(limits, "REHEARSED_CHANGES_MAX", 1)
        cut = await ada.rehearse("ours", PACKAGE, "{}")
        assert cut.changes == whole.changes[:1]
        assert cut.counts == whole.counts


async def test_migration_that_fails_says_so(home):
    """With what it used until then."""
    async with opened(home("ada")) as ada:
        await ours(ada, Rulebook())
        await ada.install(release("2.0.0", migrates=True, fails=True))
        tried = await ada.rehearse("ours", PACKAGE, "{}")
        assert (tried.allowed, tried.code, tried.migrated) == (False, "migration", False)
        assert "cannot migrate" in tried.reason
        assert (tried.counts, tried.changes, tried.fuel > 0) == ((), (), True)


async def test_who_may_not_write_may_try(home):
    """No admin, or removed: the answer is the rule's."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await ours(ada, Rulebook())
        await joined(context, ben)
        await ben.install(release("2.0.0"))
        assert (await ben.rehearse("ours", PACKAGE, None)).code == "no-admin"
        await ada.govern("ours", Wish(action="remove", who=ben.member))
        await until(lambda: told(ben, context.id).phase == "removed")
        assert (await ben.rehearse("ours", PACKAGE, None)).code == "not-admitted"
