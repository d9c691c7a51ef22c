"""The state at a cut is what the deltas in that cut make, whatever else is held by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from covey.governance import silence_at
from covey.merge import StateAtCut
from covey.model import Rule
from covey.rules import Cut
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.checkers.reference import fold

if TYPE_CHECKING:
    from covey.testkit.oracle.history import Known
    from covey.testkit.sim.node import Node

__all__ = ["Pasts"]

_LOOKS: Final = 4  # each costs a fold of a part of the deltas


class Pasts(Checker):
    """At the end one node is asked what a few authors saw; the oracle says what they did."""

    def ended(self) -> None:
        """From the first delta to the last."""
        node = self.checks.world.honest[0]
        held = self.checks.history.within(self.checks.mask(node))
        for known in held[:: max(1, len(held) // _LOOKS)]:
            self._compare(node, known)

    def _compare(self, node: Node, known: Known) -> None:
        places = self.checks.declared.places(known)
        named = {place: (name, rule) for name, (place, rule) in places.items()}
        live = fold(self.checks.speaking(known.past | known.bit), self.checks.declared.places)
        expected = {
            (named[place][0], key): _read(named[place][1], version)
            for (place, key), version in live.items()
            if place in named
        }
        ledger = node.replica.ledger
        collections = tuple(ledger.governor.collections_of(known.delta).values())
        cut = Cut(ledger.view, ledger.closure(known.delta.id))
        heads = ledger.governance_heads((known.delta.id,))
        authority = ledger.governor.at(ledger.closure(known.delta.id), heads)
        silence = silence_at(ledger.governor, authority)
        state = StateAtCut(ledger.view, collections, cut, silence)
        found = {(name, key): value for name in places for key, value in state.scan(name, b"", b"")}
        assert found == expected, f"{node.name}: another state at {known.delta.id.hex()[:8]}"


def _read(rule: Rule, version: tuple[int, bytes, int, bytes | None] | int) -> bytes | None:
    """As a call reads it."""
    if isinstance(version, int):
        assert rule is Rule.COUNTER
        return max(-(2**63), min(2**63 - 1, version)).to_bytes(8, "little", signed=True)
    return version[3]
