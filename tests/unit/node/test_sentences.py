"""The sentences of a context's rules promise what the rules hold, and nothing else."""

from __future__ import annotations

import pytest

from covey.codec import cid_of, cid_text, did_text
from covey.crypto import sha256
from covey.model import (
    Admission,
    Approve,
    Charter,
    Close,
    Collection,
    Constraint,
    DeltaId,
    Demote,
    Encryption,
    Evidence,
    Governance,
    Merge,
    Never,
    Promote,
    Publisher,
    Quorum,
    ReleaseId,
    Rule,
    Tighten,
    Upgrade,
    Verification,
    Vote,
)
from covey.node.sentences import Present, Sentences, deed, sentences, span_text
from covey.testkit.identities import found, identity

ANN, BEN, CARA = identity("ann"), identity("ben"), identity("cara")
CHARTER = found(ANN, BEN).again(roles=("editor",)).charter
COLLECTIONS = (
    Collection("notes", Rule.REGISTER, ()),
    Collection("likes", Rule.COUNTER, ()),
    Collection("posts", Rule.FROZEN, ()),
    Collection("profiles", Rule.OWNED, ()),
    Collection("essays", Rule.REGISTER, ("admin", "editor")),
)


def said(*constraints: Constraint, charter: Charter = CHARTER) -> Sentences:
    """The rules with these constraints."""
    return sentences(charter, constraints, COLLECTIONS)


def has(lines: tuple[str, ...], *words: str) -> bool:
    """Whether one of some sentences has all of these words."""
    return any(all(word in line for word in words) for line in lines)


def test_every_sentence_is_one():
    """With an end, no empty one, none twice."""
    for constraints in ((), (Never(),), (Publisher(), Quorum(1, (ANN.member_id,), 1_000))):
        some = said(*constraints)
        lines = (*some.can, *some.never, *some.unpromised)
        assert all(line.endswith(".") and line[0].isupper() for line in lines)
        assert len(set(lines)) == len(lines)


def test_locked_code_never_changes_and_nothing_else_is_said_of_releases():
    """Whatever else binds."""
    for constraints in ((Never(),), (Publisher(), Never())):
        some = said(*constraints)
        assert has(some.never, "Nobody can change this application's code")
        assert not has((*some.can, *some.never), "release")


def test_code_that_can_change_says_who_changes_it():
    """And what every release keeps."""
    some = said()
    assert has(some.can, "An admin can put another release")
    assert has(some.never, "another publisher")
    assert has(some.never, "drop a collection")
    assert not has(some.never, "newer")
    assert has(said(Publisher()).never, "not newer")


def test_quorum_names_its_keys_and_notice():
    """One key, or some of several."""
    one = said(Quorum(1, (ANN.member_id,), 0))
    assert has(one.never, "approved by", did_text(ANN.member_id))
    assert not has(one.never, "has known of it")
    two = said(Quorum(2, (ANN.member_id, BEN.member_id), 3 * 86_400_000))
    assert has(two.never, "2 of", did_text(ANN.member_id), did_text(BEN.member_id))
    assert has(two.never, "for 3 days")


def test_what_a_notice_is_worth_is_said_where_there_is_one():
    """Its keepers can let in who bears witness for them; and without one nobody need wait."""
    given = said(Quorum(1, (ANN.member_id,), 1_000)).unpromised
    assert has(given, "shorten a notice to nothing")
    assert has(given, "sleeps through")
    assert not has(given, "at once")
    for constraints in ((), (Publisher(),), (Quorum(1, (ANN.member_id,), 0),)):
        unpromised = said(*constraints).unpromised
        assert has(unpromised, "into force at once")
        assert not has(unpromised, "sleeps through")
    locked = said(Never(), Quorum(1, (ANN.member_id,), 1_000)).unpromised
    assert not any("notice" in line or "constraint" in line for line in locked)


@pytest.mark.parametrize("notice_ms", [1, 400, 1_500])
def test_notice_is_told_exactly(notice_ms: int):
    """Founders with other software may choose milliseconds: `0 seconds` would say nothing."""
    some = said(Quorum(1, (ANN.member_id,), notice_ms))
    assert has(some.never, f"has known of it for {notice_ms} milliseconds:")
    assert not has(some.never, "second:")


@pytest.mark.parametrize(
    ("admission", "words"),
    [
        (Admission.OPEN, "Whoever knows this context"),
        (Admission.INVITE, "invitation"),
        (Admission.CLOSED, "An admin can let a member in"),
    ],
)
def test_admission_is_told(admission: Admission, words: str):
    """One way, and no other."""
    some = said(charter=found(ANN).again(admission=admission).charter)
    assert has(some.can, words)
    assert sum("become a member" in line or "let a member in" in line for line in some.can) == 1


def test_first_admin_is_safe_where_there_is_no_admin_quorum():
    """With one, others can remove it together."""
    assert has(said().never, "first admin", did_text(ANN.member_id))
    voted = said(charter=found(ANN, BEN, CARA).again(admin_quorum=2).charter)
    assert not has(voted.never, "first admin")
    assert has(voted.can, "2 members who are admins of the charter", "the first too")


def test_admin_quorum_of_all_founders_removes_nobody():
    """Whom they vote against would have to vote with them."""
    some = said(charter=found(ANN, BEN).again(admin_quorum=2).charter)
    assert has(some.never, "Nobody but itself can remove the first admin")
    assert not has(some.can, "can together remove")


def test_context_without_an_admin_is_governed_by_nobody():
    """What only an admin could do is no longer possible, and nobody becomes one again."""
    charter = found(ANN, BEN, CARA).again(roles=("editor",), admin_quorum=2).charter
    editor, members = Present(frozenset({"editor"}), 2, 0), Present(frozenset(), 2, 0)
    some = sentences(charter, (), COLLECTIONS, editor)
    assert has(some.never, "Nobody governs this context any more")
    assert not has((*some.can, *some.unpromised), "dmin can")
    assert not has(some.can, "admins of the charter")
    assert has(some.can, "Whoever knows this context can become a member")
    assert has(some.can, "All members can write notes")
    assert has(some.can, "Members with the role admin or editor can write essays")
    some = sentences(charter, (), COLLECTIONS, members)
    assert has(some.never, "Nobody can write essays any more", "admin or editor")
    assert not has(some.can, "write essays")
    closed = found(ANN).again(admission=Admission.CLOSED).charter
    assert has(sentences(closed, (), (), members).never, "Nobody can become a member any more")


def test_context_without_members_can_do_nothing():
    """Nobody is there who could let anybody in."""
    some = sentences(CHARTER, (), COLLECTIONS, Present(frozenset(), 0, 0))
    assert some.can == ()
    assert has(some.never, "Nobody can become a member any more")


def test_admins_made_later_govern_where_no_founder_is_left():
    """But they remove only whom they let in."""
    some = sentences(CHARTER, (), (), Present(frozenset({"admin"}), 1, 0))
    assert has(some.can, "An admin can give a role")
    assert has(some.can, "An admin made later can remove")
    assert not has(some.can, "admin of the charter")
    assert not has(some.never, "any more")


def test_first_admins_own_devices_are_not_forgotten():
    """Any device of its member can close the first admin's: `itself` is the member."""
    (line,) = [line for line in said().never if "first admin" in line]
    assert line.startswith("Nobody but itself")


def test_roles_are_named():
    """Those of the charter, and admin."""
    some = said(charter=found(ANN).again(roles=("editor", "clerk")).charter)
    assert has(some.can, "admin, editor, clerk")


def test_collections_say_who_writes_them():
    """By rule and by roles."""
    some = said()
    assert has(some.can, "All members can write notes")
    assert has(some.can, "All members can write likes")
    assert has(some.can, "Members with the role admin or editor can write essays")
    assert has(some.never, "Nobody without the role admin or editor can write essays")
    assert has(some.never, "delete an entry of posts, nor change one of another member")
    assert has(some.never, "profiles", "the member it belongs to")


def test_collection_whose_role_the_charter_lacks_is_never_written():
    """No role is ever added: to list it as possible would be to promise what nobody can do."""
    some = said(charter=found(ANN, BEN).charter)
    assert has(some.can, "Members with the role admin can write essays")
    only = sentences(CHARTER, (), (Collection("staff", Rule.OWNED, ("clerk", "boss")),))
    assert has(only.never, "Nobody can write staff: this context has no role clerk or boss.")
    assert not has((*only.can, *only.never), "entry of staff")


def test_what_is_not_promised_depends_on_the_charter():
    """Replayed calls and encryption would be promises."""
    assert has(said().unpromised, "doctored node")
    assert has(said().unpromised, "can read everything")
    other = found(ANN).again(verification=Verification.REPLAY, encryption=Encryption.EPOCHS)
    some = said(charter=other.charter)
    assert not has(some.unpromised, "doctored node")
    assert not has(some.unpromised, "can read everything")
    assert has(some.unpromised, "removal counts for nothing")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (90, "90 seconds"),
        (3_600, "1 hour"),
        (7_200, "2 hours"),
        (86_400, "1 day"),
        (259_200, "3 days"),
        (90_000, "25 hours"),
    ],
)
def test_span_is_told_in_the_largest_unit_that_divides_it(seconds: int, words: str):
    """Never rounded."""
    assert span_text(seconds) == words


_ONE, _OTHER = DeltaId(sha256(b"one")), DeltaId(sha256(b"other"))
_RELEASE = ReleaseId(cid_of(b"{}"))


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        (Merge(), ("merges heads",)),
        (BEN.admit(found(ANN).context), ("admits", did_text(BEN.device))),
        (Promote(BEN.device, "editor"), ("gives editor to", did_text(BEN.device))),
        (Close(BEN.device, ()), ("removes", did_text(BEN.device))),
        (Demote(BEN.device, "editor", ()), ("takes editor from", did_text(BEN.device))),
        (Upgrade(7, b"{}", ()), ("number 7", cid_text(_RELEASE))),
        (Approve(7, _RELEASE), ("approves", "number 7", cid_text(_RELEASE))),
        (Tighten(Never()), ("tightens: never",)),
        (Tighten(Quorum(1, (ANN.member_id,), 0)), ("tightens: quorum",)),
        (Evidence(_ONE, _OTHER), ("fork", _ONE.hex(), _OTHER.hex())),
        (Vote(BEN.device), ("votes to remove", did_text(BEN.device))),
    ],
)
def test_deed_of_every_effect(effect: Governance, words: tuple[str, ...]):
    """As the log tells it."""
    assert has((deed(effect),), *words)
