"""The independent replay: it must be right on its own, since the demo is judged by it."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.testkit.trace import Patch, Trace, Transaction, expected_text, invent_trace, load_trace
from covey.testkit.trace.format import checked_trace

DATA = Path(__file__).parents[4] / "data" / "friendsforever.json.gz"


def trace_of(agents: int, *transactions: tuple) -> Trace:
    """transactions: (parents, agent, patch, ...)."""
    made = tuple(
        Transaction(tuple(parents), agent, tuple(Patch(*patch) for patch in patches))
        for parents, agent, *patches in transactions
    )
    return checked_trace(agents, made, "")


def test_recorded_session_ends_with_the_published_document():
    """The answer that nobody here chose. Ten seconds of CPU are a bound against quadratic work."""
    trace = load_trace(DATA)
    started = time.process_time()
    assert expected_text(trace) == trace.end_text
    assert time.process_time() - started < 10


@pytest.mark.parametrize("seed", range(12))
def test_invented_session_ends_as_its_people_saw_it(seed):
    """Concurrent inserts at one place included: they stand in the order of their ranks."""
    rng = random.Random(seed)
    trace = invent_trace(rng, agents=rng.randint(1, 5), transactions=50)
    assert expected_text(trace) == trace.end_text


def test_positions_mean_the_document_at_the_parents():
    """Agent 1 did not see the text in front: its position 1 is behind the "a"."""
    trace = trace_of(
        2,
        ([], 0, (0, 0, "ac")),
        ([0], 0, (0, 0, "before ")),
        ([0], 1, (1, 0, "b")),
        ([1, 2], 0, (0, 1, "B")),
    )
    assert expected_text(trace) == "Before abc"
    assert expected_text(trace, 2) == "before ac"
    assert expected_text(trace, 0) == ""


def test_three_agents_merge_edits_of_several_patches():
    trace = trace_of(
        3,
        ([], 0, (0, 0, "one two three")),
        ([0], 1, (4, 3, "2"), (0, 3, "1")),
        ([0], 2, (8, 5, "3"), (0, 0, "> ")),
        ([1, 2], 0, (7, 0, "!")),
    )
    assert expected_text(trace) == "> 1 2 3!"


def test_both_may_delete_one_character():
    """Undoing one of the deletions for another's view must not bring the character back."""
    trace = trace_of(
        2,
        ([], 0, (0, 0, "abc")),
        ([0], 0, (1, 1, "")),
        ([0], 1, (1, 1, "")),
        ([1], 0, (1, 0, "-")),
        ([2], 1, (2, 0, "+")),
        ([3, 4], 0, (4, 0, "!")),
    )
    assert expected_text(trace) == "a-c+!"


def test_ranks_order_concurrent_inserts_at_one_place():
    trace = trace_of(2, ([], 0, (0, 0, "a")), ([], 1, (0, 0, "b")))
    assert expected_text(trace) == "ba"
    assert expected_text(trace, ranks=(1, 0)) == "ab"


def test_characters_beyond_16_bits_count_one():
    trace = trace_of(1, ([], 0, (0, 0, "😀𝄞x"), (2, 1, "y"), (1, 0, "é")))
    assert expected_text(trace) == "😀é𝄞y"


def test_more_transactions_than_there_are_mean_all():
    trace = trace_of(1, ([], 0, (0, 0, "a")))
    assert expected_text(trace, 99) == "a"
    with pytest.raises(ConfigError, match="negative"):
        expected_text(trace, -1)


@pytest.mark.parametrize("patch", [(2, 0, "x"), (0, 2, ""), (1, 1, "")])
def test_edit_beyond_the_document_is_refused(patch):
    trace = trace_of(1, ([], 0, (0, 0, "a")), ([0], 0, patch))
    with pytest.raises(ConfigError, match=r"transaction 1 of the trace cannot apply: position \d"):
        expected_text(trace)
