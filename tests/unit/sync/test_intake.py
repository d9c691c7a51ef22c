"""Deltas that come in any order: what waits, for how long, and what it may cost."""

from __future__ import annotations

import pytest

from covey.model import Delta, DeltaId, Put, Table, limits, time_at
from covey.sync import (
    ASK,
    TAKE_IN,
    Applied,
    Ask,
    Dealt,
    DeltaReceived,
    Executed,
    Misbehaved,
    SetTimer,
    TimerFired,
    Use,
)
from covey.testkit.history import START_MS, History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage, completed, play, submit

ANN, BEN, EVE = identity("ann"), identity("ben"), identity("eve")
FOUNDING = found(ANN, BEN)


def chain(history: History, length: int, author=BEN) -> list[Delta]:
    """Deltas of one device, each after the one before."""
    deltas: list[Delta] = []
    for n in range(length):
        after = (deltas[-1].id,) if deltas else ()
        deltas.append(history.write(author, after, [Put("notes", b"k", bytes([n]))]))
    return deltas


def test_delta_with_missing_parent_waits_and_the_parent_is_asked_for():
    """Of whoever sent it, since that peer has it."""
    first, second, third = chain(History(FOUNDING), 3)
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(third, PEER) << Ask(PEER, (second.id,))
        >> DeltaReceived(second, PEER) << Ask(PEER, (first.id,))
        >> DeltaReceived(first, PEER) << Applied << Applied << Applied << None
    )  # fmt: skip


def test_missing_parents_are_asked_for_again_of_anybody():
    """The peer that sent the delta may have left."""
    first, second = chain(History(FOUNDING), 2)
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(second, PEER) << Ask(PEER, (first.id,))
        >> TimerFired(ASK) << Ask(None, (first.id,))
        >> DeltaReceived(first, PEER) << Applied << Applied
        >> TimerFired(ASK) << None  # nothing waits
    )  # fmt: skip


def test_what_was_asked_for_is_not_asked_for_again_at_once():
    """Each delta that waits would ask for all that is missing, at the speed of the network."""
    first, second, third = chain(History(FOUNDING), 3)
    stage = Stage(FOUNDING, ANN)
    asked = Ask(PEER, (first.id,))
    assert (
        play(stage)
        >> DeltaReceived(second, PEER) << asked
        >> DeltaReceived(third, PEER) << None
        >> DeltaReceived(second, PEER) << None
    )  # fmt: skip
    stage.now += limits.ASK_AGAIN_S
    assert play(stage) >> DeltaReceived(second, PEER) << asked


def test_asked_ids_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch):
    """A member can name any number of parents that do not exist."""
    monkeypatch.setattr(limits, "ASKED_REMEMBERED_MAX", 2)
    stage = Stage(FOUNDING, ANN)
    for delta in reversed(chain(History(FOUNDING), 6)[1:]):
        stage.handle(DeltaReceived(delta, PEER))
    assert len(stage.replica.intake._asked_s) == 2


def test_delta_that_comes_twice_is_applied_once():
    """Duplication is part of every network."""
    (first,) = chain(History(FOUNDING), 1)
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(first, PEER) << Applied
        >> DeltaReceived(first, PEER) << None
    )  # fmt: skip


def test_inadmissible_delta_is_refused_with_all_that_waits_for_it():
    """What follows it can never be applied, so it must not wait for ever."""
    history = History(FOUNDING)
    wrong = history.write(BEN, (), [Put("nowhere", b"k", b"v")])
    after = history.write(BEN, (wrong.id,), [Put("notes", b"k", b"v")])
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> DeltaReceived(after, PEER) << Ask(PEER, (wrong.id,))
        >> DeltaReceived(wrong, PEER)
        << Misbehaved(PEER, "unknown-collection")
        << Misbehaved(PEER, "follows-refused")
    )  # fmt: skip
    assert len(stage.replica.intake.pending) == 0
    assert stage.tables == {Table.META, Table.REFUSAL}  # The proof of it, and nothing else.


def test_who_forwards_inadmissible_deltas_by_gossip_is_not_blamed():
    """Nodes of other makes pass on what they cannot judge; over a stream nobody honest sends it."""
    history = History(FOUNDING)
    wrong = history.write(BEN, (), [Put("nowhere", b"k", b"v")])
    after = history.write(BEN, (wrong.id,), [Put("notes", b"k", b"v")])
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(after, PEER, is_streamed=False) << Ask(PEER, (wrong.id,))
        >> DeltaReceived(wrong, PEER, is_streamed=False) << None
    )  # fmt: skip


def test_future_delta_is_delayed_and_applied_when_its_time_has_come():
    """A fast clock is nobody's fault: no penalty, and no rejection for ever."""
    history = History(FOUNDING)
    early = history.write(
        BEN, (), [Put("notes", b"k", b"v")], time=time_at(START_MS + limits.DRIFT_MS_MAX + 1_000)
    )
    after = history.write(BEN, (early.id,), [Put("notes", b"k", b"w")])
    stage = Stage(FOUNDING, ANN)
    conversation = (
        play(stage)
        >> DeltaReceived(early, PEER) << None
        >> DeltaReceived(after, PEER) << None  # nothing is missing
        >> TimerFired(ASK) << None
    )  # fmt: skip
    stage.now += 2
    assert conversation >> TimerFired(ASK) << Applied << Applied


def test_stranger_cannot_fill_the_buffer_with_orphans():
    """Only devices that some cut knows may wait."""
    history = History(FOUNDING)
    stage = Stage(FOUNDING, ANN)
    stage.receive(*chain(history, 3, EVE)[1:])
    assert len(stage.replica.intake.pending) == 0


def test_stranger_cannot_fill_the_buffer_with_deltas_of_the_future():
    """The same bound as for orphans: what is only delayed waits too."""
    early = History(FOUNDING).write(
        EVE, (), [Put("notes", b"k", b"v")], time=time_at(START_MS + limits.DRIFT_MS_MAX + 1)
    )
    stage = Stage(FOUNDING, ANN)
    stage.receive(early)
    assert len(stage.replica.intake.pending) == 0


def test_delta_of_a_device_whose_admission_waits_too_may_wait():
    """Otherwise everything of a newcomer would have to come in order."""
    history = History(FOUNDING)
    first = history.write(BEN, (), [Put("notes", b"k", b"v")])
    admit = history.write(BEN, (first.id,), governance=(EVE.admit(FOUNDING.context),))
    eve = history.write(EVE, (admit.id,), [Put("notes", b"k", b"v")])
    stage = Stage(FOUNDING, ANN)
    effects = [type(effect) for effect in stage.receive(admit, eve, first)]
    assert effects.count(Applied) == 3


def test_refusals_remembered_are_bounded(monkeypatch):
    """A flood of inadmissible deltas grows no memory; a forgotten one is judged again."""
    monkeypatch.setattr(limits, "REFUSED_REMEMBERED_MAX", 4)
    history = History(FOUNDING)
    stage = Stage(FOUNDING, ANN)
    wrong = [history.write(BEN, (), [Put("nowhere", b"k", bytes([n]))]) for n in range(10)]
    for delta in (*wrong, wrong[0]):
        assert stage.receive(delta) == [Misbehaved(PEER, "unknown-collection")]
    assert len(stage.replica.judge._refused) == 4


def test_delta_that_nothing_waits_for_looks_at_nothing_that_waits(
    monkeypatch: pytest.MonkeyPatch,
):
    """A member that withholds parents must not make every other delta dear."""
    stage, history = Stage(FOUNDING, ANN), History(FOUNDING)
    stage.receive(*chain(history, 30)[1:])
    assert len(stage.replica.intake.pending) == 29
    asked = []
    judge = stage.replica.judge.judge
    monkeypatch.setattr(
        stage.replica.judge, "judge", lambda delta, now: asked.append(delta) or judge(delta, now)
    )
    monkeypatch.setattr(stage.replica.intake.pending, "items", lambda: pytest.fail("all of them"))
    effects = stage.receive(History(FOUNDING).write(ANN, (), [Put("notes", b"k", b"x")]))
    assert any(isinstance(effect, Applied) for effect in effects)
    assert len(asked) == 1


def test_delta_looks_up_its_own_parents_alone(monkeypatch: pytest.MonkeyPatch):
    """What all others wait for was looked up too: a frame of 64 deltas cost seconds."""
    stage, history = Stage(FOUNDING, ANN), History(FOUNDING)
    *some, last = chain(history, 30)[1:]
    stage.receive(*some[:-1])
    looked_up = []
    is_applied = stage.replica.ledger.is_applied
    monkeypatch.setattr(
        stage.replica.ledger, "is_applied", lambda d: looked_up.append(d) or is_applied(d)
    )
    stage.receive(last)
    assert set(looked_up) == {last.id, some[-1].id}
    looked_up.clear()
    stage.handle(TimerFired(ASK))
    assert not looked_up


def test_what_a_delta_was_good_for_is_told_to_who_wants_a_receipt():
    """Whoever sends what is of no use is no source of what is missing."""
    history = History(FOUNDING)
    first, second, third = chain(history, 3)
    wrong = history.write(BEN, (), [Put("nowhere", b"k", b"v")])
    (_, stranger) = chain(history, 2, EVE)
    stage = Stage(FOUNDING, ANN)

    def uses(*deltas: Delta) -> list[Use]:
        events = [DeltaReceived(delta, PEER, receipt=7) for delta in deltas]
        effects = [effect for event in events for effect in stage.handle(event)]
        dealt = [effect for effect in effects if isinstance(effect, Dealt)]
        assert all(effect.receipt == 7 for effect in dealt)
        return [effect.use for effect in dealt]

    assert uses(third, third, stranger, wrong) == [Use.WAITS, Use.NONE, Use.NONE, Use.NONE]
    assert uses(first, first, second, third) == [Use.APPLIED, Use.NONE, Use.APPLIED, Use.NONE]


def test_what_is_held_back_is_dealt_with_when_it_is_taken_in(monkeypatch: pytest.MonkeyPatch):
    """Until then a peer gets no credit for more; what finds no room is dealt with at once."""
    monkeypatch.setattr(limits, "INBOX_WHILE_EXECUTING_MAX", 1)
    first, second = chain(History(FOUNDING), 2)
    assert (
        play(Stage(FOUNDING, ANN))
        >> submit(1) << (lambda effect: True)
        >> DeltaReceived(first, PEER, receipt=1) << None
        >> DeltaReceived(second, PEER, receipt=2) << Dealt(2, Use.NONE)
        >> Executed((completed(Put("notes", b"k", b"v")),))
        << (lambda effect: True) << (lambda effect: True) << Applied << (lambda effect: True)
        << Applied << Dealt(1, Use.APPLIED)
    )  # fmt: skip


def _turn(stage: Stage, event: object) -> list[DeltaId]:
    """What one event applies of others' deltas, where nothing is taken in for it afterwards."""
    effects = stage.carry_out(stage.replica.handle(event, stage.now))
    timers = [e for e in effects if isinstance(e, SetTimer) and e.name == TAKE_IN]
    assert len(timers) == (stage.replica.intake.is_busy and not stage.replica.is_executing)
    return [e.delta.id for e in effects if isinstance(e, Applied) and not e.is_own]


def test_what_came_while_calls_ran_is_taken_in_a_little_at_a_time():
    """In its order, and between two turns others have theirs: it was one block of seconds."""
    stage, deltas = Stage(FOUNDING, ANN), chain(History(FOUNDING), 100)
    stage.handle(submit(1))
    for delta in deltas:
        assert _turn_of(stage, delta) == []
    turns = []
    _turn(stage, Executed((completed(Put("notes", b"k", b"v")),)))
    while stage.replica.intake.is_busy:
        turns.append(_turn(stage, TimerFired(TAKE_IN)))
    most = limits.INTAKE_TURN_BYTES // limits.INTAKE_DELTA_BYTES
    assert all(0 < len(turn) <= most for turn in turns)
    assert [delta for turn in turns for delta in turn] == [delta.id for delta in deltas]


def _turn_of(stage: Stage, delta: Delta) -> list[DeltaId]:
    effects = stage.carry_out(stage.replica.handle(DeltaReceived(delta, PEER), stage.now))
    return [e.delta.id for e in effects if isinstance(e, Applied)]


def test_what_waited_is_taken_in_a_little_at_a_time():
    """One delta must not bring on a thousand others at once, however large they are."""
    stage, deltas = Stage(FOUNDING, ANN), chain(History(FOUNDING), 100)
    stage.receive(*deltas[1:])
    turns = [_turn(stage, DeltaReceived(deltas[0], PEER))]
    while stage.replica.intake.is_busy:
        turns.append(_turn(stage, TimerFired(TAKE_IN)))
    assert max(map(len, turns)) <= limits.INTAKE_TURN_BYTES // limits.INTAKE_DELTA_BYTES
    assert [delta for turn in turns for delta in turn] == [delta.id for delta in deltas]


def test_large_deltas_are_taken_in_one_by_one():
    """A turn is bounded by what there is to do, not by the number of deltas."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    large = [Put("notes", b"%03d" % n, bytes(100)) for n in range(400)]
    deltas = [history.write(BEN, (), [*large, Put("notes", b"k", bytes([n]))]) for n in range(5)]
    stage.handle(submit(1))
    for delta in deltas:
        _turn_of(stage, delta)
    turns = []
    _turn(stage, Executed((completed(Put("notes", b"k", b"v")),)))
    while stage.replica.intake.is_busy:
        turns.append(_turn(stage, TimerFired(TAKE_IN)))
    assert list(map(len, turns)) == [1] * 5


def test_calls_come_in_between_two_turns():
    """A call waits for a turn, not for all that others sent; and what is left comes after it."""
    stage, deltas = Stage(FOUNDING, ANN), chain(History(FOUNDING), 100)
    outcome = Executed((completed(Put("notes", b"k", b"v")),))
    stage.handle(submit(1))
    for delta in deltas:
        _turn_of(stage, delta)
    assert _turn(stage, outcome) == [], "the reply does not wait for them"
    assert _turn(stage, TimerFired(TAKE_IN)) != []
    _turn(stage, submit(2))
    assert stage.replica.is_executing
    assert _turn(stage, TimerFired(TAKE_IN)) == []
    _turn(stage, outcome)
    while stage.replica.intake.is_busy:
        _turn(stage, TimerFired(TAKE_IN))
    assert stage.replica.ledger.count == 102


def test_calls_without_end_do_not_keep_others_deltas_out():
    """Between two batches a turn is taken in."""
    stage, deltas = Stage(FOUNDING, ANN), chain(History(FOUNDING), 100)
    stage.handle(submit(1))
    for delta in deltas:
        _turn_of(stage, delta)
    taken = 0
    for request in range(2, 100):
        stage.carry_out(stage.replica.handle(submit(request), stage.now))
        taken += len(_turn(stage, Executed((completed(Put("notes", b"k", b"v")),))))
        assert stage.replica.is_executing
        if taken == len(deltas):
            return
    pytest.fail("they are still waiting")


def test_waiting_ends_where_nobody_supplies_the_parents():
    """A member's inventions fill the buffer for a while, not for ever; sync brings it again."""
    first, second, third = chain(History(FOUNDING), 3)
    stage = Stage(FOUNDING, ANN)
    stage.receive(second)
    stage.now += limits.PENDING_EXPIRES_S - 1
    stage.receive(third)
    stage.handle(TimerFired(ASK))
    assert len(stage.replica.intake.pending) == 2
    stage.now += 2
    stage.handle(TimerFired(ASK))
    assert [w.delta for w in stage.replica.intake.pending.items()] == [third]
    stage.receive(first, second)
    assert stage.replica.ledger.count == 3
