"""Which deltas a node names to show that a notice has run."""

from __future__ import annotations

from covey.governance import witnesses_for
from covey.model import Approve, Constraint, DeltaId, Quorum, Upgrade, time_at
from covey.testkit.history import START_MS
from covey.testkit.oracle.people import manifest, release, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, Told

NEXT = manifest("1.2.0")
KEYS = tuple(one.member_id for one in (ANN, BEN, CARA))
NOTICE = Quorum(2, KEYS, 1000)


def begun(*constraints: Constraint) -> Told:
    """ann, ben and cara founded; ann let dora and emil in."""
    told = Told(start(ANN, BEN, CARA, constraints=constraints))
    told.admit(ANN, DORA, EMIL)
    return told


def found(told: Told, at_ms: int, number: int = 1, packed: bytes = NEXT) -> tuple[DeltaId, ...]:
    """What the replica would name in an upgrade at that time."""
    governor, authority = told.stage.replica.ledger.governor, told.authority
    time = time_at(START_MS + at_ms)
    return witnesses_for(governor, authority, number, release(packed), time)


def approved(told: Told, *who: object, at_ms: int = 100) -> None:
    """Some approve the next release."""
    for one in who:
        told.say(one, Approve(1, release(NEXT)), at_ms=at_ms)


def test_without_a_notice_nobody_is_named():
    """A quorum alone needs no witness."""
    told = begun(Quorum(2, KEYS, 0))
    approved(told, ANN, BEN)
    told.say(DORA, at_ms=200)
    assert found(told, 9_000) == ()


def test_first_delta_without_a_key_that_follows_the_approvals_is_named():
    """As soon as it is old enough; what key holders wrote between is passed over."""
    told = begun(NOTICE)
    told.say(DORA, at_ms=90)
    approved(told, ANN)
    told.say(DORA, at_ms=120)
    approved(told, BEN, at_ms=130)
    told.say(CARA, at_ms=150)
    witness = told.say(EMIL, at_ms=200)
    told.say(DORA, at_ms=300)
    assert found(told, 1_199) == ()
    assert found(told, 1_200) == (witness.delta.id,)
    upgrade = Upgrade(1, NEXT, found(told, 1_200))
    assert told.code(told.say(ANN, upgrade, at_ms=1_200)) == ""


def test_nobody_is_named_before_there_are_enough_approvals():
    """Nor for another release or number."""
    told = begun(NOTICE)
    approved(told, ANN)
    told.say(DORA, at_ms=200)
    assert found(told, 9_000) == ()
    approved(told, BEN, at_ms=300)
    told.say(DORA, at_ms=400)
    assert found(told, 9_000) != ()
    assert found(told, 9_000, number=2) == ()
    assert found(told, 9_000, packed=manifest("1.2.0", "another")) == ()


def test_delta_that_followed_one_approval_alone_is_passed_over():
    """It shows of one that it was known."""
    told = begun(NOTICE)
    base = told.now
    approved(told, ANN)
    half = told.say(EMIL, at_ms=150)
    told.say(BEN, Approve(1, release(NEXT)), cut=base, at_ms=100)
    witness = told.say(DORA, at_ms=400)
    assert found(told, 9_000) == (witness.delta.id,)
    assert half.delta.id not in found(told, 9_000)


def test_approval_more_after_the_witness_changes_nothing():
    """Two of three were enough: the notice ran from then on."""
    told = begun(NOTICE)
    approved(told, ANN, BEN)
    witness = told.say(DORA, at_ms=200)
    approved(told, CARA, at_ms=900)
    told.say(EMIL, at_ms=1_000)
    assert found(told, 1_200) == (witness.delta.id,)


def test_void_witness_is_passed_over():
    """emil was closed aside of what he wrote."""
    told = begun(NOTICE)
    before = told.now
    approved(told, ANN, BEN)
    base = told.now
    told.say(EMIL, cut=base, at_ms=200)
    told.close(CARA, EMIL, cut=before)
    assert found(told, 9_000) == ()
    witness = told.say(DORA, at_ms=300)
    assert found(told, 9_000) == (witness.delta.id,)


def test_each_notice_has_its_witness():
    """Two quorums of different keys and times; one witness may do for both."""
    other = Quorum(1, (DORA.member_id,), 5_000)
    told = begun(NOTICE, other)
    approved(told, ANN, BEN)
    by_emil = told.say(EMIL, at_ms=200)
    assert found(told, 9_000) == (by_emil.delta.id,)
    told.say(DORA, Approve(1, release(NEXT)), at_ms=300)
    second = told.say(EMIL, at_ms=400)
    assert found(told, 5_399) == (by_emil.delta.id,)
    names = tuple(sorted((by_emil.delta.id, second.delta.id)))
    assert found(told, 5_400) == names
    assert told.code(told.say(ANN, Upgrade(1, NEXT, names), at_ms=5_400)) == ""
