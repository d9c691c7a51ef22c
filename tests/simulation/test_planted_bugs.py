"""The simulator can see: each bug that is planted in covey is found.

A check that never failed proves nothing; these are the proof. `make mutants` looks for the first
seed of each, and records it; here that seed must find it again, or one of the first sixty, so that
another workload need not be recorded at once.
"""

from __future__ import annotations

import inspect
from itertools import chain

import pytest

from tests.simulation.mutants import MUTANTS, scenario_of
from tests.simulation.mutants.hunt import clean, first_found, read_record

_SEEDS = range(1, 61)
_HEALING_S = 60.0  # twice what it takes: what never heals need not be waited for
_RECORD = read_record()


@pytest.mark.parametrize("name", MUTANTS)
def test_planted_bug_is_found(name: str) -> None:
    """A seed breaks a promise that the checkers watch, and breaks none without the bug."""
    seed = _RECORD.get(name, _SEEDS[0])
    found = first_found(name, chain((seed,), _SEEDS), _HEALING_S)
    assert found is not None, f"neither seed {seed} nor any of {_SEEDS} finds it"
    innocent = clean(scenario_of(name), found[0], _HEALING_S)
    assert innocent is None, f"seed {found[0]} finds something by itself: {innocent}"


def test_there_are_bugs_of_many_kinds() -> None:
    """Each says in one line what it is, and has a recorded seed."""
    assert len(MUTANTS) >= 20
    lines = [inspect.getdoc(mutant) or "" for mutant in MUTANTS.values()]
    assert all(line.endswith(".") and "\n" not in line for line in lines)
    assert len(set(lines)) == len(lines)
    assert list(_RECORD) == list(MUTANTS)
