"""What a node announces on the topic is what it holds, and not what it is about to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.codec import Announcement, frontier_digest
from covey.model import Delta
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node

__all__ = ["Announcements"]


class Announcements(Checker):
    """Compares with the account of what was applied, and so is on the node's disk.

    The account knows no state; whether the ledger's is right is for others to say.
    """

    def published(self, node: Node, envelope: bytes, told: Delta | Announcement) -> None:
        """An envelope leaves the node that sealed it."""
        del envelope
        if not isinstance(told, Announcement):
            return
        account = self.checks.account(node)
        frontier = {device: tuple(sorted(tips)) for device, tips in account.tips.items()}
        held = frontier_digest(self.checks.world.founding.context, frontier)
        is_true = (told.count, told.frontier_digest) == (account.count, held)
        assert is_true, f"{node.name} announces what it does not hold"
        is_its_state = told.state_digest == node.replica.ledger.digest()
        assert is_its_state, f"{node.name} announces another state than it holds"
