"""The governance deltas that a delta names: those in its cut that no other one there follows."""

from __future__ import annotations

import random

import pytest

from covey.codec import decode_delta
from covey.model import DeltaId, Put, limits
from covey.sync import Applied
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN, BEN)
CONTEXT = FOUNDING.context
PUT = Put("notes", b"k", b"v")


def test_more_governance_heads_than_a_header_holds_are_merged():
    """Also where none of the heads alone brings too many."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    devices = [identity(f"newcomer {n}") for n in range(45)]
    admits = [history.write(BEN, (), governance=(d.admit(CONTEXT),)) for d in devices]
    stage.receive(*admits[:32])
    stage.write((PUT,))
    (own,) = stage.replica.ledger.heads
    assert len(decode_delta(CONTEXT, stage.replica.ledger.frame(own)).core.gov_parents) == 32
    stage.receive(admits[32])
    effects = stage.write((PUT,))
    for applied in (e for e in effects if isinstance(e, Applied)):
        decode_delta(CONTEXT, applied.delta.frame)
    assert len(stage.replica.ledger.heads) == 1


def test_governance_heads_are_the_same_when_they_are_remembered(monkeypatch: pytest.MonkeyPatch):
    """The memory of compared heads is bounded, and changes nothing but the time."""
    monkeypatch.setattr(limits, "GOVERNANCE_HEADS_CACHED_MAX", 2)
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    devices = [identity(f"newcomer {n}") for n in range(6)]
    admits = [history.write(BEN, (), governance=(d.admit(CONTEXT),)) for d in devices]
    later = history.write(BEN, (admits[0].id,), governance=(identity("late").admit(CONTEXT),))
    stage.receive(*admits, later)
    ledger = stage.replica.ledger
    for _ in range(2):
        for other in admits[1:]:
            named = (admits[0].id, later.id, other.id)
            assert ledger.governance_heads(named) == tuple(sorted((later.id, other.id)))
            assert len(ledger.pasts._maximal) <= 2


@pytest.mark.parametrize("count", [20, 33, 80])
def test_governance_heads_of_a_crowd_are_those_that_no_other_follows(count: int):
    """By each against each for a few, by a walk along what they name for many."""
    rng = random.Random(count)
    founders = [identity(f"founder {n}") for n in range(31)]
    founding = found(ANN, *founders)
    history, stage = History(founding), Stage(founding, ANN)
    made: list[DeltaId] = []
    last: dict[int, list[DeltaId]] = {}
    for number in range(120):
        place = rng.randrange(31)
        others = rng.sample(made, min(len(made), rng.choice((0, 0, 0, 1))))
        admit = identity(f"newcomer {number}").admit(founding.context)
        before = (*last.get(place, ()), *others)
        delta = history.write(founders[place], before, governance=(admit,)).id
        last[place] = [delta]
        made.append(delta)
    stage.receive(*(history.deltas[delta].delta for delta in made))
    for _ in range(20):
        named = tuple(rng.sample(made, count))
        expected = history.maximal(frozenset(named))
        assert stage.replica.ledger.governance_heads(named) == expected


def test_head_that_brings_too_many_governance_heads_is_followed_step_by_step():
    """Both sides hold as many as a header can name, and none in common."""
    history, stage = History(FOUNDING), Stage(FOUNDING, ANN)
    devices = [identity(f"newcomer {n}") for n in range(64)]
    admits = [history.write(BEN, (), governance=(d.admit(CONTEXT),)) for d in devices]
    stage.receive(*admits[:32])
    stage.write((PUT,))
    other = history.write(devices[32], [a.id for a in admits[32:]], [PUT])
    assert len(other.core.gov_parents) == 32
    stage.receive(*admits[32:], other)
    effects = stage.write((PUT,))
    for applied in (e for e in effects if isinstance(e, Applied)):
        decode_delta(CONTEXT, applied.delta.frame)
    assert len(stage.replica.ledger.heads) == 1
