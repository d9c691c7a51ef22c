"""Who may close and demote whom: rank, votes, own devices, and who is above."""

from __future__ import annotations

import pytest

from covey.governance import voters
from covey.model import ADMIN_ROLE, Admission, Close, DeltaId, Demote, Promote, Vote
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, FRED, Told, placed

GINA = device("gina")
SECOND = device("ann", "second")
PEOPLE = {"ann": ANN, "ben": BEN, "dora": DORA, "emil": EMIL, "fred": FRED, "gina": GINA}


def begun(admin_quorum: int = 0) -> Told:
    """ann, ben and cara founded; ben let dora in, an admin, who let emil in; ann let gina in."""
    told = Told(start(ANN, BEN, CARA, admission=Admission.CLOSED, admin_quorum=admin_quorum))
    told.admit(BEN, DORA)
    told.say(BEN, Promote(DORA.device, ADMIN_ROLE))
    told.admit(DORA, EMIL)
    told.admit(ANN, GINA)
    return told


@pytest.mark.parametrize(
    ("author", "target", "code"),
    [
        ("ann", "ben", ""),
        ("ann", "dora", ""),
        ("ann", "emil", ""),
        ("ben", "ann", "rank"),
        ("ben", "gina", ""),
        ("dora", "emil", ""),
        ("dora", "gina", "rank"),
        ("dora", "ben", "rank"),
        ("dora", "fred", "no-member"),
        ("emil", "gina", "no-admin"),
        ("emil", "dora", "no-admin"),
        ("emil", "emil", ""),
        ("ann", "ann", ""),
    ],
)
def test_close(author: str, target: str, code: str):
    """By founders in their order, by a later admin below itself, by everyone of itself."""
    told = begun()
    made = told.close(PEOPLE[author], PEOPLE[target])
    assert told.code(made) == code
    assert told.is_member(PEOPLE[target]) == (bool(code) and target != "fred")
    assert told.authority.is_closed(PEOPLE[target].device) == (not code)


@pytest.mark.parametrize(
    ("author", "target", "role", "code"),
    [
        ("ann", "ben", "admin", ""),
        ("ben", "ann", "admin", "rank"),
        ("dora", "emil", "editor", ""),
        ("dora", "gina", "editor", "rank"),
        ("dora", "dora", "admin", ""),
        ("ann", "emil", "queen", "unknown-role"),
        ("emil", "gina", "editor", "no-admin"),
    ],
)
def test_demote(author: str, target: str, role: str, code: str):
    """As close; a founder too can lose `admin`, and stays a member."""
    told = begun()
    made = told.demote(PEOPLE[author], PEOPLE[target], role)
    assert told.code(made) == code
    assert told.is_member(PEOPLE[target])
    if not code:
        assert role not in told.roles(PEOPLE[target])
        again = told.say(ANN, Promote(PEOPLE[target].device, role))
        assert told.code(again) == "demoted"


def test_founder_without_admin_closes_itself_alone():
    """Rank is of no use without the role."""
    told = begun()
    told.demote(ANN, BEN, ADMIN_ROLE)
    assert told.code(told.close(BEN, DORA)) == "no-admin"
    assert told.code(told.close(BEN, BEN)) == ""


def test_tips_are_the_devices_last_deltas_in_the_cut():
    """Neither fewer, nor others, nor what the author had not seen."""
    told = begun()
    before = told.now
    note = told.say(EMIL)
    told.say(EMIL)
    for tips in ((), (note.delta.id,), (DeltaId(b"x" * 32),)):
        assert told.code(told.say(ANN, Close(EMIL.device, tips))) == "wrong-tips"
        assert told.code(told.say(ANN, Demote(EMIL.device, "editor", tips))) == "wrong-tips"
    assert told.code(told.close(ANN, EMIL, cut=before)) == ""


# -- above -------------------------------------------------------------------------------------


def test_above_is_what_all_chains_pass_through():
    """A founder has no chain; who was let in by two of them is below neither."""
    told = begun()
    assert told.authority.above(ANN.device) == {ANN.device}
    assert told.authority.above(DORA.device) == {DORA.device, BEN.device}
    assert told.authority.above(EMIL.device) == {EMIL.device, DORA.device, BEN.device}
    cut = told.now
    told.admit(ANN, FRED, cut=cut)
    told.admit(DORA, FRED, cut=cut)
    assert told.authority.above(FRED.device) == {FRED.device}
    assert told.code(told.close(DORA, FRED)) == "rank"
    assert told.code(told.close(BEN, FRED)) == ""


def test_void_admission_is_no_chain():
    """What came in by an admission that fell does not stand between an admin and its own."""
    told = begun()
    cut = told.now
    told.admit(DORA, FRED, cut=cut)
    other = told.admit(CARA, FRED, cut=cut)
    assert told.code(told.close(DORA, FRED)) == "rank"
    told.close(BEN, CARA, cut=cut)
    assert not told.authority.holds(placed(other))
    assert told.code(told.close(DORA, FRED)) == ""
    assert not told.is_member(FRED)


def test_removal_of_a_later_admin_withdraws_its_admissions_alone():
    """fred came in twice at once: dora takes away what passes through her."""
    told = begun()
    before = told.now
    told.admit(DORA, FRED, cut=before)
    seen = told.now
    told.admit(ANN, FRED, cut=before)
    told.close(DORA, FRED, cut=seen)
    assert told.authority.is_closed(FRED.device)
    assert told.is_member(FRED)
    assert told.code(told.say(FRED)) == ""
    told.close(ANN, FRED)
    assert not told.is_member(FRED)


# -- own devices -------------------------------------------------------------------------------


def test_devices_of_one_member_close_one_another():
    """A lost phone is closed from the desk; and, a known limit, the other way round."""
    told = begun()
    told.admit(ANN, SECOND)
    assert told.authority.is_same_member(ANN.device, SECOND.device)
    assert told.code(told.close(SECOND, ANN)) == ""
    assert not told.is_member(ANN)
    assert told.is_member(SECOND)
    assert told.roles(SECOND) == set()


def test_second_device_has_no_role_of_its_members_first():
    """Roles are devices'."""
    told = begun()
    told.admit(ANN, SECOND)
    assert told.code(told.close(SECOND, GINA)) == "no-admin"
    assert told.code(told.say(SECOND, Promote(SECOND.device, ADMIN_ROLE))) == "no-admin"


def test_own_device_is_admitted_without_a_role_where_admission_is_closed():
    """A member brings its own devices; nobody else's."""
    told = begun()
    assert told.code(told.admit(EMIL, FRED)) == "no-admin"
    assert told.code(told.admit(EMIL, device("emil", "second"))) == ""


def test_closed_device_never_comes_back_and_its_member_does():
    """With another device."""
    told = begun()
    told.close(ANN, EMIL)
    assert told.code(told.admit(DORA, EMIL)) == "closed"
    other = device("emil", "second")
    assert told.code(told.admit(DORA, other)) == ""
    assert told.is_member(other)


# -- votes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("quorum", [0, 2, 3])
def test_founders_together_close_the_first(quorum: int):
    """The author needs no vote of its own, and votes that it has not seen do not count."""
    told = begun(quorum)
    before = told.now
    voted = told.say(CARA, Vote(ANN.device))
    assert told.code(voted) == ("" if quorum else "no-quorum")
    assert told.code(told.close(BEN, ANN, cut=before)) == "rank"
    made = told.close(BEN, ANN)
    assert told.code(made) == ("" if quorum == 2 else "rank")
    assert told.is_member(ANN) == (quorum != 2)


def test_votes_of_one_member_are_one():
    """Two devices of ben founded: with ann's, it takes somebody else."""
    twin = device("ben", "second")
    told = Told(start(ANN, BEN, twin, CARA, admin_quorum=2))
    told.say(twin, Vote(ANN.device))
    assert told.code(told.close(BEN, ANN)) == "rank"
    told.say(CARA, Vote(ANN.device))
    assert told.code(told.close(BEN, ANN)) == ""


@pytest.mark.parametrize(("author", "target"), [(DORA, ANN), (ANN, DORA), (ANN, EMIL)])
def test_only_founders_vote_and_about_founders_alone(author: Identity, target: Identity):
    """For everybody else there is rank."""
    told = begun(2)
    assert told.code(told.say(author, Vote(target.device))) == "no-quorum"


def test_vote_of_one_who_lost_admin_does_not_count():
    """At the cut of the close she must be an admin still."""
    told = begun(2)
    told.say(CARA, Vote(ANN.device))
    told.demote(BEN, CARA, ADMIN_ROLE)
    assert told.code(told.close(BEN, ANN)) == "rank"


def test_votes_are_counted_by_member_as_the_judgement_counts_them():
    """Whoever is told how many there are must be able to rely on it."""
    told = begun(2)
    assert voters(told.authority) == {}
    told.say(CARA, Vote(ANN.device))
    told.say(CARA, Vote(ANN.device))
    assert voters(told.authority) == {ANN.device: frozenset({CARA.member_id})}
    told.say(BEN, Vote(ANN.device))
    assert voters(told.authority) == {ANN.device: frozenset({CARA.member_id, BEN.member_id})}
    told.demote(BEN, CARA, ADMIN_ROLE)
    assert voters(told.authority) == {ANN.device: frozenset({BEN.member_id})}


def test_vote_for_another_does_not_count():
    """A vote names whom it is about."""
    told = begun(2)
    told.say(ANN, Vote(CARA.device))
    told.say(CARA, Vote(BEN.device))
    assert told.code(told.close(BEN, ANN)) == "rank"
