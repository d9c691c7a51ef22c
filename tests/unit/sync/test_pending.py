"""The buffer of deltas that wait: bounded, and whoever takes most of it gives way first."""

from __future__ import annotations

import pytest

from covey.model import Delta, DeltaId, PeerId, Put, limits
from covey.sync import Pending, Waiting, parents_of
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import PEER
from tests.unit.sync.test_intake import chain

ANN, BEN, EVE = identity("ann"), identity("ben"), identity("eve")
FOUNDING = found(ANN, BEN)
HONEST = PeerId("an honest peer")


@pytest.fixture
def deltas() -> list[Delta]:
    """A chain of ten."""
    return chain(History(FOUNDING), 10)


def wait(pending: Pending, *deltas: Delta, peer: PeerId = PEER) -> bool:
    """Let deltas wait of which nothing is applied; whether the last of them does."""
    return [pending.add(Waiting(delta, peer), parents_of(delta)) for delta in deltas][-1]


def sequences(pending: Pending) -> list[int]:
    return [w.delta.core.sequence for w in pending.items()]


def test_buffer_evicts_the_highest_sequence_first(deltas, monkeypatch):
    """What can be applied soonest is kept; sync brings the rest when its turn has come."""
    monkeypatch.setattr(limits, "PENDING_DELTAS_MAX", 4)
    pending = Pending()
    wait(pending, *reversed(deltas))
    assert sequences(pending) == [4, 3, 2, 1]
    assert not wait(pending, deltas[9])


def test_peer_that_fills_the_buffer_gives_way_first(deltas, monkeypatch):
    """Its inventions have low sequences: every honest delta was the first to go."""
    monkeypatch.setattr(limits, "PENDING_DELTAS_MAX", 8)
    history, pending = History(FOUNDING), Pending()
    for author in (ANN, EVE):
        for n in range(4):
            delta = history.write(author, (), [Put("notes", b"k", bytes([n]))])
            wait(pending, delta, peer=PeerId("eve"))
    assert len(pending) == 8
    assert all(wait(pending, delta, peer=HONEST) for delta in deltas[6:])
    assert sorted(sequences(pending)) == [1, 1, 1, 1, 7, 8, 9, 10]


def test_device_that_fills_a_peers_part_gives_way_first(deltas, monkeypatch):
    """A peer that passes on what many wrote loses none of it to one of them."""
    monkeypatch.setattr(limits, "PENDING_PER_PEER_MAX", 4)
    history, pending = History(FOUNDING), Pending()
    for n in range(4):
        wait(pending, history.write(EVE, (), [Put("notes", b"k", bytes([n]))]))
    wait(pending, *deltas[7:9])
    assert sorted(sequences(pending)) == [1, 1, 8, 9]


def test_large_deltas_give_way_before_many_small_ones(deltas, monkeypatch):
    """Room is bytes too."""
    history, pending = History(FOUNDING), Pending()
    large = history.write(EVE, (), [Put("notes", b"k", bytes(1_000_000))])
    other = history.write(EVE, (), [Put("notes", b"k", bytes(1_000_001))])
    monkeypatch.setattr(limits, "PENDING_BYTES_MAX", 1_500_000)
    wait(pending, *deltas, peer=HONEST)
    wait(pending, large, other, peer=PeerId("eve"))
    assert len(pending) == 11


def test_buffer_is_bounded_in_bytes(deltas, monkeypatch):
    """Few large deltas cost as much as many small ones."""
    monkeypatch.setattr(limits, "PENDING_BYTES_MAX", 3 * len(deltas[0].frame) + 200)
    pending = Pending()
    for delta in deltas:
        wait(pending, delta)
        assert pending.size_bytes <= limits.PENDING_BYTES_MAX
    assert pending.size_bytes == sum(len(w.delta.frame) for w in pending.items()) > 0


def test_one_device_cannot_fill_the_buffer(deltas, monkeypatch):
    """The others keep their room."""
    monkeypatch.setattr(limits, "PENDING_PER_DEVICE_MAX", 3)
    pending = Pending()
    (ann,) = chain(History(FOUNDING), 1, ANN)
    wait(pending, ann, *deltas)
    assert len(pending) == 4
    assert ann.id in pending


def test_one_peer_cannot_fill_the_buffer(deltas, monkeypatch):
    """Whatever devices it names."""
    monkeypatch.setattr(limits, "PENDING_PER_PEER_MAX", 3)
    pending = Pending()
    wait(pending, deltas[9], peer=PeerId("another"))
    wait(pending, *deltas)
    assert len(pending) == 4


def test_what_one_device_waits_for_is_bounded(deltas, monkeypatch):
    """A delta may name 33 that do not exist."""
    monkeypatch.setattr(limits, "PENDING_UNMET_PER_DEVICE_MAX", 70)
    pending = Pending()
    for number, delta in enumerate(deltas):
        unmet = tuple(DeltaId(bytes([number, n]) * 16) for n in range(33))
        pending.add(Waiting(delta, PEER), unmet)
        assert len(pending) <= 2
    assert len(pending._followers) == 66


def test_counts_go_down_as_deltas_leave(deltas, monkeypatch):
    """A buffer that is empty has room for all its bounds again."""
    monkeypatch.setattr(limits, "PENDING_PER_DEVICE_MAX", 3)
    pending = Pending()
    for _ in range(4):
        for delta in deltas[:3]:
            assert wait(pending, delta)
        for delta in deltas[:3]:
            assert pending.remove(delta.id) is not None
    assert (len(pending), pending.size_bytes) == (0, 0)
    assert pending.remove(deltas[0].id) is None
    assert not any((pending._per_device, pending._per_peer, pending._unmet_per_device))


def test_missing_is_what_is_neither_applied_nor_waiting(deltas):
    """Only the lowest gap of a chain is asked for."""
    pending = Pending()
    wait(pending, deltas[2], deltas[3], deltas[5])
    assert [w.delta for w in pending.meet(deltas[4].id)] == [deltas[5]]
    assert pending.missing(10, lambda _: 0.0) == (deltas[1].id,)


def test_peers_take_turns_in_what_is_missing(deltas):
    """A peer that invents parents by the thousand would be asked about alone."""
    pending = Pending()
    invented = [DeltaId(bytes([n]) * 32) for n in range(100)]
    pending.add(Waiting(deltas[9], PeerId("eve")), invented)
    wait(pending, deltas[4], peer=HONEST)
    assert deltas[3].id in pending.missing(2, lambda _: 0.0)


def test_what_was_asked_for_longest_ago_is_missing_first(deltas):
    """Each of more than one question names has its turn."""
    pending = Pending()
    asked = {DeltaId(bytes([n]) * 32): 0.0 for n in range(10)}
    pending.add(Waiting(deltas[9], PEER), asked)
    named: list[DeltaId] = []
    for now in range(1, 6):
        for delta in pending.missing(2, asked.__getitem__):
            asked[delta] = float(now)
            named.append(delta)
    assert sorted(named) == sorted(asked)


def test_what_left_the_buffer_follows_nothing():
    """Its index is as bounded as the buffer."""
    history, pending = History(FOUNDING), Pending()
    wait(pending, *chain(history, 5)[1:])
    (first, *_) = history.deltas
    assert [w.delta.core.sequence for w in pending.followers(first)] == [2]
    for waiting in pending.items():
        pending.remove(waiting.delta.id)
    assert pending.followers(first) == ()
    assert not pending._followers


def test_waiting_admission_is_known_while_it_waits():
    """Whose admission waits may wait too."""
    history, pending = History(FOUNDING), Pending()
    admit = history.write(BEN, (), governance=(EVE.admit(FOUNDING.context),))
    assert not pending.admits(EVE.device)
    wait(pending, admit)
    assert pending.admits(EVE.device)
    pending.remove(admit.id)
    assert not pending.admits(EVE.device)
