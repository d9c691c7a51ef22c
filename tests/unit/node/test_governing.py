"""From wishes to effects, and the rules as a node tells them."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from covey.codec import cid_text, decode_manifest, did_text
from covey.errors import ConfigError, NotFound, Refused
from covey.model import (
    ADMIN_ROLE,
    Approve,
    Close,
    Demote,
    Governance,
    Interface,
    Never,
    Promote,
    Publisher,
    Quorum,
    ReleaseId,
    Tighten,
    Upgrade,
    Vote,
)
from covey.node.governing import Wish, charter_rules, effects_of, ledger_rules
from covey.node.notices import iso_time
from covey.node.records import Application, Records
from covey.node.rulebook import ConstraintRow
from covey.node.views import ApprovalRow
from covey.testkit.history import START_MS
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import FIRST_MANIFEST, device, manifest, release, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, Told

NEXT = manifest("1.2.0", kind="more")
SECOND = device("dora", "second")


class _Records:
    """Of installed releases, the one there is."""

    def manifest(self, wanted: ReleaseId) -> bytes:
        assert wanted == release(NEXT)
        return NEXT


def begun() -> Told:
    """ann and ben founded; dora has two devices, of which the first is an admin's."""
    told = Told(start(ANN, BEN, constraints=(Publisher(),)))
    told.admit(ANN, DORA)
    told.admit(DORA, SECOND)
    told.say(ANN, Promote(DORA.device, ADMIN_ROLE))
    return told


def wished(told: Told, wish: Wish) -> tuple[Governance, ...]:
    """What ann's node would write."""
    ledger = told.stage.replica.ledger
    return effects_of(ledger, ANN.device, wish, cast("Records", _Records()))


def member(who: Identity) -> str:
    """As people name it."""
    return did_text(who.member_id)


def test_member_stands_for_all_its_devices_and_a_device_for_itself():
    """The order is the node's own."""
    told = begun()
    both = wished(told, Wish(action="remove", who=member(DORA)))
    assert set(both) == {Close(DORA.device, ()), Close(SECOND.device, ())}
    one = wished(told, Wish(action="remove", who=did_text(SECOND.device)))
    assert one == (Close(SECOND.device, ()),)


def test_leaving_closes_this_device():
    """And no other of the member."""
    assert wished(begun(), Wish(action="leave")) == (Close(ANN.device, ()),)


def test_role_is_given_to_devices_without_it_and_taken_from_those_with_it():
    """Of a member with several."""
    told = begun()
    give = Wish(action="give", who=member(DORA), role=ADMIN_ROLE)
    take = Wish(action="take", who=member(DORA), role=ADMIN_ROLE)
    assert wished(told, give) == (Promote(SECOND.device, ADMIN_ROLE),)
    assert wished(told, take) == (Demote(DORA.device, ADMIN_ROLE, ()),)
    told.say(ANN, Promote(SECOND.device, ADMIN_ROLE))
    with pytest.raises(Refused, match=r"held-already: .* has the role admin"):
        wished(told, give)
    with pytest.raises(Refused, match="does not have the role editor"):
        wished(told, Wish(action="take", who=member(DORA), role="editor"))


@pytest.mark.parametrize("action", ["give", "take"])
def test_role_that_there_is_not_is_refused_with_those_there_are(action: str):
    """Most likely it is a slip of the one who types."""
    wish = Wish(action=action, who=member(DORA), role="edtor")
    with pytest.raises(Refused) as caught:
        wished(begun(), wish)
    why = "unknown-role: this context has no role 'edtor': it has admin, editor"
    assert str(caught.value) == why


def test_code_wishes():
    """What depends on the delta is filled in when it is written."""
    told, name = begun(), cid_text(release(NEXT))
    row = ConstraintRow("never")
    assert wished(told, Wish(action="tighten", constraint=row)) == (Tighten(Never()),)
    assert wished(told, Wish(action="approve", release=name)) == (Approve(1, release(NEXT)),)
    assert wished(told, Wish(action="upgrade", release=name)) == (Upgrade(1, NEXT, ()),)
    assert wished(told, Wish(action="vote", who=member(BEN))) == (Vote(BEN.device),)


@pytest.mark.parametrize(
    "wish",
    [
        Wish(action="dance"),
        Wish(action=""),
        Wish(action="tighten"),
        Wish(action="leave", migration="{}"),
        Wish(action="approve", release=cid_text(release(NEXT)), migration="{}"),
        Wish(action="tighten", constraint=ConstraintRow("sometimes")),
        Wish(action="approve", release="nonsense"),
        Wish(action="upgrade"),
        Wish(action="remove", who="ann"),
        Wish(action="remove"),
    ],
)
def test_what_is_no_wish_is_told(wish: Wish):
    """Before anything is written."""
    with pytest.raises(ConfigError):
        wished(begun(), wish)


def test_who_is_not_here_and_who_was():
    """A stranger, a removed member, a removed device, and a member with one device left."""
    told = begun()
    with pytest.raises(NotFound, match="is neither a member nor"):
        wished(told, Wish(action="remove", who=member(EMIL)))
    told.close(ANN, DORA)
    with pytest.raises(NotFound, match="was removed already"):
        wished(told, Wish(action="remove", who=did_text(DORA.device)))
    left = wished(told, Wish(action="remove", who=member(DORA)))
    assert left == (Close(SECOND.device, ()),)


def test_member_whose_last_device_was_removed_was_removed():
    """By its own name too, not by its device's alone."""
    told = begun()
    told.close(ANN, DORA, SECOND)
    with pytest.raises(NotFound):
        wished(told, Wish(action="remove", who=member(DORA)))


# -- the rules as they are told ----------------------------------------------------------------


def test_rules_of_a_charter_are_what_it_says():
    """Before anything of the context is known."""
    founding = start(ANN, BEN, constraints=(Publisher(),), admin_quorum=2)
    row = charter_rules(cid_text(founding.context), founding.charter)
    assert (row.id, row.is_current) == (cid_text(founding.context), False)
    assert (row.admission, row.verification, row.encryption) == ("open", "signature", "none")
    assert (row.roles, row.admin_quorum) == (("admin", "editor"), 2)
    assert row.fuel_budget == 0
    bounded = charter_rules(row.id, replace(founding.charter, fuel_budget=600_000_000))
    assert bounded.fuel_budget == 600_000_000
    assert row.constraints == (ConstraintRow("publisher"),)
    assert (row.number, row.release, row.version) == (0, cid_text(release(FIRST_MANIFEST)), "")
    assert [(m.member, m.device, m.roles) for m in row.members] == [
        (member(who), did_text(who.device), ("admin",)) for who in (ANN, BEN)
    ]


def test_rules_of_a_ledger_are_what_holds_now():
    """Constraints, release, roles and collections as they became."""
    told = begun()
    told.say(ANN, Promote(SECOND.device, "editor"))
    told.say(BEN, Upgrade(1, NEXT, ()))
    told.say(ANN, Tighten(Never()))
    told.close(ANN, BEN)
    row = ledger_rules(told.stage.replica.ledger)
    assert row.is_current
    assert [each.constraint for each in row.constraints] == ["publisher", "never"]
    assert (row.number, row.release, row.version) == (1, cid_text(release(NEXT)), "1.2.0")
    held = {m.device: m.roles for m in row.members}
    assert held == {
        did_text(ANN.device): ("admin",),
        did_text(DORA.device): ("admin",),
        did_text(SECOND.device): ("editor",),
    }
    assert "Nobody can change this application's code." in row.never
    assert any("write extras" in line for line in row.can)


def test_vote_that_was_given_already_is_refused():
    """A second one would change nothing, and cost a delta for ever."""
    told = Told(start(ANN, BEN, CARA, admin_quorum=2))
    told.say(BEN, Vote(CARA.device))
    wish = Wish(action="vote", who=member(CARA))
    assert wished(told, wish) == (Vote(CARA.device),)
    told.say(ANN, Vote(CARA.device))
    with pytest.raises(Refused, match="voted-already: this member votes to remove"):
        wished(told, wish)


def test_approvals_are_counted_for_each_quorum():
    """Of the next number alone, and only those of its keys."""
    keys = (ANN.member_id, BEN.member_id)
    told = Told(start(ANN, BEN, constraints=(Quorum(2, keys, 0), Quorum(1, keys[1:], 0))))
    ledger, name = told.stage.replica.ledger, cid_text(release(NEXT))
    assert ledger_rules(ledger).approvals == ()
    told.say(ANN, Approve(1, release(NEXT)))
    told_of = ledger_rules(ledger).approvals
    assert told_of == (ApprovalRow(name, 1, 2), ApprovalRow(name, 0, 1))
    told.say(BEN, Approve(1, release(NEXT)))
    assert [row.approvals for row in ledger_rules(ledger).approvals] == [2, 1]
    told.say(ANN, Upgrade(1, NEXT, ()))
    assert ledger_rules(ledger).approvals == ()


def test_approvals_say_when_their_notice_began_and_until_when_it_runs():
    """To a member without any role too; nothing where no notice runs, or nothing waits for it."""
    keys = (ANN.member_id, BEN.member_id)
    told = Told(start(ANN, BEN, constraints=(Quorum(2, keys, 3_600_000), Quorum(1, keys, 0))))
    told.admit(ANN, DORA)
    ledger, name = told.stage.replica.ledger, cid_text(release(NEXT))
    told.say(ANN, Approve(1, release(NEXT)), at_ms=100)
    told.say(DORA, at_ms=150)
    assert ledger_rules(ledger).approvals[0] == ApprovalRow(name, 1, 2, 3_600)
    told.say(BEN, Approve(1, release(NEXT)), at_ms=200)
    assert ledger_rules(ledger).approvals[0] == ApprovalRow(name, 2, 2, 3_600)
    told.say(DORA, at_ms=300)
    since, until = START_MS / 1_000 + 0.3, START_MS / 1_000 + 3_600.3
    begun_row = ApprovalRow(name, 2, 2, 3_600, iso_time(since), iso_time(until))
    assert ledger_rules(ledger).approvals == (begun_row, ApprovalRow(name, 2, 1))
    told.say(ANN, Tighten(Never()))
    assert ledger_rules(ledger).approvals[0] == ApprovalRow(name, 2, 2, 3_600)


def test_approved_release_is_named_where_it_is_installed():
    """So is the application; a CID alone says nothing to people."""
    told = Told(start(ANN, constraints=(Quorum(1, (ANN.member_id,), 0),)))
    told.say(ANN, Approve(1, release(NEXT)))
    ledger = told.stage.replica.ledger
    known = {
        release(packed): Application(
            release(packed), decode_manifest(packed), cast("Interface", None), 1
        )
        for packed in (FIRST_MANIFEST, NEXT)
    }
    row = ledger_rules(ledger, known.get)
    (approval,) = row.approvals
    package = decode_manifest(NEXT).package
    assert (row.package, approval.package, approval.version) == (package, package, "1.2.0")
    assert charter_rules(row.id, ledger.charter, known.get).package == package
    row = ledger_rules(ledger)
    (approval,) = row.approvals
    assert (row.package, approval.package, approval.version) == ("", "", "")


def test_rules_of_a_ledger_whose_admins_left_say_so():
    """Members may still be there, and write."""
    told = Told(start(ANN))
    told.admit(ANN, DORA)
    assert not any("any more" in line for line in ledger_rules(told.stage.replica.ledger).never)
    told.close(ANN, ANN)
    row = ledger_rules(told.stage.replica.ledger)
    assert any("Nobody governs this context any more" in line for line in row.never)
    assert not any("n admin can" in line for line in row.can)
    assert "Whoever knows this context can become a member." in row.can
    told.close(DORA, DORA)
    row = ledger_rules(told.stage.replica.ledger)
    assert row.can == ()
    assert any("Nobody can become a member any more" in line for line in row.never)


def test_ledger_without_a_delta_has_the_rules_of_its_charter():
    """But for what the charter does not say."""
    told = Told(start(ANN, BEN, constraints=(Publisher(),)))
    now = ledger_rules(told.stage.replica.ledger)
    then = charter_rules(now.id, told.founding.charter)
    assert now.version == "1.0.0"
    for name in ("admission", "roles", "constraints", "number", "release", "members"):
        assert getattr(now, name) == getattr(then, name), name
    assert set(then.never) <= set(now.never)
    assert set(then.can) <= set(now.can)
