"""A fuel budget: what a device may use by its own times, the same word on every node."""

from __future__ import annotations

from collections.abc import Sequence

from covey.model import Batch, Completed, Delta, Failure, Never, Put, Tighten, limits
from covey.sync import (
    BUDGET,
    Applied,
    Effect,
    Execute,
    Executed,
    GovernanceAnswered,
    GovernanceRequested,
    Misbehaved,
    Reply,
    SetTimer,
    TimerFired,
)
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage, submit

ANN, BEN = identity("ann"), identity("ben")
BUDGET_FUEL = 1_000_000
FOUNDING = found(ANN, BEN).again(fuel_budget=BUDGET_FUEL)


def done(fuel: int, key: bytes = b"k") -> Completed:
    """A call that used so much."""
    return Completed((Put("notes", key, b"v"),), (), b"", fuel, ())


def batch(effects: Sequence[Effect]) -> Batch:
    """What the engine is asked to run."""
    (execute,) = [effect for effect in effects if isinstance(effect, Execute)]
    return execute.batch


def wait_s(effects: Sequence[Effect]) -> float | None:
    """How long calls are to wait, if they are."""
    found = [e.after_s for e in effects if isinstance(e, SetTimer) and e.name == BUDGET]
    return found[0] if found else None


def write(stage: Stage, fuel: int, request: int = 0) -> Delta:
    """One call, alone in its delta."""
    batch(stage.handle(submit(request)))
    effects = stage.handle(Executed((done(fuel),)))
    (applied,) = [effect.delta for effect in effects if isinstance(effect, Applied)]
    return applied


def cost(delta: Delta) -> int:
    return sum(delta.core.fuel) + len(delta.frame) * limits.BUDGET_FUEL_PER_BYTE


def test_device_begins_with_a_whole_minutes_worth():
    stage = Stage(FOUNDING, ANN)
    assert 0.99 * BUDGET_FUEL < batch(stage.handle(submit(0))).fuel_max < BUDGET_FUEL


def test_what_was_used_is_missing_from_the_next_batch_and_comes_back_with_time():
    stage = Stage(FOUNDING, ANN)
    first = write(stage, 600_000)
    left = BUDGET_FUEL - cost(first)
    assert abs(batch(stage.handle(submit(1))).fuel_max - left) < 1_000
    stage.handle(Executed((done(1),)))
    stage.now += 30
    assert batch(stage.handle(submit(2))).fuel_max > left + 0.49 * BUDGET_FUEL


def test_without_a_budget_nothing_is_counted():
    stage = Stage(found(ANN, BEN), ANN)
    assert batch(stage.handle(submit(0))).fuel_max is None


def test_calls_that_do_not_fit_are_run_again_fewer_at_a_time_then_wait():
    """None is lost, and none is answered twice."""
    stage = Stage(FOUNDING, ANN)
    write(stage, 900_000)
    effects = stage.handle(submit(1, 2))
    assert len(batch(effects).calls) == 2
    again = stage.handle(Executed((done(40_000), done(60_000, b"l"))))
    assert len(batch(again).calls) == 1
    effects = stage.handle(Executed((done(40_000),)))
    assert [e.request for e in effects if isinstance(e, Reply)] == [1]
    waits = stage.handle(Executed(()))
    assert not [e for e in waits if isinstance(e, Reply)]
    seconds = wait_s(waits)
    assert seconds is not None
    assert 0 < seconds <= 60
    stage.now += seconds
    assert len(batch(stage.handle(TimerFired(BUDGET))).calls) == 1
    effects = stage.handle(Executed((done(60_000, b"l"),)))
    assert [e.request for e in effects if isinstance(e, Reply)] == [2]


def test_call_that_never_fits_is_told_so():
    """Else whoever founds a context with a tiny budget would keep its members' nodes busy."""
    stage = Stage(FOUNDING, ANN)
    effects = stage.handle(submit(0))
    for _ in range(3):
        if not [e for e in effects if isinstance(e, Execute)]:
            break
        effects = stage.handle(Executed(()))
    (reply,) = [effect for effect in effects if isinstance(effect, Reply)]
    assert not isinstance(reply.outcome, Completed)
    assert reply.outcome.failure is Failure.OUT_OF_FUEL


def test_who_takes_more_is_refused_by_all():
    """The author's node is doctored: it has another charter."""
    lavish = Stage(FOUNDING.again(fuel_budget=0), ANN)
    lavish.replica.context = FOUNDING.context
    lavish.replica.ledger.context = FOUNDING.context
    delta = write(lavish, BUDGET_FUEL)
    stage = Stage(FOUNDING, BEN)
    assert Misbehaved(PEER, "over-budget") in stage.receive(delta)


def test_all_nodes_count_the_same_also_after_a_restart():
    author, other = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    for request in range(4):
        delta = write(author, 200_000, request)
        other = other.restarted()
        assert [e.delta for e in other.receive(delta) if isinstance(e, Applied)] == [delta]
        author.now += 2
        other.now = author.now


def test_governance_takes_nothing():
    """A removal must not have to wait for fuel."""
    stage = Stage(FOUNDING, ANN)
    write(stage, 990_000)
    effects = stage.handle(GovernanceRequested(1, (Tighten(Never()),)))
    (answer,) = [effect for effect in effects if isinstance(effect, GovernanceAnswered)]
    assert answer.denied is None


def test_minutes_that_a_device_claims_fill_its_bucket():
    """As far ahead as the drift allows: times are the author's word."""
    author, other = Stage(FOUNDING, ANN), Stage(FOUNDING, BEN)
    other.receive(write(author, 900_000))
    author.now += limits.DRIFT_MS_MAX / 1_000
    second = write(author, 400_000, 1)
    assert [e.delta for e in other.receive(second) if isinstance(e, Applied)] == [second]


def test_each_branch_of_a_fork_has_a_bucket():
    """And so has each device: a budget is one chain's, not a member's."""
    other = Stage(FOUNDING, BEN)
    for fuel in range(900_000, 900_005):
        branch = write(Stage(FOUNDING, ANN), fuel)
        assert [e.delta for e in other.receive(branch) if isinstance(e, Applied)] == [branch]
