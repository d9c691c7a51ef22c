"""Bugs that are planted in covey, one at a time: each must be found by some seed.

A mutant is a function that patches covey for as long as its patcher lives; its docstring says the
bug. Those that break no promise are left out, such as what costs time alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import TypeAlias

import pytest

from tests.simulation.mutants import (
    carrying,
    checking,
    encoding,
    governing,
    merging,
    ordering,
    replaying,
    telling,
    upgrading,
    writing,
)

__all__ = ["MUTANTS", "Mutant", "scenario_of"]

Mutant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _in(module: ModuleType) -> list[tuple[str, Mutant]]:
    """The mutants of a module, in the order in which they stand there."""
    return [
        (name, function)
        for name, function in vars(module).items()
        if inspect.isfunction(function)
        and function.__module__ == module.__name__
        and not name.startswith("_")
    ]


_THEMES = (
    checking,
    encoding,
    ordering,
    merging,
    writing,
    telling,
    carrying,
    governing,
    replaying,
    upgrading,
)
_ALL = [mutant for theme in _THEMES for mutant in _in(theme)]

MUTANTS: dict[str, Mutant] = dict(_ALL)
"""Every mutant by name, theme after theme."""


def scenario_of(name: str) -> str:
    """In which one a mutant is looked for: `everything` has a new release in some seeds only."""
    is_of_releases = MUTANTS[name].__module__ == upgrading.__name__
    return "upgrades" if is_of_releases else "everything"


assert len(MUTANTS) == len(_ALL), "two mutants have one name"
