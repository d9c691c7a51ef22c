"""How far a notice is, as members are told who may want to leave before it ends."""

from __future__ import annotations

from covey.governance import Notice, notices_of
from covey.model import Approve, Quorum
from covey.testkit.history import START_MS
from covey.testkit.oracle.people import release
from tests.unit.governance.test_witnesses import KEYS, NEXT, NOTICE, approved, begun, found
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, Told


def notices(told: Told) -> tuple[Notice, ...]:
    """What the replica tells of the next release."""
    return notices_of(told.stage.replica.ledger.governor, told.authority, 1, release(NEXT))


def test_notice_begins_with_the_earliest_delta_that_shows_it():
    """Also one that came later: an upgrade may name it, and comes sooner than was thought."""
    told = begun(NOTICE)
    assert notices(told) == ()
    approved(told, ANN)
    assert notices(told) == ()
    approved(told, BEN, at_ms=130)
    assert notices(told) == (Notice(NOTICE, None),)
    base = told.now
    told.say(CARA, at_ms=150)
    assert notices(told) == (Notice(NOTICE, None),)
    told.say(EMIL, at_ms=400)
    (notice,) = notices(told)
    assert (notice.since_ms, notice.until_ms) == (START_MS + 400, START_MS + 1_400)
    told.say(DORA, cut=base, at_ms=200)
    told.say(DORA, at_ms=700)
    (notice,) = notices(told)
    assert (notice.since_ms, notice.until_ms) == (START_MS + 200, START_MS + 1_200)


def test_until_is_the_first_moment_of_an_upgrade():
    """One millisecond before it nobody is named, then somebody is."""
    told = begun(NOTICE)
    approved(told, ANN, BEN)
    told.say(EMIL, at_ms=200)
    (notice,) = notices(told)
    assert notice.until_ms is not None
    until_ms = notice.until_ms - START_MS
    assert found(told, until_ms - 1) == ()
    assert found(told, until_ms) != ()


def test_notice_begins_with_no_delta_that_shows_nothing():
    """One from before the approvals, of one approval alone, by who has a key, or void."""
    told = begun(NOTICE)
    before = told.now
    told.say(DORA, at_ms=90)
    approved(told, ANN)
    told.say(DORA, at_ms=120)
    approved(told, BEN, at_ms=130)
    base = told.now
    told.say(ANN, at_ms=150)
    told.say(EMIL, cut=base, at_ms=200)
    told.close(CARA, EMIL, cut=before)
    assert notices(told) == (Notice(NOTICE, None),)
    told.say(DORA, at_ms=500)
    (notice,) = notices(told)
    assert notice.since_ms == START_MS + 500


def test_member_who_left_has_shown_it():
    """A close spares what it follows: that delta is a witness still."""
    told = begun(NOTICE)
    approved(told, ANN, BEN)
    told.say(EMIL, at_ms=200)
    told.close(EMIL, EMIL)
    assert found(told, 1_200) != ()
    (notice,) = notices(told)
    assert notice.since_ms == START_MS + 200


def test_notices_of_several_quorums_are_told_apart():
    """The release waits for the last of them."""
    other = Quorum(1, (DORA.member_id,), 5_000)
    told = begun(NOTICE, Quorum(1, KEYS, 0), other)
    approved(told, ANN, BEN)
    told.say(EMIL, at_ms=200)
    assert notices(told) == (Notice(NOTICE, START_MS + 200),)
    told.say(DORA, Approve(1, release(NEXT)), at_ms=300)
    assert notices(told) == (Notice(NOTICE, START_MS + 200), Notice(other, None))
    told.say(EMIL, at_ms=400)
    assert notices(told)[1] == Notice(other, START_MS + 400)


def test_device_that_forked_shows_it_as_far_as_it_counts():
    """Times grow along each branch alone, so that all of both is looked at."""
    told = begun(NOTICE)
    approved(told, ANN, BEN)
    base = told.now
    late = told.say(DORA, at_ms=900)
    told.say(DORA, cut=base, at_ms=300)
    assert DORA.device in told.stage.replica.ledger.governor.forked
    assert notices(told) == (Notice(NOTICE, None),)
    told.say(EMIL, cut=told.upto(late), at_ms=1_500)
    assert notices(told) == (Notice(NOTICE, START_MS + 900),)
    assert found(told, 1_899) == ()
    assert found(told, 1_900) == (late.delta.id,)
