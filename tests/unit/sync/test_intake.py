"""Deltas that come in any order: what waits, for how long, and what it may cost."""

from __future__ import annotations

import pytest

from covey.model import Delta, PeerId, Put, limits, time_at
from covey.sync import ASK, Applied, Ask, DeltaReceived, Misbehaved, Pending, TimerFired, Waiting
from covey.testkit.history import START_MS, History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER, Stage, play

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
    assert play(stage) >> DeltaReceived(third, PEER) << asked


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
    assert stage.commits == []


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


# -- the buffer itself -----------------------------------------------------------------------


@pytest.fixture
def deltas() -> list[Delta]:
    """A chain of ten."""
    return chain(History(FOUNDING), 10)


def test_buffer_evicts_the_highest_sequence_first(deltas, monkeypatch):
    """What can be applied soonest is kept; sync brings the rest when its turn has come."""
    monkeypatch.setattr(limits, "PENDING_DELTAS_MAX", 4)
    pending = Pending()
    for delta in reversed(deltas):
        pending.add(Waiting(delta, PEER))
    assert [w.delta.core.sequence for w in pending.items()] == [4, 3, 2, 1]
    assert not pending.add(Waiting(deltas[9], PEER))


def test_buffer_is_bounded_in_bytes(deltas, monkeypatch):
    """Few large deltas cost as much as many small ones."""
    monkeypatch.setattr(limits, "PENDING_BYTES_MAX", 3 * len(deltas[0].frame) + 200)
    pending = Pending()
    for delta in deltas:
        pending.add(Waiting(delta, PEER))
        assert pending.size_bytes <= limits.PENDING_BYTES_MAX
    assert pending.size_bytes == sum(len(w.delta.frame) for w in pending.items()) > 0


def test_one_device_cannot_fill_the_buffer(deltas, monkeypatch):
    """The others keep their room."""
    monkeypatch.setattr(limits, "PENDING_PER_DEVICE_MAX", 3)
    pending = Pending()
    (ann,) = chain(History(FOUNDING), 1, ANN)
    pending.add(Waiting(ann, PEER))
    for delta in deltas:
        pending.add(Waiting(delta, PEER))
    assert len(pending) == 4
    assert ann.id in pending


def test_one_peer_cannot_fill_the_buffer(deltas, monkeypatch):
    """Whatever devices it names."""
    monkeypatch.setattr(limits, "PENDING_PER_PEER_MAX", 3)
    pending = Pending()
    pending.add(Waiting(deltas[9], PeerId("another")))
    for delta in deltas:
        pending.add(Waiting(delta, PEER))
    assert len(pending) == 4


def test_counts_go_down_as_deltas_leave(deltas, monkeypatch):
    """A buffer that is empty has room for all its bounds again."""
    monkeypatch.setattr(limits, "PENDING_PER_DEVICE_MAX", 3)
    pending = Pending()
    for _ in range(4):
        for delta in deltas[:3]:
            assert pending.add(Waiting(delta, PEER))
        for delta in deltas[:3]:
            assert pending.remove(delta.id) is not None
    assert (len(pending), pending.size_bytes) == (0, 0)
    assert pending.remove(deltas[0].id) is None


def test_missing_is_what_is_neither_applied_nor_waiting(deltas):
    """Only the lowest gap of a chain is asked for."""
    pending = Pending()
    for delta in (deltas[2], deltas[3], deltas[5]):
        pending.add(Waiting(delta, PEER))
    applied = {parent: parent == deltas[4].id for parent in pending.parents()}
    assert pending.missing(applied) == (deltas[1].id,)


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


def test_what_left_the_buffer_follows_nothing():
    """Its index is as bounded as the buffer."""
    history, pending = History(FOUNDING), Pending()
    for delta in chain(history, 5)[1:]:
        pending.add(Waiting(delta, PEER))
    (first, *_) = history.deltas
    assert [w.delta.core.sequence for w in pending.followers(first)] == [2]
    for waiting in pending.items():
        pending.remove(waiting.delta.id)
    assert pending.followers(first) == ()
    assert not pending._followers
