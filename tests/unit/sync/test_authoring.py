"""Group commit: what this device writes, in which deltas, and what leaves when."""

from __future__ import annotations

import pytest

from covey.codec import decode_frontier, encode_frontier
from covey.model import Add, Close, Failed, Failure, Merge, Put, limits
from covey.sync import (
    AdmissionAnswered,
    AdmissionRequested,
    Applied,
    Broadcast,
    DeltaReceived,
    Execute,
    Executed,
    RecordSequence,
    Reply,
)
from covey.testkit.history import START_MS, History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage, completed, play, submit

ANN, BEN, EVE = identity("ann"), identity("ben"), identity("eve")
FOUNDING = found(ANN, BEN)
CONTEXT = FOUNDING.context
PUT = Put("notes", b"k", b"v")
REFUSED = Failed(Failure.REFUSED, "no", 7, ())


def replies(effects) -> list[tuple[int, bool]]:
    """Which requests were answered, and whether a delta carries them."""
    return [(e.request, e.delta is not None) for e in effects if isinstance(e, Reply)]


def test_calls_that_arrive_together_share_one_delta():
    """One signature, one durable write and one message for all of them."""
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> submit(1, 2) << (lambda e: isinstance(e, Execute) and len(e.batch.calls) == 2)
        >> Executed((completed(PUT), completed(Add("likes", b"k", 2))))
        << RecordSequence(1) << Broadcast << Applied << Reply << Reply << None
    )  # fmt: skip
    assert [commit.durable for commit in stage.commits] == [True]


def test_nothing_leaves_before_the_durable_commit():
    """A delta that was sent and then lost would be forked at the next start."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(submit(1))
    effects = stage.replica.handle(Executed((completed(PUT),)), stage.now)
    names = [type(effect).__name__ for effect in effects]
    assert names[:3] == ["Commit", "RecordSequence", "Broadcast"]
    assert effects[0].durable


def test_calls_that_come_while_one_runs_are_the_next_batch():
    """They wait for its durable write, and then go together."""
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> submit(1) << Execute
        >> submit(2) << None
        >> submit(3) << None
        >> Executed((completed(PUT),))
        << RecordSequence(1) << Broadcast << Applied << Reply
        << (lambda e: isinstance(e, Execute) and len(e.batch.calls) == 2)
    )  # fmt: skip


def test_failed_call_takes_no_part_and_the_others_go_on():
    """It is in no delta, and uses up no index."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(submit(1, 2, 3))
    effects = stage.handle(Executed((completed(PUT), REFUSED, completed(Add("likes", b"k", 1)))))
    assert replies(effects) == [(1, True), (2, False), (3, True)]
    (applied,) = [e for e in effects if isinstance(e, Applied)]
    assert len(applied.payload.calls) == len(applied.delta.core.fuel) == 2


def test_batch_in_which_nothing_took_effect_writes_no_delta():
    """The sequence is not used up either."""
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> submit(1) << Execute
        >> Executed((REFUSED,)) << Reply(1, REFUSED, None) << None
    )  # fmt: skip
    assert stage.commits == []
    assert RecordSequence(1) in stage.write((PUT,))


def test_what_a_batch_had_no_room_for_is_put_back_in_order():
    """The engine ran a prefix: fuel or size ended the delta."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(submit(1, 2, 3))
    effects = stage.handle(Executed((completed(PUT),)))
    assert replies(effects) == [(1, True)]
    assert len(effects[-1].batch.calls) == 2
    assert effects[-1].batch.sequence == 2
    stage.handle(submit(4))
    effects = stage.handle(Executed((completed(PUT), completed(PUT))))
    assert replies(effects) == [(2, True), (3, True)]
    assert replies(stage.handle(Executed((completed(PUT),)))) == [(4, True)]


def test_more_calls_than_a_delta_holds_are_split():
    """In order, each delta after the one before."""
    stage = Stage(FOUNDING, ANN)
    effects = stage.handle(submit(*range(600)))
    sizes, answered = [], []
    while effects and isinstance(effects[-1], Execute):
        size = len(effects[-1].batch.calls)
        sizes.append(size)
        effects = stage.handle(Executed((completed(PUT),) * size))
        answered += replies(effects)
    assert sizes == [256, 256, 88]
    assert [number for number, _ in answered] == list(range(600))
    assert stage.replica.ledger.count == 3


def test_large_arguments_end_a_batch_early(monkeypatch):
    """A delta stays well below its largest size."""
    monkeypatch.setattr(limits, "DELTA_PAYLOAD_SOFT_BYTES", 5)
    stage = Stage(FOUNDING, ANN)
    (execute,) = stage.handle(submit(1, 2, 3))  # two bytes each
    assert len(execute.batch.calls) == 2


def test_calls_beyond_the_queue_are_answered_at_once(monkeypatch):
    """The caller tries again; nothing waits without bound."""
    monkeypatch.setattr(limits, "CALLS_QUEUED_MAX", 2)
    stage = Stage(FOUNDING, ANN)
    stage.handle(submit(1))
    effects = stage.handle(submit(2, 3, 4))
    assert [(e.request, e.outcome.failure) for e in effects] == [(4, Failure.OVERLOADED)]


def test_deltas_that_come_while_a_batch_runs_are_applied_after_it():
    """The cut of a batch is fixed before its first call."""
    history = History(FOUNDING)
    ben = history.write(BEN, (), [Put("notes", b"k", b"w")])
    stage = Stage(FOUNDING, ANN)
    assert (
        play(stage)
        >> submit(1) << Execute
        >> DeltaReceived(ben, PEER) << None
        >> Executed((completed(PUT),))
        << RecordSequence(1) << Broadcast
        << (lambda e: e.is_own and e.delta.core.parents == ())
        << Reply
        << (lambda e: isinstance(e, Applied) and e.delta == ben)
    )  # fmt: skip
    assert len(stage.replica.ledger.heads) == 2


@pytest.mark.parametrize(
    ("bound", "value"),
    [("INBOX_WHILE_EXECUTING_MAX", 2), ("INBOX_WHILE_EXECUTING_BYTES_MAX", 2_500)],
)
def test_held_back_deltas_are_bounded(monkeypatch, bound, value):
    """In number and in bytes, each time anew. What is dropped, sync brings again."""
    monkeypatch.setattr(limits, bound, value)
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    for batch in (1, 2):
        stage.handle(submit(batch))
        for n in range(5):
            text = bytes([batch, n]) + bytes(700)
            stage.receive(history.write(BEN, (), [Put("notes", b"k", text)]))
        stage.handle(Executed((completed(PUT),)))
        assert stage.replica.ledger.count == 3 * batch


def test_own_time_exceeds_everything_seen():
    """Also where the local clock is behind, or goes back."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    stage.now -= 20
    ben = history.write(BEN, (), [PUT])
    stage.receive(ben)
    times = []
    for _ in range(3):
        stage.now -= 1
        (applied,) = [e for e in stage.write((PUT,)) if isinstance(e, Applied)]
        times.append(applied.delta.core.time)
    assert times == [ben.core.time + 1, ben.core.time + 2, ben.core.time + 3]


def test_many_heads_are_merged_before_the_next_call():
    """No delta has more parents than its bound."""
    founders = [identity(f"founder {n}") for n in range(31)]
    founding = found(ANN, *founders)
    history, stage = History(founding), Stage(founding, ANN)
    (last, *others) = founders
    first = [history.write(f, (), [PUT]) for f in others]
    more = [history.write(last, (), [Put("notes", b"k", bytes([n]))]) for n in range(10)]
    stage.receive(*first, *more)
    assert len(stage.replica.ledger.heads) == 40
    effects = stage.write((PUT,))
    own = [e.delta.core for e in effects if isinstance(e, Applied)]
    assert [(len(c.parents), c.governance) for c in own] == [(32, (Merge(),)), (8, ())]
    assert stage.replica.ledger.heads == {next(reversed(stage.replica.ledger.heads)): None}


# -- admission -------------------------------------------------------------------------------


def test_device_with_very_many_branches_stops_nobody():
    """Whoever signs seventy siblings must not break those who merge them."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    siblings = [history.write(BEN, (), [Put("notes", b"k", bytes([n]))]) for n in range(70)]
    stage.receive(*siblings)
    stage.write((PUT,))
    stage.write((PUT,))
    again = stage.restarted()
    again.write((PUT,))
    assert len(again.replica.ledger.frontier[BEN.device]) == 70
    assert len(again.replica.ledger.heads) == 1
    assert decode_frontier(encode_frontier(again.replica.ledger.frontier))


def test_call_before_admission_is_answered_and_not_queued():
    """Nothing of a device that may not write waits for the day it may."""
    effects = Stage(FOUNDING, EVE).handle(submit(1))
    assert [(e.request, e.outcome.failure) for e in effects] == [(1, Failure.NOT_ADMITTED)]


def asked(request: int, who=EVE, founding=FOUNDING) -> AdmissionRequested:
    """A device asks to be admitted."""
    return AdmissionRequested(request, who.certificate, who.join(founding.context))


def test_device_that_asks_is_admitted_and_may_write():
    """Open contexts need nobody's hand."""
    ann, eve = Stage(FOUNDING, ANN), Stage(FOUNDING, EVE)
    effects = ann.handle(asked(5))
    (applied,) = [e for e in effects if isinstance(e, Applied)]
    assert AdmissionAnswered(5, "") in effects
    assert not eve.replica.is_admitted
    eve.receive(applied.delta)
    assert eve.replica.is_admitted
    assert ann.replica.member_count() == 3
    (written,) = [e for e in eve.write((PUT,)) if isinstance(e, Applied)]
    assert isinstance(ann.receive(written.delta)[0], Applied)


def test_member_that_asks_again_is_told_so():
    """Without another delta."""
    assert (
        play(Stage(FOUNDING, ANN)) >> asked(1, BEN) << AdmissionAnswered(1, "") << None
    )  # fmt: skip


def test_device_that_is_no_member_admits_nobody():
    """Its delta would be refused everywhere."""
    (answer,) = Stage(FOUNDING, EVE).handle(asked(1, identity("carol")))
    assert answer.reason


def test_join_for_another_context_is_refused():
    """A join cannot be carried from one context into another."""
    wrong = AdmissionRequested(1, EVE.certificate, EVE.join(found(ANN).context))
    (answer,) = Stage(FOUNDING, ANN).handle(wrong)
    assert answer.reason == "the device did not sign to join this context"


def test_admission_asked_for_while_a_batch_runs_follows_it():
    """One writer, one chain."""
    stage = Stage(FOUNDING, ANN)
    stage.handle(submit(1))
    assert stage.handle(asked(2)) == []
    effects = stage.handle(Executed((completed(PUT),)))
    assert [e.delta.core.sequence for e in effects if isinstance(e, Applied)] == [1, 2]
    assert AdmissionAnswered(2, "") in effects


def test_device_that_somebody_else_admitted_meanwhile_is_not_admitted_twice():
    """A second admission in one cut is inadmissible."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    stage.handle(submit(1))
    stage.handle(asked(2))
    stage.receive(history.write(BEN, (), governance=(EVE.admit(CONTEXT),)))
    effects = stage.handle(Executed((REFUSED,)))
    assert not [e for e in effects if isinstance(e, Applied) and e.is_own]
    assert AdmissionAnswered(2, "") in effects


def test_device_that_was_closed_meanwhile_is_not_admitted():
    """A member closes its own second device while that asks to be let in: no reason to stop."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    second = identity("eve", "second")
    let_in = history.write(BEN, (), governance=(EVE.admit(CONTEXT),))
    stage.receive(let_in)
    stage.handle(submit(1))
    assert stage.handle(AdmissionRequested(2, second.certificate, second.join(CONTEXT))) == []
    stage.handle(asked(3, identity("fay")))
    both = history.write(EVE, (let_in.id,), governance=(second.admit(CONTEXT),))
    stage.receive(both)
    closes = (Close(second.device, ()),)
    stage.receive(history.write(EVE, (both.id,), governance=closes))
    effects = stage.handle(Executed((completed(PUT),)))
    assert [e.request for e in effects if isinstance(e, Reply) and e.delta] == [1]
    answers = {e.request: e.reason for e in effects if isinstance(e, AdmissionAnswered)}
    assert answers[2] == "the device was closed: the member needs a new one"
    assert answers[3] == ""
    own = [e.delta.core for e in effects if isinstance(e, Applied) and e.is_own]
    assert [len(core.governance) for core in own] == [0, 1]


def test_forked_device_stops_writing():
    """Its home was copied or restored: another delta would continue one of two chains."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    left = history.write(ANN, (), [PUT])
    right = history.write(ANN, (), [Put("notes", b"k", b"w")])
    stage.receive(left, right)
    assert stage.replica.is_forked
    (reply,) = stage.handle(submit(1))
    assert reply.outcome.failure is Failure.NOT_ADMITTED


def test_calls_that_wait_when_a_fork_shows_are_answered():
    """A caller whose call can never run is told, not left waiting."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    stage.handle(submit(1))
    stage.handle(submit(2))
    stage.handle(asked(3))
    stage.receive(history.write(ANN, (), [Put("notes", b"k", b"other life")]))
    effects = stage.handle(Executed((completed(PUT),)))
    assert stage.replica.is_forked
    assert replies(effects) == [(1, True), (2, False)]
    assert [e.request for e in effects if isinstance(e, AdmissionAnswered)] == [3]


# -- restart ---------------------------------------------------------------------------------


def test_replica_restarted_from_its_store_is_the_same():
    """All that the ledger holds in memory is in the store too."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    stage.handle(asked(1))
    stage.receive(history.write(BEN, (), [PUT], [Add("likes", b"k", 3)]))
    stage.receive(history.write(BEN, (), [Put("notes", b"k", b"fork")]))
    stage.write((Put("posts", ANN.member_id, b"v"), Put("profiles", ANN.member_id, b"v")))
    again = stage.restarted()
    one, two = stage.replica.ledger, again.replica.ledger
    assert (one.count, one.clock) == (two.count, two.clock)
    assert one.digest() == two.digest()
    assert one.frontier == two.frontier
    assert set(one.heads) == set(two.heads)
    first = [e for e in stage.write((PUT,)) if isinstance(e, Applied)]
    twin = Stage(FOUNDING, ANN)
    assert twin.replica.ledger.count == 0
    assert first[0].delta.core.sequence == 3
    assert again.restarted().replica.ledger.count == one.count


def test_restarted_replica_writes_the_very_same_delta():
    """Nothing that shapes a delta is in memory alone."""
    frames = []
    for restart in (False, True):
        stage = Stage(FOUNDING, ANN, now=START_MS / 1000)
        stage.receive(History(FOUNDING).write(BEN, (), [PUT]))
        stage.write((PUT,))
        stage = stage.restarted() if restart else stage
        (applied,) = [e for e in stage.write((PUT,)) if isinstance(e, Applied)]
        frames.append(applied.delta.frame)
    assert frames[0] == frames[1]
