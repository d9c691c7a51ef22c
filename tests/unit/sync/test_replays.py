"""Where calls are run again: what the words of the engine bring about."""

from __future__ import annotations

import pytest

from covey.model import (
    Batch,
    Call,
    Delta,
    Put,
    Signed,
    Table,
    Verification,
    limits,
)
from covey.sync import (
    ASK,
    Applied,
    Ask,
    Broadcast,
    Dealt,
    DeltaReceived,
    Execute,
    Executed,
    Misbehaved,
    RecordSequence,
    Reply,
    SetTimer,
    TimerFired,
    Use,
    Verified,
    Verify,
)
from covey.testkit.history import History
from covey.testkit.playbook import PEER, Stage, completed, play, submit
from tests.unit.sync.replayed import (
    AGREES,
    ANN,
    BEN,
    CARA,
    DIFFERS,
    EVE,
    FAULT,
    FOUNDING,
    NOTE,
    applied,
    asked,
    chain,
    is_asked,
    places,
    row,
)

# -- before the word, and after it -----------------------------------------------------------------


def test_nothing_is_applied_before_the_engine_agreed():
    """Whoever has a member's key can sign anything."""
    (first,) = chain(History(FOUNDING), 1)
    stage = Stage(FOUNDING, ANN)
    conversation = play(stage) >> DeltaReceived(first, PEER) << Verify << None
    assert stage.commits == []
    assert not stage.replica.ledger.is_applied(first.id)
    assert conversation >> AGREES << Applied << None
    assert len(stage.commits) == 1


def test_engine_is_told_what_was_signed_and_where():
    """Seeds, roles and time are those of the delta, not of this node."""
    history = History(FOUNDING)
    first = history.write(BEN, (), NOTE)
    second = history.write(BEN, (first.id,), [Put("notes", b"a", b"1")], [Put("rules", b"b", b"2")])
    stage = Stage(FOUNDING, ANN)
    stage.receive(first)
    stage.handle(AGREES)
    batch = Batch(
        context=FOUNDING.context,
        release=FOUNDING.charter.release,
        member=BEN.member_id,
        device=BEN.device,
        sequence=2,
        previous=first.id,
        time=second.core.time,
        roles=("admin",),
        calls=(Call("change", b"{}"),) * 2,
    )
    effects = ((Put("notes", b"a", b"1"),), (Put("rules", b"b", b"2"),))
    assert asked(stage.receive(second)).row == (Signed(batch, effects, ((), ()), (1, 1)),)


def test_governance_has_nothing_to_run():
    """What a delta without calls says is judged by rules alone."""
    admit = History(FOUNDING).write(BEN, (), governance=(EVE.admit(FOUNDING.context),))
    assert play(Stage(FOUNDING, ANN)) >> DeltaReceived(admit, PEER) << Applied << None


def test_where_signatures_are_enough_nothing_is_run_again():
    """The charter says so, and for ever."""
    founding = FOUNDING.again(verification=Verification.SIGNATURE)
    (first,) = chain(History(founding), 1)
    assert play(Stage(founding, ANN)) >> DeltaReceived(first, PEER) << Applied << None


def test_what_this_node_ran_itself_is_not_run_again():
    """Its own engine said it a moment ago."""
    effects = Stage(FOUNDING, ANN).write((Put("notes", b"k", b"v"),))
    assert len(applied(effects)) == 1
    assert not is_asked(effects)


def test_what_came_meanwhile_is_taken_in_behind_it_in_its_order():
    """Receipts too: until then whoever sent it gets no credit for more."""
    history = History(FOUNDING)
    first, second = chain(history, 2)
    admit = history.write(CARA, (), governance=(EVE.admit(FOUNDING.context),))
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(first, PEER, receipt=1) << Verify
        >> DeltaReceived(admit, PEER, receipt=2) << None
        >> DeltaReceived(second, PEER, receipt=3) << None
        >> DeltaReceived(first, PEER, receipt=4) << None
        >> AGREES << Applied << Dealt(1, Use.APPLIED) << Applied << Dealt(2, Use.APPLIED) << Verify
        >> AGREES << Applied << Dealt(3, Use.APPLIED) << Dealt(4, Use.NONE) << None
    )  # fmt: skip


def test_what_is_held_back_is_bounded_with_what_the_engine_has(monkeypatch: pytest.MonkeyPatch):
    """What it has goes back to its place, and needs it."""
    first, second, third = chain(History(FOUNDING), 3)
    stage = Stage(FOUNDING, ANN)
    monkeypatch.setattr(limits, "INBOX_WHILE_EXECUTING_MAX", 2)
    conversation = (
        play(stage)
        >> DeltaReceived(first, PEER, receipt=1) << Verify
        >> DeltaReceived(second, PEER, receipt=2) << None
        >> DeltaReceived(third, PEER, receipt=3) << Dealt(3, Use.NONE)
    )  # fmt: skip
    monkeypatch.setattr(limits, "INBOX_WHILE_EXECUTING_MAX", 9)
    size_bytes = len(first.frame) + len(second.frame)
    monkeypatch.setattr(limits, "INBOX_WHILE_EXECUTING_BYTES_MAX", size_bytes)
    assert (
        conversation
        >> DeltaReceived(third, PEER, receipt=4) << Dealt(4, Use.NONE) << None
        >> AGREES << Applied << Dealt(1, Use.APPLIED) << Verify
        >> AGREES << Applied << Dealt(2, Use.APPLIED) << None
    )  # fmt: skip
    assert stage.replica.intake._held_back.size_bytes == 0


def test_nobody_is_to_come_again_while_the_engine_is_asked():
    """Its words bring on the rest; a timer would find nothing to do, a thousand times a second."""
    first, second = chain(History(FOUNDING), 2)
    stage = Stage(FOUNDING, ANN)
    for delta in (first, second):
        effects = stage.replica.handle(DeltaReceived(delta, PEER), stage.now)
        assert not [e for e in effects if isinstance(e, SetTimer)]


def test_what_differs_is_refused_for_ever_with_all_that_follows_it():
    """The code would not have written it, and it says so on every node."""
    first, second, third = chain(History(FOUNDING), 3)
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> DeltaReceived(third, PEER) << Ask(PEER, (second.id,))
        >> DeltaReceived(first, PEER, receipt=1) << Verify
        >> DIFFERS << Misbehaved(PEER, "wrong-effects") << Dealt(1, Use.NONE) << None
        >> DeltaReceived(first, PEER) << Misbehaved(PEER, "wrong-effects") << None
        >> DeltaReceived(second, PEER)
        << Misbehaved(PEER, "follows-refused") << Misbehaved(PEER, "follows-refused") << None
    )  # fmt: skip
    assert stage.tables == {Table.META, Table.REFUSAL}
    assert len(stage.replica.intake.pending) == 0


def test_who_passes_on_by_gossip_what_differs_is_not_blamed():
    """Frames are passed on before calls are run; over a stream only what was applied is sent."""
    (first,) = chain(History(FOUNDING), 1)
    stage = Stage(FOUNDING, ANN)
    assert play(stage) >> DeltaReceived(first, PEER, is_streamed=False) << Verify >> DIFFERS << None
    assert stage.replica.judge.refusal(first.id) is not None


def test_what_waited_is_run_again_too():
    """Its parents came, and now its turn has."""
    first, second = chain(History(FOUNDING), 2)
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(second, PEER) << Ask(PEER, (first.id,))
        >> DeltaReceived(first, PEER) << Verify
        >> AGREES << Applied << Verify
        >> DIFFERS << Misbehaved(PEER, "wrong-effects") << None
    )  # fmt: skip


def test_refused_delta_that_was_forgotten_is_run_again(monkeypatch: pytest.MonkeyPatch):
    """What is remembered is bounded; what is forgotten costs a run, never a wrong word."""
    monkeypatch.setattr(limits, "REFUSED_REMEMBERED_MAX", 1)
    monkeypatch.setattr(limits, "REPLAYED_REMEMBERED_MAX", 1)
    history = History(FOUNDING)
    one, other = history.write(BEN, (), NOTE), history.write(CARA, (), NOTE)
    stage = Stage(FOUNDING, ANN)
    for delta in (one, other, one):
        assert is_asked(stage.receive(delta))
        assert stage.handle(DIFFERS) == [Misbehaved(PEER, "wrong-effects")]
    assert len(stage.replica.judge._refused) == 1
    assert len(stage.replica.replays._differs) == 1


# -- faults of this node ---------------------------------------------------------------------------


def test_delta_this_node_cannot_tell_about_waits_and_is_tried_again_later_and_later():
    """A fault of one node is no verdict: the others may have applied it."""
    first, second = chain(History(FOUNDING), 2)
    stage = Stage(FOUNDING, ANN)
    conversation = (
        play(stage)
        >> DeltaReceived(first, PEER, receipt=1) << Verify
        >> FAULT << Dealt(1, Use.WAITS) << None
        >> DeltaReceived(second, PEER, receipt=2) << Dealt(2, Use.WAITS) << None
        >> DeltaReceived(first, PEER, receipt=3) << Dealt(3, Use.NONE) << None
        >> TimerFired(ASK) << None
    )  # fmt: skip
    wait_s = limits.REPLAY_AGAIN_S
    while wait_s < 2 * limits.REPLAY_AGAIN_MAX_S:
        stage.now += min(wait_s, limits.REPLAY_AGAIN_MAX_S) - 0.1
        conversation = conversation >> TimerFired(ASK) << None
        stage.now += 0.2
        conversation = conversation >> TimerFired(ASK) << Verify >> FAULT << None
        wait_s *= 2
    assert stage.replica.replays.held_count == 1
    assert stage.replica.judge.refusal(first.id) is None
    stage.now += limits.REPLAY_AGAIN_MAX_S
    conversation = conversation >> TimerFired(ASK) << Verify >> AGREES << Applied << Verify
    assert conversation >> AGREES << Applied << None
    assert stage.replica.replays.held_count == 0


def test_what_follows_a_delta_that_is_held_is_there_when_it_is_tried_again():
    """It waits for this node alone, and longer than for others: nobody sends it again meanwhile."""
    first, second, third = chain(History(FOUNDING), 3)
    stage = Stage(FOUNDING, ANN)
    stage.receive(first)
    stage.handle(FAULT)
    stage.receive(second, third)
    wait_s = limits.REPLAY_AGAIN_S
    while wait_s < 2 * limits.REPLAY_AGAIN_MAX_S:
        stage.now += min(wait_s, limits.REPLAY_AGAIN_MAX_S)
        stage.handle(TimerFired(ASK))
        stage.handle(FAULT)
        wait_s *= 2
    assert limits.REPLAY_AGAIN_MAX_S > limits.PENDING_EXPIRES_S
    assert len(stage.replica.intake.pending) == 3
    stage.now += limits.REPLAY_AGAIN_MAX_S
    assert row(stage.handle(TimerFired(ASK))) == places(first)
    done = stage.handle(AGREES)
    while is_asked(done):
        done = stage.handle(AGREES)
    assert stage.replica.ledger.is_applied(third.id)


def test_what_lacks_more_than_the_delta_that_is_held_is_let_go():
    """Else whoever makes one delta fail here could keep inventions in the buffer for ever."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    first = history.write(BEN, (), NOTE)
    secret = history.write(CARA, (), NOTE)
    both = history.write(BEN, (first.id, secret.id), NOTE)
    behind = history.write(BEN, (both.id,), NOTE)
    stage.receive(first)
    stage.handle(FAULT)
    stage.receive(both, behind)
    assert len(stage.replica.intake.pending) == 3
    stage.now += limits.PENDING_EXPIRES_S + 1
    stage.handle(TimerFired(ASK))
    assert [w.delta for w in stage.replica.intake.pending.items()] == [first]


def test_fault_with_one_device_does_not_keep_out_the_others():
    """What does not follow it is taken in."""
    history = History(FOUNDING)
    ben, cara = history.write(BEN, (), NOTE), history.write(CARA, (), NOTE)
    assert (
        play(Stage(FOUNDING, ANN))
        >> DeltaReceived(ben, PEER) << Verify
        >> DeltaReceived(cara, PEER) << None
        >> FAULT << Verify
        >> AGREES << Applied << None
    )  # fmt: skip


def test_many_deltas_of_one_device_cost_no_more_faults_than_one():
    """It can sign any number with one sequence, and each might last until the watchdog barks."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    bombs = [history.write(BEN, (), [Put("notes", b"k", bytes([n]))]) for n in range(20)]
    for bomb in bombs:
        stage.receive(bomb)
        stage.handle(FAULT) if stage.replica.intake.is_verifying else None
    assert stage.replica.replays.held_count == 1
    stage.now += limits.REPLAY_AGAIN_S
    assert row(stage.handle(TimerFired(ASK))) == places(bombs[0])
    cara = history.write(CARA, (), NOTE)
    stage.receive(cara)
    assert row(stage.handle(FAULT)) == places(cara), "the next one is somebody else's"


def test_device_whose_delta_agreed_in_the_end_is_held_no_longer():
    """Only that one says that this node can tell now."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    one, other = (history.write(BEN, (), [Put("notes", b"k", bytes([n]))]) for n in range(2))
    stage.receive(one)
    stage.handle(FAULT)
    assert not is_asked(stage.receive(other))
    stage.now += limits.REPLAY_AGAIN_S
    assert row(stage.handle(TimerFired(ASK))) == places(one)
    effects = stage.handle(AGREES)
    assert applied(effects) == [one]
    assert row(effects) == places(other)


def test_devices_held_are_bounded(monkeypatch: pytest.MonkeyPatch):
    """A forgotten one is tried again sooner."""
    monkeypatch.setattr(limits, "REPLAYS_HELD_MAX", 1)
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    for author in (BEN, CARA):
        stage.receive(history.write(author, (), NOTE))
        stage.handle(FAULT)
    assert stage.replica.replays.held_count == 1


def test_engine_that_could_not_begin_is_asked_again_later():
    """Not at once: that would be without end."""
    (first,) = chain(History(FOUNDING), 1)
    stage = Stage(FOUNDING, ANN)
    conversation = play(stage) >> DeltaReceived(first, PEER) << Verify >> Verified(()) << None
    stage.now += limits.REPLAY_AGAIN_S
    assert conversation >> TimerFired(ASK) << Verify >> AGREES << Applied << None


def test_restart_in_the_midst_loses_nothing_that_was_applied_and_applies_nothing_else():
    """Words are not kept: sync brings again what was not applied, and it is run again."""
    first, second, third = chain(History(FOUNDING), 3)
    stage = Stage(FOUNDING, ANN)
    stage.receive(first, second, third)
    stage.handle(AGREES)
    again = stage.restarted()
    assert again.replica.ledger.count == 1
    assert not again.replica.intake.is_busy
    assert (
        play(again)
        >> DeltaReceived(second, PEER) << Verify >> AGREES << Applied
        >> DeltaReceived(third, PEER) << Verify >> AGREES << Applied << None
    )  # fmt: skip


# -- beside calls of this node ---------------------------------------------------------------------


def test_words_that_come_while_own_calls_run_wait_for_these():
    """Their cut is fixed: nothing may be applied before their outcome."""
    (first,) = chain(History(FOUNDING), 1)
    stage = Stage(FOUNDING, ANN)
    outcome = Executed((completed(Put("notes", b"a", b"1")),))
    assert (
        play(stage)
        >> DeltaReceived(first, PEER) << Verify
        >> submit(1) << Execute
        >> AGREES << None
        >> outcome
        << RecordSequence << Broadcast << (lambda e: isinstance(e, Applied) and e.is_own) << Reply
        << (lambda e: isinstance(e, Applied) and e.delta is first) << None
    )  # fmt: skip
    own = next(iter(stage.replica.ledger.frontier[ANN.device]))
    assert stage.replica.ledger.pasts.closure(own.id).keys() == {ANN.device}


def test_own_calls_go_on_while_the_engine_is_asked():
    """They wait for its thread, not for its word."""
    first, second = chain(History(FOUNDING), 2)
    stage = Stage(FOUNDING, ANN)
    stage.receive(first, second)
    assert len(applied(stage.write((Put("notes", b"a", b"1"),)))) == 1
    assert stage.replica.intake.is_verifying
    assert applied(stage.handle(AGREES)) == [first]


def test_own_calls_without_end_do_not_keep_out_what_is_run_again():
    """Between two batches it is taken in, and the next one is asked about."""
    deltas, stage = chain(History(FOUNDING), 3), Stage(FOUNDING, ANN)
    stage.receive(*deltas)
    stage.handle(submit(0))
    done: list[Delta] = []
    for request in range(1, 5):
        stage.handle(AGREES) if stage.replica.intake.is_verifying else None
        stage.handle(submit(request))
        effects = stage.handle(Executed((completed(Put("notes", b"a", b"1")),)))
        done += [e.delta for e in effects if isinstance(e, Applied) and not e.is_own]
        assert stage.replica.is_executing
    assert done == deltas
