"""What a node says that it holds is true, and it never claims sync with who holds another state.

What each peer ever said is recorded where it left, so that the node's memory of it is not trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import PeerId, limits
from covey.testkit.sim.checkers.base import Checker, listed
from covey.testkit.sim.faults import Jump
from covey.testkit.sim.links import LONGEST_WAY_S

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Honesty"]

_HOPS_MAX = 6  # of a claim on its way where not everybody is everybody's neighbour


class Honesty(Checker):
    """Every pair (frontier, state) that a peer said, and when it last did."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._said: dict[PeerId, dict[tuple[bytes, bytes], float]] = {}
        plan = checks.world.plan
        self._way_s = LONGEST_WAY_S * (_HOPS_MAX if plan.degree else 1)
        self._jumps: dict[str, list[float]] = {}
        for fault in plan.faults:
            if isinstance(fault, Jump):
                self._jumps.setdefault(fault.node, []).append(fault.skew_s)
        self._steps = 0

    def announced(self, node: Node, frontier: bytes, state: bytes) -> None:
        """A peer's word; an honest one's is true when it is given."""
        if not node.is_doctored:
            ledger = node.replica.ledger
            is_true = (frontier, state) == (ledger.frontier_digest(), ledger.digest())
            assert is_true, f"{node.name} says that it holds what it does not"
        pairs = self._said.setdefault(node.peer, {})
        pairs[frontier, state] = self.checks.world.clock.now

    def settled(self, node: Node) -> None:
        """Whoever is named as in sync said exactly what this node holds, not long ago."""
        self._steps += 1
        if self._steps % self.checks.world.plan.honesty_every:
            return
        ledger = node.replica.ledger
        held = (ledger.frontier_digest(), ledger.digest())
        standing = node.replica.standing(node.now())
        now = self.checks.world.clock.now
        for peer in standing.in_sync_with:
            said_s = self._said.get(peer, {}).get(held)
            assert said_s is not None, f"{node.name} claims sync with {peer}, who never said so"
            fresh = now - said_s <= limits.ANNOUNCEMENT_TTL_S + self._way_s + self._jump_s(node)
            assert fresh, f"{node.name} claims sync with {peer}, long silent"
        for peer in standing.diverged:
            guilty = self.checks.world.by_peer[peer].is_doctored
            assert guilty, f"{node.name} says that {peer} diverged"

    def ended(self) -> None:
        """Were everybody silent from now on, nobody would be claimed to be in sync for ever."""
        for node in self.checks.world.honest:
            later_s = node.now() + self._jump_s(node) + limits.ANNOUNCEMENT_TTL_S + 1.0
            claimed = node.replica.standing(later_s).in_sync_with
            assert not claimed, f"{node.name} would claim sync with {listed(claimed)}, long silent"

    def _jump_s(self, node: Node) -> float:
        """How far this node's clock may have been set back since a claim was heard."""
        jumps = self._jumps.get(node.name, [])
        return max(0.0, *jumps, 0.0) - min(0.0, *jumps, 0.0)
