"""Calls that are run again under a release that is not ready here."""

from __future__ import annotations

from covey.model import (
    Put,
)
from covey.sync import (
    ASK,
    Applied,
    Dealt,
    DeltaReceived,
    NeedRelease,
    ReleaseReady,
    TimerFired,
    Use,
    Verify,
)
from covey.testkit.oracle.people import release
from covey.testkit.playbook import PEER, play
from tests.unit.sync.replayed import (
    AGREES,
    ANN,
    BEN,
    CARA,
    NEXT,
    Upgraded,
    applied,
    asked,
    places,
    row,
    runs_under,
)


def test_calls_of_a_release_that_is_not_ready_wait_until_it_is():
    """It is asked for once, however much waits for it; who asked is not told of a fault."""
    context = Upgraded()
    stage = context.stage
    needed = NeedRelease(release(NEXT), NEXT, is_in_force=True)
    assert (
        play(stage)
        >> DeltaReceived(context.before, PEER) << Verify >> AGREES << Applied
        >> DeltaReceived(context.upgrade, PEER) << Applied << needed
        >> DeltaReceived(context.after, PEER, receipt=1) << Dealt(1, Use.WAITS) << None
        >> TimerFired(ASK) << None
        >> ReleaseReady(release(NEXT)) << (lambda e: runs_under(e, release(NEXT)))
        >> AGREES << Applied << None
    )  # fmt: skip


def test_migration_is_run_under_the_release_that_it_puts_in_force():
    """That release is got ready before anybody can say what its migration does."""
    context = Upgraded(Put("extras", b"k", b"moved"))
    needed = NeedRelease(release(NEXT), NEXT)
    conversation = (
        play(context.stage)
        >> DeltaReceived(context.before, PEER) << Verify >> AGREES << Applied
        >> DeltaReceived(context.upgrade, PEER) << needed
        >> DeltaReceived(context.after, PEER) << None
        >> TimerFired(ASK) << None
    )  # fmt: skip
    assert context.stage.replica.ledger.count == 1
    (verify,) = context.stage.handle(ReleaseReady(release(NEXT)))
    (signed,) = asked([verify]).row
    assert signed.batch.release == release(NEXT)
    assert [call.method for call in signed.batch.calls] == ["migrate"]
    assert "extras" in [collection.name for collection in asked([verify]).state.collections]
    assert conversation >> AGREES << Applied << Verify >> AGREES << Applied << None


def test_release_that_nobody_has_keeps_out_no_others():
    """What does not follow the upgrade is still of the release before."""
    context = Upgraded()
    beside = context.write(
        CARA, context.writing.down([next(iter(context.writing.history.known.values()))])
    )
    stage = context.stage
    stage.receive(context.before)
    stage.handle(AGREES)
    stage.receive(context.upgrade, context.after)
    assert row(stage.receive(beside)) == places(beside)
    assert applied(stage.handle(AGREES)) == [beside]
    assert [w.delta for w in stage.replica.intake.pending.items()] == [context.after]


def test_delta_of_a_device_that_was_closed_since_may_wait_for_its_release():
    """Its own cut knows it: dropped, sync would bring it again and again until then."""
    context = Upgraded()
    writing, stage = context.writing, context.stage
    upgraded = writing.admitted & ~writing.history.known[context.after.id].bit
    close = writing.write(ANN, upgraded, (writing.close(upgraded, BEN.device),)).delta
    stage.receive(context.before)
    stage.handle(AGREES)
    stage.receive(context.upgrade, close)
    assert not stage.replica.is_member(BEN.device)
    assert (
        play(stage)
        >> DeltaReceived(context.after, PEER, receipt=1) << Dealt(1, Use.WAITS) << None
        >> ReleaseReady(release(NEXT)) << Verify >> AGREES << Applied << None
    )  # fmt: skip


def test_what_follows_a_migration_is_no_part_of_its_row():
    """Another release is in force there."""
    context = Upgraded(Put("extras", b"k", b"moved"))
    stage = context.stage
    stage.handle(ReleaseReady(release(NEXT)))
    stage.receive(context.before)
    stage.receive(context.upgrade, context.after)
    assert row(stage.handle(AGREES)) == places(context.upgrade)
