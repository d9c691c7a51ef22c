"""Who may do what, and under which code, is what the oracle says of the very deltas held.

At every change of what a node has applied; in a crowd, whose members each come to sets of their
own, at one in so many. A set of deltas is judged once, whoever holds it; each node that comes to
it is compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.testkit.oracle.agreement import disagreement
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.model import DeltaId
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Authority"]


class Authority(Checker):
    """Every node beside the oracle, step by step."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._compared: dict[str, int] = {}
        self._silent: dict[int, frozenset[DeltaId]] = {}
        self._changes = 0

    def started(self, node: Node) -> None:
        """A new process works it out anew."""
        self._compared.pop(node.name, None)

    def settled(self, node: Node) -> None:
        """Nothing new is applied without a comparison."""
        mask = self.checks.mask(node)
        if self._compared.get(node.name) == mask:
            return
        self._compared[node.name] = mask
        self._changes += 1
        if self._changes % self.checks.world.plan.honesty_every == 0:
            self._compare(node)

    def _compare(self, node: Node) -> None:
        """Members, roles, closed devices, release, code rule, and what has no effect."""
        mask = self.checks.mask(node)
        j = self.checks.oracle.judge(mask)
        if mask not in self._silent:
            silent = self.checks.history.within(j.silent) if j.silent else ()
            self._silent[mask] = frozenset(known.delta.id for known in silent)
        found = disagreement(node.replica.ledger, j, self._silent[mask])
        assert not found, f"{node.name} has {found} than the oracle"

    def ended(self) -> None:
        """In a crowd, too, every node is compared at last."""
        for node in self.checks.world.honest:
            self._compare(node)
