"""What an honest node writes follows all that the node held, since that is what its calls saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Delta, Merge
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node

__all__ = ["Cuts"]


class Cuts(Checker):
    """Looks at own deltas when they are applied; the accounts hold them already."""

    def applied(self, node: Node, delta: Delta) -> None:
        """Its cut is everything applied before it; a merge may follow a part of the heads."""
        is_own = delta.core.author == node.replica.device and not node.is_doctored
        if not is_own or Merge() in delta.core.governance:
            return
        known = self.checks.history.known[delta.id]
        unseen = self.checks.mask(node) & ~(known.past | known.bit)
        assert not unseen, f"{node.name} wrote {delta.id.hex()[:8]} with another cut than it held"
