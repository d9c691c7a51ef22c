"""The words in which a rule or a machine answers."""

from __future__ import annotations

import enum
from dataclasses import dataclass

__all__ = ["Denied", "Verdict"]


class Verdict(enum.Enum):
    """Gossip's three words about a frame."""

    ACCEPT = "accept"
    REJECT = "reject"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Denied:
    """A rule said no: a value, not an error.

    code: from protocols/registry.md. reason: one sentence for a person.
    """

    code: str
    reason: str
