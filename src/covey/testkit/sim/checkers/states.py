"""Nodes that hold the same deltas hold the same state, and say so with the same digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.checkers.reference import check_against_reference

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["States"]

_REFERENCE_EVERY = 60  # changes between looks at the oracle, whose work grows with the deltas


class States(Checker):
    """Digests by the set of deltas they stand for, over all nodes and all time."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._digests: dict[int, tuple[bytes, bytes]] = {}
        self._frontiers: dict[bytes, int] = {}
        self._changes = 0
        self._every = 1 if checks.world.is_thorough else _REFERENCE_EVERY

    def settled(self, node: Node) -> None:
        """Equal sets, equal digests; different sets, different frontiers."""
        mask = self.checks.mask(node)
        ledger = node.replica.ledger
        digests = (ledger.frontier_digest(), ledger.digest())
        known = self._digests.get(mask)
        if known == digests:
            return
        assert known is None, f"{node.name} has another state than a node with the same deltas"
        other = self._frontiers.setdefault(digests[0], mask)
        assert other == mask, f"{node.name}: one frontier for two sets of deltas"
        self._digests[mask] = digests
        self._changes += 1
        if self._changes % self._every == 0:
            check_against_reference(self.checks, node, with_digest=False)

    def ended(self) -> None:
        """Every honest node holds exactly what the naive fold of its deltas gives."""
        for place, node in enumerate(self.checks.world.honest):
            check_against_reference(self.checks, node, with_digest=place == 0)
