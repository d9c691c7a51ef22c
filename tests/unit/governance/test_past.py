"""What deltas follow, and for what of a forked device a chain can vouch."""

from __future__ import annotations

import pytest

from covey.governance.past import Past
from covey.governance.rows import EvidenceRow
from covey.governance.rows import evidence as evidence_rows
from covey.model import Put, limits
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import start
from tests.unit.governance.told import ANN, BEN, CARA, NOTE, Told, placed


def begun() -> Told:
    """ann, ben and cara founded."""
    return Told(start(ANN, BEN, CARA))


def past_of(told: Told) -> Past:
    """With nothing remembered yet."""
    ledger = told.stage.replica.ledger
    return Past(told.founding.context, ledger.view, ledger.closure)


def rows(told: Told) -> list[EvidenceRow]:
    """All evidence that the replica holds."""
    return list(evidence_rows(told.stage.replica.ledger.view))


def test_follows_is_said_of_pasts():
    """Not of times, and nothing follows itself."""
    told = begun()
    one = told.say(ANN)
    other = told.say(BEN, cut=0, at_ms=50)
    both = told.say(CARA)
    past = past_of(told)
    assert past.follows(placed(both), placed(one))
    assert past.follows(placed(both), placed(other))
    assert not past.follows(placed(other), placed(one))
    assert not past.follows(placed(one), placed(one))
    assert not past.follows(placed(one), placed(both))


def test_cut_up_to_a_delta_holds_it():
    """And not what is concurrent."""
    told = begun()
    one = told.say(ANN)
    other = told.say(BEN, cut=0)
    cut = past_of(told).upto(one.delta.id)
    assert cut.holds(ANN.device, placed(one).tip)
    assert not cut.holds(BEN.device, placed(other).tip)


def test_contents_and_places_of_deltas():
    """A delta, which collections it changes, and when it came here."""
    told = begun()
    one = told.say(ANN, entries=(Put("notes", b"a", b"v"), Put("posts", ANN.member_id, b"v")))
    other = told.admit(BEN, CARA)
    past = past_of(told)
    assert past.delta(one.delta.id) == one.delta
    assert past.collections_touched(one.delta.id) == {"notes", "posts"}
    assert past.collections_touched(told.say(ANN).delta.id) == {"notes"}
    assert past.arrival(placed(one)) == 1
    assert told.code(other) == "admitted-already"


# -- vouching ----------------------------------------------------------------------------------


def told_of_fork(before: int, after: int) -> tuple[Told, list[Known], Known]:
    """ben follows a branch of ann's, sees cara's evidence of the other, and writes on.

    before, after: how many deltas of his have no evidence in their cut, and how many have.
    """
    told = Told(start(ANN, BEN, CARA))
    base = told.upto(told.say(ANN))
    branch = told.say(ANN, cut=base)
    cut, made = told.upto(branch), []
    for _ in range(before):
        made.append(told.say(BEN, cut=cut))
        cut = told.upto(made[-1])
    told.say(ANN, cut=base, entries=(Put("notes", b"other", b"v"),))
    told.say(CARA, *told.writing.news(told.now))
    made += [told.say(BEN) for _ in range(after)]
    return told, made, branch


@pytest.mark.parametrize(("before", "after"), [(1, 0), (1, 1), (1, 9), (9, 1), (6, 7), (12, 5)])
def test_a_chain_vouches_by_its_last_delta_without_evidence(before: int, after: int):
    """Found by halving, wherever on the chain that is."""
    told, made, branch = told_of_fork(before, after)
    past = past_of(told)
    for known in made:
        tip = placed(known).tip
        assert past.seen(BEN.device, tip, ANN.device, rows(told)) == (placed(branch).tip,)
    last = made[before - 1]
    assert past.upto(last.delta.id).frontier[ANN.device] == (placed(branch).tip,)


def test_a_chain_that_always_knew_vouches_for_nothing():
    """ben's first delta follows the evidence already."""
    told, made, _ = told_of_fork(0, 3)
    past = past_of(told)
    assert past.seen(BEN.device, placed(made[-1]).tip, ANN.device, rows(told)) == ()


def test_who_tells_of_a_fork_vouches_for_what_it_saw():
    """The cut of the delta with the evidence holds none: it follows both branches."""
    told, _, _ = told_of_fork(2, 0)
    (row,) = rows(told)
    assert (row.guilty, row.at.author) == (ANN.device, CARA.device)
    seen = past_of(told).seen(CARA.device, row.at.tip, ANN.device, rows(told))
    assert len(seen) == 2


def test_without_evidence_the_end_of_the_chain_vouches():
    """A fork nobody told of yet."""
    told, made, branch = told_of_fork(3, 0)
    past = past_of(told)
    assert past.seen(BEN.device, placed(made[-1]).tip, ANN.device, ()) == (placed(branch).tip,)


def test_what_never_followed_the_forked_device_vouches_for_nothing():
    """Nothing of it is in its cut."""
    told = Told(start(ANN, BEN, CARA))
    told.say(ANN)
    told.say(ANN, cut=0, entries=NOTE, at_ms=10)
    alone = told.say(BEN, cut=0)
    assert past_of(told).seen(BEN.device, placed(alone).tip, ANN.device, ()) == ()


def test_memory_of_vouchers_is_bounded_and_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    """What is forgotten is worked out again."""
    monkeypatch.setattr(limits, "FACTS_REMEMBERED_MAX", 2)
    told, made, branch = told_of_fork(4, 4)
    past = past_of(told)
    for _ in range(2):
        for known in made:
            tip = placed(known).tip
            assert past.seen(BEN.device, tip, ANN.device, rows(told)) == (placed(branch).tip,)
            assert len(past._seen) <= 2
