"""A rule that is broken is noticed: a sample, since all of them take minutes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from covey.testkit import oracle
from covey.testkit.oracle.mutants import changed, notice, planted
from covey.testkit.oracle.mutation import Mutation
from covey.testkit.oracle.mutations import MUTATIONS

_BY_NAME = {mutation.name: mutation for mutation in MUTATIONS}
_SAMPLE = (
    "R1 restrictions reach their own cut",
    "R2 charter order ignored",
    "R3 forks ignored",
    "R5 void grants serve",
    "R6 a tighten replaces those of its kind",
    "R0 never own-fork",
)


@pytest.mark.parametrize("name", _SAMPLE)
def test_broken_rule_is_noticed(name: str) -> None:
    """By an attack, or by one of a few histories."""
    found = notice(_BY_NAME[name], 10)
    assert found.history or found.attacks


def test_oracle_as_it_is_gives_no_cause() -> None:
    """What is noticed is due to the mutant."""
    found = notice(None, 2)
    assert not found.history
    assert not found.attacks


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_mutant_has_its_place(mutation: Mutation) -> None:
    """A change of the oracle that moves a place is told at once."""
    source = (Path(oracle.__file__).parent / f"{mutation.module}.py").read_text("utf-8")
    mutant = changed(mutation, source)
    assert mutant != source
    compile(mutant, mutation.module, "exec")


def test_afterwards_everything_is_as_before() -> None:
    """The modules that others have imported are the ones in place."""
    before = {n: m for n, m in sys.modules.items() if n.startswith("covey.testkit.oracle")}
    with planted(_BY_NAME["R3 forks ignored"]) as check:
        assert check is not before.get("covey.testkit.oracle.check")
    after = {n: m for n, m in sys.modules.items() if n.startswith("covey.testkit.oracle")}
    assert all(after[name] is module for name, module in before.items())
