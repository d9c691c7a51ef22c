"""One rule of the oracle, broken in its source."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutation"]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One place in the source of a module of this package, and what stands there instead.

    which: of several places with the same text, from 0.
    """

    name: str
    module: str
    old: str
    new: str
    which: int = 0
