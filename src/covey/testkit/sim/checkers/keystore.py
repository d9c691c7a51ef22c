"""The keystore knows of a sequence before it leaves: so an old copy of a store is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.codec import Announcement
from covey.model import Delta
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node

__all__ = ["Keystore"]


class Keystore(Checker):
    """Looks at what a replica publishes: all deltas among it are its own."""

    def published(self, node: Node, envelope: bytes, told: Delta | Announcement) -> None:
        """A delta leaves the node that wrote it."""
        del envelope
        if isinstance(told, Delta) and told.core.author == node.replica.device:
            is_recorded = node.keystore_sequence >= told.core.sequence
            assert is_recorded, f"{node.name} publishes what its keystore does not know"
