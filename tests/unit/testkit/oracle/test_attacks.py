"""Scripted attacks: what is refused, and what the others may cost."""

from __future__ import annotations

import pytest

from covey.testkit.oracle.attacks import ATTACKS, GOALS, attacks
from covey.testkit.oracle.faults import faults
from covey.testkit.oracle.quiet import FOUNDERS, RULES, quiet

_CODES = {
    *("own-fork", "wrong-release", "not-admitted", "wrong-merge", "wrong-upgrade", "mixed"),
    *("no-admin", "admitted-already", "said-twice", "role-missing", "admission"),
    *("bad-certificate", "bad-join", "closed", "unknown-role", "no-member", "held-already"),
    *("demoted", "wrong-tips", "rank", "tightened-already", "too-many", "wrong-number"),
    *("bad-manifest", "other-application", "other-execution", "collection-changed"),
    *("wrong-witness", "locked", "no-newer-version", "not-approved", "notice", "no-key"),
    *("approved-already", "wrong-evidence", "known-already", "no-quorum"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_comes_to_no_more_than_it_may(name: str) -> None:
    """The codes of its moves, the honest deltas lost, and whether the first admin is one still."""
    play = ATTACKS[name].played(3)
    assert play.outcome() == GOALS[name]
    assert faults(play.writing, play.now) == []


def test_outcomes_are_those_of_the_goals() -> None:
    """What a report asks for by one name."""
    assert attacks(2) == GOALS


def test_attacks_meet_every_code() -> None:
    """Each code of protocols/governance.md is the answer to some move."""
    met = {move for goal in GOALS.values() for move in goal.moves}
    assert met - {"stands", "void", "mute"} == _CODES


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("founders", FOUNDERS)
def test_quiet_context_loses_nothing(rule: str, founders: str) -> None:
    """Before an attack everything counts."""
    play = quiet(1, rule, 0, founders)
    assert not play.writing.judge(play.now).silent
    assert not play.writing.codes
    assert faults(play.writing, play.now) == []
