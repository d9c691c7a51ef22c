"""Which deltas of forked devices are counted: who vouches, and forks of those who do."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from covey.governance.counted import counted_at
from covey.governance.past import Past
from covey.governance.vouched import Vouched
from covey.model import DeviceId, Put, Tip
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import device, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, Told, placed


def begun() -> Told:
    """Four founders."""
    return Told(start(ANN, BEN, CARA, DORA))


def branch(told: Told, who: Identity, cut: int, name: str) -> Known:
    """A delta of a branch, told apart by what it puts."""
    return told.say(who, cut=cut, entries=(Put("notes", name.encode(), b"v"),))


def counted(told: Told, *known: Known) -> list[bool]:
    """Whether each is counted by everything; the oracle says the same."""
    j = told.writing.judge(told.now)
    words = [told.authority.is_counted(placed(each)) for each in known]
    assert words == [bool(j.counted & each.bit) for each in known]
    return words


def test_without_a_fork_everything_is_counted():
    """And nothing is worked out."""
    told = begun()
    known = told.say(ANN)
    assert told.authority.counted == {}
    assert counted(told, known) == [True]


def test_before_the_fork_is_counted_and_after_it_nothing_alone():
    """Nobody followed either branch."""
    told = begun()
    first = told.say(ANN)
    base = told.upto(first)
    left, right = branch(told, ANN, base, "left"), branch(told, ANN, base, "right")
    assert counted(told, first, left, right) == [True, False, False]
    assert told.silent() == {left.delta.id, right.delta.id}


def test_fork_of_the_first_delta_leaves_nothing():
    """There is nothing before it."""
    told = begun()
    left, right = branch(told, ANN, 0, "left"), branch(told, ANN, 0, "right")
    assert counted(told, left, right) == [False, False]
    assert told.authority.counted[ANN.device].frontier == {ANN.device: ()}


def test_branch_that_somebody_followed_unaware_is_counted():
    """ben had seen the left one alone, and so also what of ann is below it."""
    told = begun()
    base = told.upto(told.say(ANN))
    lower = branch(told, ANN, base, "lower")
    left = branch(told, ANN, told.upto(lower), "left")
    told.say(BEN, cut=told.upto(left))
    right = branch(told, ANN, base, "right")
    more = branch(told, ANN, told.upto(left), "more")
    assert counted(told, lower, left, right, more) == [True, True, False, False]


def test_both_branches_count_where_both_were_followed():
    """Nobody can say which of the two was first."""
    told = begun()
    base = told.upto(told.say(ANN))
    left, right = branch(told, ANN, base, "left"), branch(told, ANN, base, "right")
    told.say(BEN, cut=told.upto(left))
    told.say(CARA, cut=told.upto(right))
    assert counted(told, left, right) == [True, True]
    assert told.silent() == set()


def test_branch_after_the_evidence_is_lost():
    """Who follows it has the evidence in its cut."""
    told = begun()
    base = told.upto(told.say(ANN))
    left, right = branch(told, ANN, base, "left"), branch(told, ANN, base, "right")
    told.say(BEN, *told.writing.news(told.now))
    assert counted(told, left, right) == [True, True], "ben's own cut holds no evidence"
    third = branch(told, ANN, base, "third")
    told.say(CARA)
    told.say(BEN)
    assert counted(told, left, right, third) == [True, True, False]
    assert told.is_silent(third)


def test_a_forked_device_does_not_vouch_for_itself():
    """Its own deltas follow the branch, and are of no use."""
    told = begun()
    base = told.upto(told.say(ANN))
    left = branch(told, ANN, base, "left")
    more = branch(told, ANN, told.upto(left), "more")
    branch(told, ANN, base, "right")
    assert counted(told, left, more) == [False, False]


# -- forks of those who vouch ------------------------------------------------------------------


def test_two_forked_devices_do_not_hold_one_another_up():
    """Each branch is followed by the other's alone: the least fixed point holds neither."""
    told = begun()
    ann, ben = told.say(ANN, cut=0), told.say(BEN, cut=0)
    base = told.upto(ann, ben)
    left = branch(told, ANN, base, "left of ann")
    by_ben = branch(told, BEN, told.upto(left, ben), "follows ann")
    branch(told, ANN, base, "right of ann")
    branch(told, BEN, base, "right of ben")
    branch(told, ANN, told.upto(by_ben), "follows ben")
    assert counted(told, ann, ben, left, by_ben) == [True, True, False, False]


def test_a_voucher_that_forked_later_is_itself_vouched_for():
    """cara vouches for ben, and ben for ann, though both forked."""
    told = begun()
    ann, ben = told.say(ANN, cut=0), told.say(BEN, cut=0)
    base = told.upto(ann, ben)
    left = branch(told, ANN, base, "left of ann")
    by_ben = branch(told, BEN, told.upto(left, ben), "follows ann")
    told.say(CARA, cut=told.upto(by_ben))
    right = branch(told, ANN, base, "right of ann")
    other = branch(told, BEN, base, "right of ben")
    assert counted(told, left, by_ben, right, other) == [True, True, False, False]
    told.say(DORA, cut=told.upto(other))
    assert counted(told, left, by_ben, right, other) == [True, True, False, True]


def test_chain_of_three_forked_devices_hangs_on_the_last():
    """dora alone is honest: what she follows is counted, and all that those followed."""
    told = begun()
    firsts = [told.say(who, cut=0) for who in (ANN, BEN, CARA)]
    base = told.upto(*firsts)
    left = branch(told, ANN, base, "ann")
    by_ben = branch(told, BEN, told.upto(left, firsts[1]), "ben")
    by_cara = branch(told, CARA, told.upto(by_ben, firsts[2]), "cara")
    rights = [branch(told, who, base, "right") for who in (ANN, BEN, CARA)]
    assert counted(told, left, by_ben, by_cara, *rights) == [False] * 6
    told.say(DORA, cut=told.upto(by_cara))
    assert counted(told, left, by_ben, by_cara, *rights) == [True] * 3 + [False] * 3


def test_a_fork_on_a_branch():
    """A branch that forks again: what was followed on each is counted, up to there."""
    told = begun()
    base = told.upto(told.say(ANN))
    left = branch(told, ANN, base, "left")
    deep = [branch(told, ANN, told.upto(left), f"deep {n}") for n in range(3)]
    right = branch(told, ANN, base, "right")
    after = branch(told, ANN, told.upto(deep[1]), "after")
    assert counted(told, left, *deep, right, after) == [False] * 6
    told.say(BEN, cut=told.upto(left))
    assert counted(told, left, *deep, right, after) == [True] + [False] * 5
    told.say(CARA, cut=told.upto(deep[1]))
    assert counted(told, left, *deep, right, after) == [True, False, True, False, False, False]
    told.say(DORA, cut=told.upto(after, right))
    assert counted(told, left, *deep, right, after) == [True, False, True, False, True, True]


def test_cut_with_one_branch_has_no_fork():
    """What is counted is asked of a cut."""
    told = begun()
    base = told.upto(told.say(ANN))
    left, right = branch(told, ANN, base, "left"), branch(told, ANN, base, "right")
    assert told.at(told.upto(left)).counted == {}
    assert told.at(told.upto(left)).is_counted(placed(left))
    assert not told.at(told.upto(left, right)).is_counted(placed(left))


def test_only_devices_known_to_have_forked_are_looked_at():
    """That is what makes it cheap, and the ledger's part to know."""
    told = begun()
    base = told.upto(told.say(ANN))
    branch(told, ANN, base, "left")
    branch(told, ANN, base, "right")
    governor, cut = told.stage.replica.ledger.governor, told.authority.cut
    assert list(governor.forked) == [ANN.device]
    assert list(counted_at(Vouched(governor.past), cut, governor.forked)) == [ANN.device]
    assert counted_at(Vouched(governor.past), cut, (BEN.device,)) == {}
    assert list(told.stage.restarted().replica.ledger.governor.forked) == [ANN.device]


@pytest.mark.parametrize("is_late", [True, False])
def test_removal_by_a_forked_author_spares_what_its_other_branch_had_seen(is_late: bool):
    """ann closes dora on a stale branch; what her counted branch followed of dora stays."""
    told = begun()
    base = told.upto(told.say(ANN))
    if is_late:
        stale = told.close(ANN, DORA, cut=base)
    note = told.say(DORA, cut=base)
    seen = branch(told, ANN, told.upto(note), "seen")
    told.say(BEN, cut=told.upto(seen))
    if not is_late:
        stale = told.close(ANN, DORA, cut=base)
    told.say(CARA, cut=told.upto(stale))
    unseen = told.say(DORA, cut=told.upto(note))
    assert counted(told, seen, stale) == [True, True]
    assert not told.is_silent(note)
    assert told.is_silent(unseen)


def test_a_closed_accomplice_keeps_vouching_until_the_forked_device_is_closed():
    """dora was removed before she vouched: what she writes does nothing, and is counted.

    So what cara writes after the evidence counts wherever dora follows it, until cara is closed.
    """
    told = begun()
    base = told.upto(told.say(CARA))
    branch(told, CARA, base, "left")
    branch(told, CARA, base, "right")
    told.say(ANN, *told.writing.news(told.now))
    told.close(ANN, DORA)
    late = branch(told, CARA, base, "late")
    assert counted(told, late) == [False]
    vouching = told.say(DORA, cut=told.upto(late))
    later = branch(told, CARA, told.upto(late), "later")
    again = told.say(DORA, cut=told.upto(vouching, later))
    assert counted(told, late, later, vouching, again) == [True] * 4
    assert told.is_silent(vouching)
    assert told.is_silent(again)
    assert not told.is_silent(later)
    told.close(ANN, CARA)
    last = branch(told, CARA, told.upto(later), "last")
    told.say(DORA, cut=told.upto(again, last))
    assert counted(told, last) == [True]
    assert told.is_silent(last)
    assert not told.is_silent(later)


# -- from one cut to the next ------------------------------------------------------------------


def test_cuts_in_any_order_are_counted_as_each_alone():
    """What was found in one is counted on from in the next, be it larger, smaller or aside."""
    told = begun()
    firsts = [told.say(who, cut=0) for who in (ANN, BEN)]
    aside = [device("ben", f"{number}") for number in range(8)]
    told.admit(BEN, *aside)
    firsts += [told.say(who) for who in aside]
    base = told.upto(*firsts)
    left, right = branch(told, ANN, base, "left"), branch(told, ANN, base, "right")
    follows = told.say(CARA, cut=told.upto(left, firsts[1]))
    mine, other = branch(told, BEN, told.upto(right), "mine"), branch(told, BEN, base, "other")
    last = told.say(DORA, cut=told.upto(mine))
    both = told.say(CARA, *told.writing.news(told.now))
    told.say(DORA)
    made = (left, right, follows, mine, other, last, both)
    cuts = [told.now, told.upto(left, right, mine, other)]
    for who in aside:
        told.say(who)
    cuts += [told.now, *(told.upto(one, two) for one in made for two in made)]
    cuts = list(dict.fromkeys(cuts))
    governor, forked = told.stage.replica.ledger.governor, (ANN.device, BEN.device)

    def counted_by(vouched: Vouched, number: int) -> str:
        found = counted_at(vouched, told.at(cuts[number]).cut, forked)
        return repr({device: cut.frontier for device, cut in found.items()})

    alone = [counted_by(Vouched(governor.past), number) for number in range(len(cuts))]
    assert len(set(alone)) >= 8
    kept = Vouched(governor.past)
    for one, other in product(range(len(cuts)), repeat=2):
        assert [counted_by(kept, one), counted_by(kept, other)] == [alone[one], alone[other]]


@pytest.mark.parametrize("is_closed", [True, False])
def test_fork_costs_a_delta_no_look_at_every_device(
    monkeypatch: pytest.MonkeyPatch, is_closed: bool
):
    """Closed or not: what the others vouch for was found when they said it."""
    told = begun()
    many = [device("ben", f"{number}") for number in range(20)]
    told.admit(BEN, *many)
    base = told.now
    for who in (DORA, CARA):
        left = branch(told, who, base, "left")
        branch(told, who, base, "right")
    for who in many:
        told.say(who)
    if is_closed:
        told.close(ANN, CARA, DORA)
    told.say(ANN)
    asked: list[DeviceId] = []
    seen = Past.seen

    def counting(past: Past, who: DeviceId, tip: Tip, *more: Any) -> tuple[Tip, ...]:
        asked.append(who)
        return seen(past, who, tip, *more)

    monkeypatch.setattr(Past, "seen", counting)
    told.say(ANN)
    assert set(asked) == {ANN.device}
    assert len(asked) <= 4, "of each forked device: what she saw before, and sees now"
    asked.clear()
    branch(told, CARA, told.upto(left), "more")
    assert not asked
    told.say(ANN)
    assert set(asked) <= {ANN.device, CARA.device}
    assert len(asked) <= 6, "and what the branch vouches for that she follows first"
