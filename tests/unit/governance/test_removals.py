"""What removals void, which of them hit one another, and which then stand."""

from __future__ import annotations

import pytest

from covey.governance.removals import is_contested
from covey.governance.rows import restrictions
from covey.model import ADMIN_ROLE, Admission, Promote, Put
from covey.testkit.oracle.people import device, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, FRED, Told, placed

GINA = device("gina")
ESSAY = (Put("essays", b"k", b"v"),)


def begun() -> Told:
    """As in the tests of rank: dora below ben, emil below dora, gina below ann."""
    told = Told(start(ANN, BEN, CARA, admission=Admission.CLOSED))
    told.admit(BEN, DORA)
    told.say(BEN, Promote(DORA.device, ADMIN_ROLE))
    told.admit(DORA, EMIL)
    told.admit(ANN, GINA)
    return told


def test_quiet_context_has_nothing_void():
    """And nothing is worked out there: no removal meets governance."""
    told = begun()
    told.close(ANN, GINA)
    assert told.authority.void == frozenset()
    assert told.silent() == set()
    assert told.stage.replica.ledger.governor.contested == {}


def test_close_reaches_what_it_does_not_follow_and_spares_the_rest():
    """What dora wrote before it stays; what she wrote aside, and who came in by that, falls."""
    told = begun()
    before = told.now
    kept = told.say(DORA)
    seen = told.now
    told.close(ANN, DORA, cut=seen)
    aside = told.admit(DORA, FRED, cut=seen)
    by_fred = told.say(FRED, cut=told.upto(aside))
    assert told.authority.void == {aside.delta.id}
    assert told.silent() == {aside.delta.id, by_fred.delta.id}
    assert not told.is_silent(kept)
    assert not told.is_member(FRED)
    assert told.is_member(EMIL)
    assert told.at(told.upto(aside)).member(FRED.device) == FRED.member_id
    assert told.at(before).member(DORA.device) == DORA.member_id


def test_refusal_is_by_the_cut_and_void_by_everything():
    """Who saw its close is refused; who did not is void."""
    told = begun()
    before = told.now
    told.close(ANN, DORA)
    assert told.code(told.say(DORA)) == "not-admitted"
    unseen = told.say(DORA, cut=before)
    assert told.code(unseen) == ""
    assert told.is_silent(unseen)


def test_demote_reaches_only_what_needs_the_role():
    """The note of a demoted editor stays; its essay, written aside, does not."""
    told = begun()
    told.say(DORA, Promote(EMIL.device, "editor"))
    before = told.now
    told.demote(ANN, EMIL, "editor")
    note = told.say(EMIL, cut=before)
    essay = told.say(EMIL, cut=told.upto(note), entries=ESSAY)
    assert told.silent() == {essay.delta.id}
    assert told.authority.roles(EMIL.device) == set()
    assert told.code(told.say(EMIL, entries=ESSAY)) == "role-missing"


@pytest.mark.parametrize("is_first", [True, False])
def test_grant_of_one_who_was_removed_falls_in_either_order(is_first: bool):
    """fred's admission, his promotion and his essay rest on dora."""
    told = begun()
    before = told.now
    if is_first:
        told.close(ANN, DORA, cut=before)
    admitted = told.admit(DORA, FRED, cut=before)
    promoted = told.say(DORA, Promote(FRED.device, "editor"), cut=told.upto(admitted))
    essay = told.say(FRED, cut=told.upto(promoted), entries=ESSAY)
    if not is_first:
        assert told.silent() == set()
        told.close(ANN, DORA, cut=before)
    assert told.authority.void == {admitted.delta.id, promoted.delta.id}
    assert told.silent() == {admitted.delta.id, promoted.delta.id, essay.delta.id}


def test_one_of_two_grants_is_enough():
    """emil's role came twice; the one that he had seen falls, the other serves what follows it."""
    told = begun()
    before = told.now
    told.say(BEN, Promote(EMIL.device, "editor"), cut=before)
    seen = told.say(DORA, Promote(EMIL.device, "editor"), cut=before)
    essay = told.say(EMIL, cut=told.upto(seen), entries=ESSAY)
    told.demote(ANN, DORA, ADMIN_ROLE, cut=before)
    assert told.is_silent(essay)
    assert "editor" in told.roles(EMIL)
    later = told.say(EMIL, entries=ESSAY)
    assert not told.is_silent(later)


# -- removals of removals ----------------------------------------------------------------------


def test_senior_removal_voids_the_junior_one():
    """The second founder closed gina unseen; the first closed it: gina stays."""
    told = begun()
    before = told.now
    by_ben = told.close(BEN, GINA, cut=before)
    assert not told.is_member(GINA)
    told.close(ANN, BEN, cut=before)
    assert told.authority.void == {by_ben.delta.id}
    assert told.authority.mutual == frozenset()
    assert told.is_member(GINA)
    assert not told.is_member(BEN)
    assert not told.authority.is_closed(GINA.device)


def test_removal_that_was_seen_is_spared():
    """ann had seen that ben closed gina: that stands."""
    told = begun()
    told.close(BEN, GINA)
    told.close(ANN, BEN)
    assert told.authority.void == frozenset()
    assert not told.is_member(GINA)


def test_two_devices_of_a_member_that_close_one_another_are_both_closed():
    """Their deltas are void, and the removals stand all the same."""
    told = begun()
    second = device("gina", "second")
    told.admit(GINA, second)
    before = told.now
    one = told.close(GINA, second, cut=before)
    other = told.close(second, GINA, cut=before)
    assert told.authority.void == {one.delta.id, other.delta.id}
    assert told.authority.mutual == {(one.delta.id, 0), (other.delta.id, 0)}
    assert not told.is_member(GINA)
    assert not told.is_member(second)
    assert told.authority.is_closed(GINA.device)
    third = device("gina", "third")
    assert told.code(told.admit(ANN, third)) == ""


def test_circle_of_three_stands_together():
    """Each of gina's devices closes the next; a fourth that one of them let in aside falls."""
    told = begun()
    second, third = device("gina", "second"), device("gina", "third")
    told.admit(GINA, second, third)
    before = told.now
    made = [
        told.close(one, other, cut=before)
        for one, other in ((GINA, second), (second, third), (third, GINA))
    ]
    assert told.authority.mutual == {(known.delta.id, 0) for known in made}
    assert not any(told.is_member(one) for one in (GINA, second, third))


def test_what_hits_a_circle_comes_before_it():
    """The source is reached first: ann's close of gina voids gina's part in the circle."""
    told = begun()
    second = device("gina", "second")
    told.admit(GINA, second)
    before = told.now
    told.close(GINA, second, cut=before)
    told.close(second, GINA, cut=before)
    told.close(ANN, GINA, cut=before)
    assert told.authority.mutual == frozenset()
    assert told.is_member(second)
    assert not told.is_member(GINA)


def test_removal_that_rests_on_a_removed_grant_falls():
    """emil's close of fred rests on the promotion by dora, who was demoted by ann."""
    told = begun()
    before = told.now
    told.say(DORA, Promote(EMIL.device, ADMIN_ROLE), cut=before)
    told.admit(EMIL, FRED)
    closed = told.close(EMIL, FRED)
    assert not told.is_member(FRED)
    told.demote(ANN, DORA, ADMIN_ROLE, cut=before)
    assert closed.delta.id in told.authority.void
    assert not told.authority.is_closed(FRED.device)
    assert not told.is_member(FRED), "his admission fell as well"
    assert told.is_member(EMIL)


def test_role_that_a_founder_got_as_well_makes_nothing_rest_on_it():
    """ann is an admin by the charter: cara's gift makes no circle with ben's close of cara."""
    told = Told(start(ANN, BEN, CARA))
    before = told.now
    told.say(CARA, Promote(ANN.device, "editor"), cut=before)
    by_ann = told.close(ANN, BEN)
    by_ben = told.close(BEN, CARA, cut=before)
    assert told.authority.void == {by_ben.delta.id}
    assert not told.is_silent(by_ann)
    assert told.is_member(CARA)


def test_removal_of_oneself_spares_itself():
    """What else its author wrote aside of it cannot be: it is one chain. A grant with it stands."""
    told = begun()
    close = told.writing.close(told.now, DORA.device)
    left = told.say(DORA, FRED.admit(told.founding.context), close)
    assert told.authority.void == frozenset()
    assert not told.is_silent(left)
    assert told.is_member(FRED)
    assert not told.is_member(DORA)


# -- which removals are looked at --------------------------------------------------------------


def test_removal_is_contested_where_its_target_governed_aside():
    """Entries alone make none contested, nor does what the removal follows."""
    told = begun()
    before = told.now
    close = told.close(ANN, DORA, cut=before)
    told.say(DORA, cut=before)
    governor = told.stage.replica.ledger.governor
    assert governor.contested == {}
    told.admit(DORA, FRED, cut=before)
    assert list(governor.contested) == [(close.delta.id, 0)]
    (row,) = restrictions(governor.past.reader, DORA.device)
    assert row.at == placed(close)
    assert is_contested(told.authority, row)
    assert not is_contested(told.at(told.upto(close)), row)


def test_demote_is_contested_only_by_what_needs_admin():
    """An admission in an open context does not need it, a promotion does."""
    told = Told(start(ANN, BEN))
    told.admit(ANN, DORA)
    told.say(ANN, Promote(DORA.device, ADMIN_ROLE))
    before = told.now
    told.demote(ANN, DORA, ADMIN_ROLE)
    admitted = told.admit(DORA, EMIL, cut=before)
    governor = told.stage.replica.ledger.governor
    assert governor.contested == {}
    told.say(DORA, Promote(EMIL.device, "editor"), cut=told.upto(admitted))
    assert len(governor.contested) == 1
    assert told.roles(EMIL) == set()
    assert told.is_member(EMIL)


def test_restart_finds_the_same_contested_removals():
    """They are kept in memory alone."""
    told = begun()
    before = told.now
    told.close(ANN, DORA, cut=before)
    told.admit(DORA, FRED, cut=before)
    again = told.stage.restarted().replica.ledger
    assert again.governor.contested == told.stage.replica.ledger.governor.contested
    assert again.authority.void == told.authority.void
    assert again.governor.has_restrictions
