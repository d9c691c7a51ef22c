"""What a node does not write though the rules would let it, and what it says of a notice."""

from __future__ import annotations

from typing import cast

import pytest

from covey.codec import cid_text, decode_manifest, did_text
from covey.model import (
    Approve,
    Close,
    Constraint,
    Denied,
    Interface,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
    Tighten,
    Upgrade,
    Vote,
)
from covey.node.foresight import RuleForbids, check_approval, in_force_already, notice_told, way_out
from covey.node.notices import iso_time
from covey.node.records import Application
from covey.sync import Ledger
from covey.testkit.history import START_MS
from covey.testkit.oracle.people import FIRST_MANIFEST, manifest, release, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, Told

NEXT = manifest("1.2.0", kind="more")
KEYS = (ANN.member_id, BEN.member_id)


def begun(*constraints: Constraint) -> Told:
    """ann and ben founded and have the keys; ann let dora in."""
    told = Told(start(ANN, BEN, constraints=constraints))
    told.admit(ANN, DORA)
    return told


def ledger(told: Told) -> Ledger:
    """What the node knows."""
    return told.stage.replica.ledger


def installed(packed: bytes) -> Application:
    """A release as a node holds it; nothing here looks at its methods."""
    interface = cast("Interface", None)
    return Application(release(packed), decode_manifest(packed), interface, 1)


def check(told: Told, packed: bytes) -> None:
    """As a node does that has the release."""
    check_approval(ledger(told), release(packed), installed(packed))


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (FIRST_MANIFEST, "in-force"),
        (manifest("9.0.0", kind="other-package"), "other-application"),
        (manifest("9.0.0", kind="other-publisher"), "other-application"),
        (manifest("9.0.0", kind="other-execution"), "other-execution"),
        (manifest("9.0.0", kind="other-abi"), "other-execution"),
        (manifest("0.9.0"), "no-newer-version"),
        (manifest("1.0.0", "the same again"), "no-newer-version"),
    ],
)
def test_what_can_never_come_into_force_is_not_approved(packed: bytes, code: str):
    """An approval is for good, and others take it for somebody's word."""
    told = begun(Quorum(1, KEYS, 0), Publisher())
    check(told, NEXT)
    with pytest.raises(RuleForbids, match=f"^{code}: ") as caught:
        check(told, packed)
    assert caught.value.code == code


def test_older_release_is_approved_where_no_rule_forbids_it():
    """To go back is a way out of a bad release: only `publisher` forbids it."""
    check(begun(Quorum(1, KEYS, 0)), manifest("0.9.0"))


def test_release_that_is_not_here_can_be_approved():
    """By its id: what others looked at."""
    unknown = ReleaseId(release(manifest("7.7.7")))
    check_approval(ledger(begun(Quorum(1, KEYS, 0), Publisher())), unknown, None)


def test_older_release_that_drops_a_collection_says_both():
    """`changes` would send its author to look for a change that nobody made."""
    told = begun(Quorum(1, KEYS, 0))
    with pytest.raises(RuleForbids, match=r"it drops the collection notes$"):
        check(told, manifest("9.0.0", kind="fewer"))
    told.say(ANN, Approve(1, release(NEXT)))
    told.say(ANN, Upgrade(1, NEXT, ()))
    with pytest.raises(RuleForbids, match=r"drops the collection .* 1\.0\.0 is older than 1\.2\.0"):
        check(told, FIRST_MANIFEST)
    with pytest.raises(RuleForbids, match="it changes the collection"):
        check(told, manifest("9.0.0", kind="other-rule"))


def test_refused_removal_of_an_admin_names_the_vote():
    """Where the charter has a quorum, and this device a vote; else there is no way."""
    rank = Denied("rank", "no")
    voted = Told(start(ANN, BEN, CARA, admin_quorum=2))
    close = (Close(ANN.device, ()),)
    told = way_out(ledger(voted), BEN.device, close, rank)
    assert told.code == "rank"
    assert f"covey context vote CONTEXT {did_text(ANN.device)}" in told.reason
    other = Denied("locked", "no")
    assert way_out(ledger(voted), BEN.device, close, other) is other
    assert way_out(ledger(voted), DORA.device, close, rank) is rank
    assert way_out(ledger(voted), BEN.device, (Close(DORA.device, ()),), rank) is rank
    assert way_out(ledger(begun()), BEN.device, close, rank) is rank


def test_refused_removal_by_who_has_voted_asks_for_another_vote():
    """The same vote again would be refused, and the hint would lead round in a circle."""
    told = Told(start(ANN, BEN, CARA, admin_quorum=3))
    close, rank = (Close(ANN.device, ()),), Denied("rank", "no")
    told.say(CARA, Vote(ANN.device))
    reason = way_out(ledger(told), CARA.device, close, rank).reason
    assert "this member has voted already (1 of 3 votes so far): another admin of the" in reason
    assert "3 admins of the charter can" in way_out(ledger(told), BEN.device, close, rank).reason
    told.say(BEN, Vote(ANN.device))
    assert "(2 of 3 votes so far)" in way_out(ledger(told), CARA.device, close, rank).reason


def test_nothing_is_approved_where_the_code_is_locked():
    """Also by its id alone, and where it was locked later: no release can follow any more."""
    told = begun(Quorum(1, KEYS, 0))
    check(told, NEXT)
    told.say(ANN, Tighten(Never()))
    for known in (installed(NEXT), None):
        with pytest.raises(RuleForbids, match="locked: ") as caught:
            check_approval(ledger(told), release(NEXT), known)
        assert caught.value.code == "locked"


def test_approval_where_nobody_has_to_approve_names_what_comes_next():
    """`no-key` sounds as if somebody else had one. What could never follow is said first."""
    told = begun(Publisher())
    command = f"an admin runs `covey context upgrade CONTEXT {cid_text(release(NEXT))}` next"
    for known in (installed(NEXT), None):
        with pytest.raises(RuleForbids, match="not-needed: no approval is needed there") as caught:
            check_approval(ledger(told), release(NEXT), known)
        assert command in str(caught.value)
    with pytest.raises(RuleForbids, match="collection-changed"):
        check(told, manifest("9.0.0", kind="fewer"))
    told.say(ANN, Tighten(Quorum(1, KEYS, 0)))
    check(told, NEXT)


def test_what_is_in_force_follows_upgrades():
    """The first release is not in force any more, and the second is."""
    told = begun()
    assert in_force_already(ledger(told), release(NEXT)) is None
    told.say(ANN, Upgrade(1, NEXT, ()))
    assert in_force_already(ledger(told), release(FIRST_MANIFEST)) is None
    denied = in_force_already(ledger(told), release(NEXT))
    assert denied is not None
    assert denied.code == "in-force"
    assert "1.2.0 is in force already, as number 1" in denied.reason


def test_notice_that_has_not_begun_says_what_begins_it():
    """Who waits for time alone waits for ever."""
    told = begun(Quorum(2, KEYS, 3_600_000), Never())
    for one in (ANN, BEN):
        told.say(one, Approve(1, release(NEXT)), at_ms=100)
    denied = notice_told(ledger(told), release(NEXT))
    assert denied.code == "notice"
    assert "the notice of 1 hour has not begun" in denied.reason
    assert "a member without any key of the quorum" in denied.reason


def test_notice_that_runs_says_since_when_and_until_when():
    """From the first word of somebody without a key."""
    told = begun(Quorum(2, KEYS, 3_600_000))
    for one in (ANN, BEN):
        told.say(one, Approve(1, release(NEXT)), at_ms=100)
    told.say(ANN, at_ms=150)
    told.say(DORA, at_ms=200)
    told.say(DORA, at_ms=900)
    reason = notice_told(ledger(told), release(NEXT)).reason
    since = iso_time((START_MS + 200) / 1_000)
    over = iso_time((START_MS + 200) / 1_000 + 3_600)
    assert reason == f"the notice of 1 hour runs from {since} until {over}: try again then"
