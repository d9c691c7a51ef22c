"""No two envelopes of gossip have one nonce: it would give away what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.codec import Announcement
from covey.crypto import NONCE_SIZE_BYTES
from covey.model import Delta
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Nonces"]


class Nonces(Checker):
    """The nonces of all nodes, over all restarts: their context's key is the same."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._used: set[bytes] = set()

    def published(self, node: Node, envelope: bytes, told: Delta | Announcement) -> None:
        """An envelope leaves the node that sealed it."""
        del told
        nonce = envelope[1 : 1 + NONCE_SIZE_BYTES]
        assert nonce not in self._used, f"{node.name} uses a nonce again"
        self._used.add(nonce)
