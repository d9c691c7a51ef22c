"""Releases and the code rule: what an upgrade must satisfy, and what a tighten reaches."""

from __future__ import annotations

import pytest

from covey.model import (
    ADMIN_ROLE,
    Approve,
    Constraint,
    Governance,
    Never,
    Promote,
    Publisher,
    Quorum,
    Tighten,
    Upgrade,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import FIRST_MANIFEST, device, manifest, release, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, Told

NEXT, OTHER = manifest("1.2.0"), manifest("1.2.0", "another")
KEYS = tuple(one.member_id for one in (ANN, BEN, CARA))
TWO, NOTICE = Quorum(2, KEYS, 0), Quorum(2, KEYS, 1000)


def begun(*constraints: Constraint) -> Told:
    """ann, ben and cara founded; ann let dora and emil in."""
    told = Told(start(ANN, BEN, CARA, constraints=constraints))
    told.admit(ANN, DORA, EMIL)
    return told


def upgrade(number: int, packed: bytes, *witnesses: Known) -> Governance:
    """With its witnesses sorted."""
    return Upgrade(number, packed, tuple(sorted(known.delta.id for known in witnesses)))


def approve(number: int, packed: bytes) -> Governance:
    """Of that release."""
    return Approve(number, release(packed))


def put(told: Told, who: Identity, packed: bytes, number: int = 1, **where: int) -> Known:
    """An upgrade without witnesses."""
    return told.say(who, upgrade(number, packed), **where)


# -- releases ----------------------------------------------------------------------------------


def test_charters_release_is_in_force_as_number_0():
    """Before anybody said anything."""
    rule = begun().rule
    assert (rule.number, rule.release) == (0, release(FIRST_MANIFEST))
    assert (rule.standing, rule.fallen, rule.constraints) == ((), (), ())


def test_upgrade_is_in_force_for_what_follows_it():
    """A concurrent call keeps its release, and counts; one that follows has the new one."""
    told = begun()
    before = told.now
    put(told, ANN, NEXT)
    aside = told.say(DORA, cut=before)
    after = told.say(DORA)
    assert (told.rule.number, told.rule.release) == (1, release(NEXT))
    assert aside.delta.core.release == release(FIRST_MANIFEST)
    assert after.delta.core.release == release(NEXT)
    assert told.silent() == set()
    assert told.code(told.say(DORA, release=release(FIRST_MANIFEST))) == "wrong-release"


@pytest.mark.parametrize(("number", "code"), [(1, "wrong-number"), (3, "wrong-number"), (2, "")])
def test_number_is_the_next_one(number: int, code: str):
    """Neither one that was, nor one that skips."""
    told = begun()
    put(told, ANN, NEXT)
    assert told.code(put(told, ANN, manifest("1.3.0"), number)) == code


def test_of_rivals_the_greater_release_is_in_force_and_nothing_is_void():
    """What ran under the other counts."""
    told = begun()
    before = told.now
    made = [put(told, ANN, NEXT, cut=before), put(told, BEN, OTHER, cut=before)]
    calls = [told.say(DORA, cut=told.upto(made[0])), told.say(EMIL, cut=told.upto(made[1]))]
    assert told.rule.release == max(release(NEXT), release(OTHER))
    assert len(told.rule.standing) == 2
    assert told.silent() == set()
    assert {k.delta.core.release for k in calls} == {release(NEXT), release(OTHER)}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("more", ""),
        ("altered", "bad-manifest"),
        ("other-publisher", "other-application"),
        ("other-package", "other-application"),
        ("other-execution", "other-execution"),
        ("other-abi", "other-execution"),
        ("fewer", "collection-changed"),
        ("other-rule", "collection-changed"),
        ("loosened", "collection-changed"),
    ],
)
def test_release_is_of_the_same_application_and_keeps_its_collections(kind: str, code: str):
    """Under no constraint at all."""
    told = begun()
    assert told.code(put(told, ANN, manifest("1.2.0", kind=kind))) == code


def test_collection_that_a_release_added_is_kept_as_well():
    """What is in force counts, not the charter's."""
    told = begun()
    put(told, ANN, manifest("1.2.0", kind="more"))
    assert told.code(put(told, ANN, manifest("1.3.0"), 2)) == "collection-changed"


def test_upgrade_of_one_who_was_removed_falls_with_its_calls():
    """The release before it is in force again; the mute call says nothing, its author stays."""
    told = begun()
    told.say(ANN, Promote(DORA.device, ADMIN_ROLE))
    before = told.now
    made = put(told, DORA, NEXT)
    call = told.say(EMIL)
    told.demote(ANN, DORA, ADMIN_ROLE, cut=before)
    assert (told.rule.number, told.rule.standing) == (0, ())
    assert [row.at.id for row in told.rule.fallen] == [made.delta.id]
    assert told.silent() == {made.delta.id, call.delta.id}
    assert told.code(told.say(EMIL)) == ""
    assert told.code(put(told, ANN, NEXT)) == ""
    assert told.is_silent(call), "it followed none that stands"


# -- constraints -------------------------------------------------------------------------------


def test_never_is_never():
    """Not by the first founder, and not before anything."""
    told = begun(Never())
    assert told.code(put(told, ANN, NEXT)) == "locked"
    assert told.code(put(told, ANN, NEXT, cut=0)) == "locked"


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("1.0.1", ""),
        ("1.10.0", ""),
        ("2.0.0-rc.1", ""),
        ("1.0.0", "no-newer-version"),
        ("1.0.0-rc.1", "no-newer-version"),
        ("0.9.9", "no-newer-version"),
    ],
)
def test_publisher_wants_a_newer_version(version: str, code: str):
    """As semver has it: numbers are numbers, a candidate is before its release."""
    assert told_code(begun(Publisher()), version) == code


def told_code(told: Told, version: str, number: int = 1) -> str:
    """What becomes of an upgrade to a version."""
    return told.code(put(told, ANN, manifest(version, "versions"), number))


def test_newer_is_what_is_newer_than_what_is_in_force():
    """Not than the charter's."""
    told = begun(Publisher())
    assert told_code(told, "1.10.0") == ""
    assert told_code(told, "1.9.0", 2) == "no-newer-version"
    assert told_code(told, "1.11.0", 2) == ""


def test_quorum_wants_keys_of_different_members():
    """One of them twice is one; an approval that the upgrade does not follow is none."""
    told = begun(TWO)
    second = device("ann", "second")
    told.admit(ANN, second)
    base = told.now
    told.say(ANN, approve(1, NEXT), cut=base)
    told.say(second, approve(1, NEXT), cut=base)
    assert told.code(put(told, ANN, NEXT)) == "not-approved"
    seen = told.now
    told.say(BEN, approve(1, NEXT))
    assert told.code(put(told, ANN, NEXT, cut=seen)) == "not-approved"
    assert told.code(put(told, ANN, OTHER)) == "not-approved"
    assert told.code(put(told, ANN, NEXT)) == ""


def test_approvals_are_of_a_number_and_a_release():
    """Those of the first time round are of no use for the second."""
    told = begun(TWO)
    for who in (ANN, BEN):
        told.say(who, approve(1, NEXT))
    assert told.code(told.say(ANN, approve(1, NEXT))) == "approved-already"
    put(told, ANN, NEXT)
    assert told.code(put(told, ANN, NEXT, 2)) == "not-approved"
    assert told.code(told.say(ANN, approve(1, OTHER))) == "wrong-number"
    assert told.code(told.say(ANN, approve(2, NEXT))) == ""


@pytest.mark.parametrize("constraint", [Publisher(), Quorum(1, (ANN.member_id,), 0)])
def test_only_who_has_a_key_approves(constraint: Constraint):
    """Be it an admin."""
    told = begun(constraint)
    assert told.code(told.say(BEN, approve(1, NEXT))) == "no-key"


def test_approval_of_a_closed_key_is_void_with_its_delta():
    """cara approved aside of her removal: that is no approval."""
    told = begun(TWO)
    before = told.now
    told.say(CARA, approve(1, NEXT), cut=before)
    told.say(BEN, approve(1, NEXT), cut=before)
    told.close(ANN, CARA, cut=before)
    assert told.code(put(told, ANN, NEXT)) == "not-approved"


def approved(told: Told, at_ms: int) -> int:
    """ann and ben approve; the cut with both."""
    for who in (ANN, BEN):
        told.say(who, approve(1, NEXT), at_ms=at_ms)
    return told.now


def test_notice_wants_a_witness_without_a_key_that_is_old_enough():
    """To the millisecond."""
    told = begun(NOTICE)
    early = told.say(DORA, at_ms=50)
    base = approved(told, 100)
    by_key = told.say(CARA, cut=base, at_ms=200)
    aside = told.say(EMIL, cut=base, at_ms=200)
    witness = told.say(DORA, cut=base, at_ms=300)
    seen = told.upto(by_key, witness)
    assert told.code(put(told, ANN, NEXT, cut=seen, at_ms=9000)) == "notice"
    for wrong in (early, by_key):
        made = told.say(ANN, upgrade(1, NEXT, wrong), cut=seen, at_ms=9000)
        assert told.code(made) == "notice"
    assert told.code(told.say(ANN, upgrade(1, NEXT, aside), cut=seen, at_ms=9000)) == (
        "wrong-witness"
    )
    young = told.say(ANN, upgrade(1, NEXT, witness), cut=seen, at_ms=1299)
    assert told.code(young) == "notice"
    good = told.say(ANN, upgrade(1, NEXT, by_key, witness), cut=seen, at_ms=1300)
    assert told.code(good) == ""


def test_void_witness_shows_nothing():
    """It was closed aside of what it wrote."""
    told = begun(NOTICE)
    before = told.now
    base = approved(told, 100)
    witness = told.say(DORA, cut=base, at_ms=200)
    told.close(CARA, DORA, cut=before)
    assert told.code(told.say(ANN, upgrade(1, NEXT, witness), at_ms=9000)) == "notice"


def test_all_constraints_must_hold_and_the_first_in_order_gives_the_code():
    """locked, no-newer-version, not-approved, notice."""
    told = begun(NOTICE, Publisher())
    old = manifest("0.1.0")
    assert told.code(put(told, ANN, old)) == "no-newer-version"
    assert told.code(put(told, ANN, NEXT)) == "not-approved"
    approved(told, 100)
    assert told.code(put(told, ANN, NEXT)) == "notice"
    told.say(ANN, Tighten(Never()))
    assert told.code(put(told, ANN, old)) == "locked"


# -- tightens ----------------------------------------------------------------------------------


def test_tighten_adds_and_never_replaces():
    """The charter's quorum binds as before."""
    told = begun(TWO)
    own = Quorum(1, (CARA.member_id,), 0)
    assert told.code(told.say(CARA, Tighten(own))) == ""
    assert told.rule.constraints == (TWO, own)
    assert told.code(told.say(ANN, Tighten(own))) == "tightened-already"
    assert told.code(told.say(DORA, Tighten(Never()))) == "no-admin"
    told.say(CARA, approve(1, NEXT))
    assert told.code(put(told, CARA, NEXT)) == "not-approved"
    told.say(BEN, approve(1, NEXT))
    assert told.code(put(told, CARA, NEXT)) == ""


def test_tighten_spares_the_upgrade_that_it_follows():
    """Though it would not be allowed any more."""
    told = begun()
    put(told, ANN, NEXT)
    call = told.say(DORA)
    told.say(ANN, Tighten(Never()))
    assert told.rule.number == 1
    assert not told.is_silent(call)
    assert told.code(put(told, ANN, OTHER, 2)) == "locked"


@pytest.mark.parametrize("is_first", [True, False])
def test_tighten_fells_the_upgrade_that_it_does_not_follow(is_first: bool):
    """In either order of arrival; what ran under it is mute, and its author is told nothing."""
    told = begun()
    before = told.now

    def tighten() -> None:
        told.say(ANN, Tighten(Never()), cut=before)

    if is_first:
        tighten()
    made = put(told, BEN, NEXT, cut=before)
    call = told.say(DORA, cut=told.upto(made))
    if not is_first:
        assert told.rule.number == 1
        tighten()
    assert (told.rule.number, told.rule.standing) == (0, ())
    assert [row.at.id for row in told.rule.fallen] == [made.delta.id]
    assert told.is_silent(call)
    assert told.authority.void == frozenset()


def test_concurrent_upgrade_that_satisfies_the_tighten_stands():
    """It is asked at the upgrade's own cut: a newer version is one, wherever the tighten is."""
    told = begun()
    before = told.now
    told.say(ANN, Tighten(Publisher()), cut=before)
    good = put(told, BEN, NEXT, cut=before)
    bad = put(told, CARA, manifest("0.5.0"), cut=before)
    assert {row.at.id for row in told.rule.standing} == {good.delta.id}
    assert {row.at.id for row in told.rule.fallen} == {bad.delta.id}
    assert told.rule.release == release(NEXT)


def test_approvals_before_a_quorum_are_no_approvals_by_it():
    """Nobody had a key yet, so that nobody could say it."""
    told = begun()
    assert told.code(told.say(BEN, approve(1, NEXT))) == "no-key"
    before = told.now
    told.say(ANN, Tighten(Quorum(1, (BEN.member_id,), 0)), cut=before)
    put(told, CARA, NEXT, cut=before)
    assert told.rule.number == 0


def test_void_tighten_binds_nobody():
    """dora was demoted aside."""
    told = begun()
    told.say(ANN, Promote(DORA.device, ADMIN_ROLE))
    before = told.now
    told.say(DORA, Tighten(Never()), cut=before)
    made = put(told, BEN, NEXT, cut=before)
    assert told.rule.number == 0
    told.demote(ANN, DORA, ADMIN_ROLE, cut=before)
    assert told.rule.constraints == ()
    assert [row.at.id for row in told.rule.standing] == [made.delta.id]
    assert told.rule.number == 1


def test_tighten_by_a_forked_author_spares_what_its_counted_branch_had_seen():
    """dora's stale branch forbids what her other branch ran under."""
    told = begun()
    told.say(ANN, Promote(DORA.device, ADMIN_ROLE))
    told.say(DORA)
    base = told.now
    put(told, ANN, NEXT)
    told.say(DORA)
    told.say(EMIL)
    assert told.rule.number == 1
    stale = told.say(DORA, Tighten(Never()), cut=base)
    told.say(CARA, cut=told.upto(stale))
    assert told.rule.constraints == (Never(),)
    assert told.rule.number == 1
    assert not told.rule.fallen


def test_code_rule_holds_as_many_constraints_as_it_can():
    """31 more, and no further one."""
    told = begun(Publisher())
    many = [Tighten(Quorum(1, KEYS[:1], notice)) for notice in range(31)]
    assert told.code(told.say(ANN, *many)) == ""
    assert told.code(told.say(ANN, Tighten(Quorum(1, KEYS[:1], 31)))) == "too-many"
