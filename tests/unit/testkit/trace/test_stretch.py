"""Hand-overs: a batch may only hold what its node can make of what it was handed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from covey.testkit.trace import (
    Patch,
    Stretch,
    Transaction,
    invent_trace,
    load_trace,
    stretches,
)
from covey.testkit.trace.format import checked_trace

DATA = Path(__file__).parents[4] / "data" / "friendsforever.json.gz"


def chain_of(agents: int, *transactions: tuple[list[int], int]):
    """A trace of (parents, agent), each typing one character."""
    made = tuple(
        Transaction(tuple(parents), agent, (Patch(0, 0, "x"),)) for parents, agent in transactions
    )
    return checked_trace(agents, made, "")


def test_recorded_session_has_the_known_hand_overs():
    """2,446 hand-overs, 10.7 transactions a stretch, the longest 621."""
    trace = load_trace(DATA)
    found = stretches(trace)
    assert len(found) - 1 == 2_446
    assert max(len(stretch.transactions) for stretch in found) == 621


def test_one_agent_is_one_stretch_however_the_file_interleaves():
    trace = chain_of(2, ([], 0), ([], 1), ([0], 0), ([1], 1))
    assert stretches(trace) == [Stretch(0, (0, 2), ()), Stretch(1, (1, 3), ())]


def test_stretch_is_split_where_something_new_by_another_is_followed():
    trace = chain_of(2, ([], 0), ([0], 1), ([1], 1), ([0], 0), ([2, 3], 0), ([4], 0))
    assert stretches(trace) == [
        Stretch(0, (0, 3), ()),
        Stretch(1, (1, 2), ((0, 0),)),
        Stretch(0, (4, 5), ((1, 2),)),
    ]


def test_following_what_was_already_required_does_not_split():
    trace = chain_of(3, ([], 2), ([0], 0), ([0], 1), ([1, 0], 0))
    assert stretches(trace)[1] == Stretch(0, (1, 3), ((2, 0),))


def test_prefix_cuts_a_stretch_and_none_is_empty():
    trace = chain_of(1, ([], 0), ([0], 0))
    assert stretches(trace, 1) == [Stretch(0, (0,), ())]
    assert stretches(trace, 0) == []


@pytest.mark.parametrize("seed", range(8))
def test_playing_the_stretches_never_lacks_what_a_transaction_follows(seed):
    """In order, each stretch finds what it requires and its transactions what they follow."""
    rng = random.Random(seed)
    trace = invent_trace(rng, agents=rng.randint(2, 5), transactions=60)
    known: list[set[int]] = [set() for _ in range(trace.agents)]
    done: set[int] = set()
    for stretch in stretches(trace):
        for agent, last in stretch.requires:
            assert last in done
            mine = {i for i in done if trace.transactions[i].agent == agent and i <= last}
            known[stretch.agent] |= mine
        for index in stretch.transactions:
            assert known[stretch.agent].issuperset(trace.transactions[index].parents)
            known[stretch.agent].add(index)
            done.add(index)
    assert done == set(range(60))
