"""Looking for a mutant: which seed finds it, and whether that seed is innocent without it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import pytest

from covey.testkit.sim import (
    ARENA,
    Finding,
    load_application,
    load_scenario,
    plan_of,
    simulate,
)
from covey.testkit.sim.releases import library_of
from tests.simulation.mutants import MUTANTS, scenario_of

__all__ = ["broken_promise", "clean", "first_found", "read_record", "write_record"]

_RECORD: Final = Path(__file__).with_name("found.json")
_OTHER_ERROR: Final = re.compile(r"[A-Z]\w*: ")  # a type of exception: any but an AssertionError


def broken_promise(name: str, seed: int, healing_s: float | None = None) -> Finding | None:
    """What a checker, or an assertion of the machines, says of a seed with a mutant; or None.

    healing_s: in which all must agree, instead of the scenario's own. Any other error counts for
    nothing: it may be a mistake in the patch.
    """
    library_of(load_application(ARENA))  # once, without any mutant
    with pytest.MonkeyPatch.context() as patch:
        MUTANTS[name](patch)
        finding = _finding(scenario_of(name), seed, healing_s)
    if finding is None or _OTHER_ERROR.match(finding.message):
        return None
    return finding


def first_found(
    name: str, seeds: Iterable[int], healing_s: float | None = None
) -> tuple[int, Finding] | None:
    """The first of some seeds that finds a mutant, and what it finds."""
    for seed in seeds:
        finding = broken_promise(name, seed, healing_s)
        if finding is not None:
            return seed, finding
    return None


@cache
def clean(scenario: str, seed: int, healing_s: float | None = None) -> Finding | None:
    """What a seed finds without any mutant: nothing, or all that it found is worthless."""
    return _finding(scenario, seed, healing_s)


def _finding(scenario: str, seed: int, healing_s: float | None) -> Finding | None:
    application = load_application(ARENA)
    plan = plan_of(load_scenario(scenario), seed, application)
    if healing_s is not None:
        plan = msgspec.structs.replace(plan, healing_s=healing_s)
    return simulate(plan, application).finding


def read_record() -> dict[str, int]:
    """For each mutant a seed that found it once."""
    if not _RECORD.exists():
        return {}
    record: dict[str, int] = json.loads(_RECORD.read_text("utf-8"))
    return record


def write_record(found: dict[str, int]) -> None:
    """Record the seeds of some mutants; those of mutants that are no more go."""
    known = {**read_record(), **found}
    kept = {name: known[name] for name in MUTANTS if name in known}
    _RECORD.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
