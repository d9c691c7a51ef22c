"""Nobody holds a delta that its author did not sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.crypto import Tag, is_signed, signing_message
from covey.model import Delta, DeltaId
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Signatures"]


class Signatures(Checker):
    """Asks the library itself, once for each delta: an id does not cover the signature."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._good: set[tuple[DeltaId, bytes]] = set()

    def applied(self, node: Node, delta: Delta) -> None:
        """The frame that is held, and handed on, carries its author's signature."""
        if (delta.id, delta.signature) in self._good:
            return
        message = signing_message(Tag.DELTA, self.checks.world.founding.context, delta.header)
        good = is_signed(delta.core.author, message, delta.signature)
        assert good, f"{node.name} applied {delta.id.hex()[:8]}, which nobody signed"
        self._good.add((delta.id, delta.signature))
