"""Upgrade schedules with attackers: no release in force without authority, on any node."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from functools import cache
from importlib import import_module

import pytest

from covey.governance import code_rule
from covey.testkit.oracle.code_attacks import CODE_ATTACKS
from covey.testkit.oracle.mutants import changed
from covey.testkit.oracle.mutation import Mutation
from covey.testkit.oracle.naive_code import Code
from covey.testkit.oracle.schedules import draw_schedule
from covey.testkit.oracle.upgrade_bugs import BUGS, first_found, planted_in_nodes
from covey.testkit.oracle.upgrade_plans import FORGED, PLANS
from covey.testkit.oracle.upgrades import Trial, counts, main, tried

_SAMPLE = range(24)
_FOUND = {
    "approvals by devices": (16, "one member's two devices"),
    "approvals of any number": (6, "approvals of the number before"),
    "notice a moment short": (3, "notice: a moment short"),
    "the same version will do": (0, "release: same version"),
}
"""Bugs, each with a schedule that finds it, and the path by which it lets a release in."""


@cache
def _tried(seed: int) -> Trial:
    return tried(seed)


@pytest.mark.parametrize("seed", _SAMPLE)
def test_unauthorised_release_is_in_force_on_no_node(seed: int) -> None:
    """In no order, after no delta; and nothing that is authorised is refused."""
    assert _tried(seed).faults == []


def test_sample_tries_most_paths() -> None:
    """Some of each kind, with some upgrades in force and some refused."""
    paths = Counter(row for seed in _SAMPLE for row in counts(_tried(seed)))
    tried_paths = {path for path, column in paths if column == "tried"}
    assert tried_paths <= {*(plan.name for plan in PLANS), *FORGED}
    assert len(tried_paths) > len(PLANS) // 2
    assert paths["honest", "in force"]
    assert paths["too few keys", "refused"] == paths["too few keys", "tried"]


def test_schedule_of_a_seed_is_the_same_every_time() -> None:
    """A seed is all that a finding has to name."""
    one, other = draw_schedule(5), draw_schedule(5)
    assert [d.frame for d in one.writing.deltas] == [d.frame for d in other.writing.deltas]
    assert [each.path for each in one.attempts] == [each.path for each in other.attempts]


@pytest.mark.parametrize("name", CODE_ATTACKS)
def test_naive_reading_agrees_on_the_scripted_attacks(name: str) -> None:
    """Written from the text alone, it comes to what the goals of the attacks say."""
    play = CODE_ATTACKS[name].played(1)
    writing = play.writing
    code = Code(writing.founding.charter, writing.deltas)
    s = frozenset(known.delta.id for known in writing.history.within(play.now))
    j = writing.judge(play.now)
    assert code.in_force(s) == (j.number, j.release)
    for known in play.made:
        if code.upgrade(known.delta.id) is not None:
            assert bool(code.refusal(known.delta.id)) == bool(writing.code(known))


@pytest.mark.parametrize("name", _FOUND)
def test_planted_bug_is_found(name: str) -> None:
    """By the naive reading of one schedule, which has nothing to say against nodes as they are."""
    bug = next(bug for bug in BUGS if bug.name == name)
    seed, path = _FOUND[name]
    found = first_found(bug, range(seed, seed + 1))
    assert found is not None
    assert found[1].startswith("applied without authority")
    assert path in found[1]
    assert _tried(seed).faults == []


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_has_its_place(bug: Mutation) -> None:
    """A change of what nodes run that moves a place is told at once."""
    source = inspect.getsource(import_module(bug.module))
    mutant = changed(bug, source)
    assert mutant != source
    compile(mutant, bug.module, "exec")


def test_bug_is_gone_afterwards() -> None:
    """What noted the function before runs what it ran before."""
    before = code_rule.unmet.__code__, code_rule.is_witness.__code__
    bug = next(bug for bug in BUGS if bug.name == "notice by a void witness")
    with planted_in_nodes(bug):
        assert code_rule.is_witness.__code__ != before[1]
    assert (code_rule.unmet.__code__, code_rule.is_witness.__code__) == before


def test_command_prints_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What evidence is read from; nothing fails."""
    monkeypatch.setattr("sys.argv", ["upgrades", "3", "1"])
    assert main() == 0
    line = json.loads(capsys.readouterr().out)
    assert line["schedules"] == 1
    assert line["faults"] == []
    assert set(line["paths"]) == {*(plan.name for plan in PLANS), *FORGED}
