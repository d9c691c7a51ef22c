"""Random histories: what they hold, and that the oracle's word on them keeps its rules."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from covey.codec import decode_delta, is_delta_signed
from covey.testkit.oracle.check import faults_of, main, statistics
from covey.testkit.oracle.drawing import draw, orders
from covey.testkit.oracle.faults import faults, why
from covey.testkit.oracle.history import parents_of

_SAMPLE = range(40)


def test_history_of_a_seed_is_the_same_every_time() -> None:
    """A seed is all that a finding has to name."""
    one, other = draw(7), draw(7)
    assert [d.frame for d in one.deltas] == [d.frame for d in other.deltas]
    assert (one.honest, one.refused, one.codes) == (other.honest, other.refused, other.codes)
    assert [d.id for d in draw(8).deltas] != [d.id for d in one.deltas]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_deltas_of_a_history_are_real(seed: int) -> None:
    """Nodes take them: signed, in order, and after all that they follow."""
    writing = draw(seed)
    context, before = writing.founding.context, set()
    for delta in writing.deltas:
        assert decode_delta(context, delta.frame) == delta
        assert is_delta_signed(context, delta)
        assert before >= set(parents_of(delta))
        before.add(delta.id)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_headers_say_the_cut_in_the_shortest_way(seed: int) -> None:
    """No parent is behind another, and the governance heads are exactly those of the cut."""
    known = draw(seed).history.known
    for each in known.values():
        core = each.delta.core
        parents = [known[parent] for parent in core.parents]
        followed = 0
        for parent in parents_of(each.delta):
            followed |= known[parent].past
            assert known[parent].delta.core.time < core.time
        assert not any(parent.bit & followed for parent in parents)
        heads = [k for k in known.values() if k.bit & each.past and k.delta.core.governance]
        behind = 0
        for head in heads:
            behind |= head.past
        assert core.gov_parents == tuple(sorted(h.delta.id for h in heads if not h.bit & behind))


@pytest.mark.parametrize("seed", _SAMPLE)
def test_word_on_a_history_keeps_the_rules(seed: int) -> None:
    """Said without the code of the oracle, and the same in another order of arrival."""
    assert faults_of(draw(seed), seed) == []


@pytest.mark.parametrize("seed", [4, 5])
def test_word_on_every_part_of_a_history_keeps_the_rules(seed: int) -> None:
    """A node holds such parts on its way."""
    writing = draw(seed)
    for known in writing.history.within(writing.admitted):
        assert faults(writing, known.past | known.bit) == []


def test_some_histories_hold_the_whole_vocabulary() -> None:
    """Every effect, forks, circles, and honest deltas lost to each cause."""
    counts = Counter[str]()
    for seed in _SAMPLE:
        counts.update(statistics(draw(seed)))
    kinds = (
        *("admit", "approve", "close", "demote", "evidence", "merge", "promote", "tighten"),
        *("upgrade", "vote"),
    )
    assert all(counts[f"effect {kind}"] for kind in kinds)
    wanted = ("forks", "refused", "circles", "upgrades standing", "removals of a branch")
    assert all(counts[name] for name in wanted), counts
    assert counts["honest"] > counts["deltas"] // 2
    assert counts["honest void: removed"]
    assert counts["honest void: fork (stolen key)"]


def test_honest_delta_that_counts_has_no_cause_to_fall() -> None:
    """What fell is told apart from what did not by the word alone."""
    writing = draw(0)
    j = writing.judge(writing.admitted)
    for known in writing.history.within(j.silent):
        assert why(writing, writing.admitted, known)


def test_orders_are_four_of_the_same_deltas() -> None:
    """As created, backwards, and two that a seed repeats."""
    deltas = draw(3).deltas
    first, second, third, fourth = orders(deltas, 5)
    assert list(first) == deltas
    assert list(second) == deltas[::-1]
    assert len({tuple(d.id for d in order) for order in (first, second, third, fourth)}) == 4
    assert all(sorted(d.id for d in o) == sorted(d.id for d in deltas) for o in (third, fourth))
    assert orders(deltas, 5) == (first, second, third, fourth)


def test_command_prints_one_line_of_statistics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What evidence is read from; nothing fails."""
    monkeypatch.setattr("sys.argv", ["check", "3", "2"])
    assert main() == 0
    line = json.loads(capsys.readouterr().out)
    assert line["histories"] == 2
    assert line["faults"] == {}
    assert line["attacks failed"] == []
