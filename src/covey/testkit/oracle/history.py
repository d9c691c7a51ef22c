"""All deltas that were ever applied anywhere, and the causal past of each.

Written without the code under test: pasts are bit masks, so that every question about order is
one operation on integers.
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import decode_payload
from covey.model import Delta, DeltaId, Payload

__all__ = ["History", "Known"]


@dataclass(frozen=True, slots=True)
class Known:
    """A delta; bit: its own bit. past: the bits of all it follows, without its own."""

    delta: Delta
    payload: Payload
    bit: int
    past: int


class History:
    """Every applied delta by id, in the order in which the first node applied it."""

    def __init__(self) -> None:
        self.known: dict[DeltaId, Known] = {}

    def __contains__(self, delta: DeltaId) -> bool:
        return delta in self.known

    def record(self, delta: Delta) -> Known:
        """Take in a delta whose parents are all known."""
        past = 0
        for parent in parents_of(delta):
            assert parent in self.known, "a delta was applied before one that it follows"
            past |= self.known[parent].past | self.known[parent].bit
        known = Known(delta, decode_payload(delta.sealed), 1 << len(self.known), past)
        self.known[delta.id] = known
        return known

    def within(self, mask: int) -> list[Known]:
        """The deltas whose bits are set, oldest record first."""
        return [known for known in self.known.values() if known.bit & mask]


def parents_of(delta: Delta) -> tuple[DeltaId, ...]:
    """What a delta follows directly, by its header."""
    core = delta.core
    return (*core.parents, *(() if core.previous is None else (core.previous,)))
