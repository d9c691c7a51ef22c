"""What a caller was told, or a peer was given, survives every crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Delta, DeltaId, Table
from covey.sync import CallsSubmitted, Reply
from covey.testkit.sim.checkers.base import Checker, listed

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Durability"]


class Durability(Checker):
    """Replies and releases per node, and that the node still holds them."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._owed: dict[str, set[int]] = {name: set() for name in checks.world.nodes}
        self._promised: dict[str, dict[DeltaId, None]] = {n: {} for n in checks.world.nodes}

    def started(self, node: Node) -> None:
        """Nothing promised is lost; calls that were under way are, and their callers know."""
        self._owed[node.name].clear()
        ledger = node.replica.ledger
        for delta in self._promised[node.name]:
            assert ledger.is_applied(delta), f"{node.name} lost {delta.hex()[:8]}, acknowledged"
        tip = ledger.own_tip(node.replica.device)
        sequence = 0 if tip is None else tip.sequence
        if not node.replica.is_forked:
            assert sequence >= node.keystore_sequence, f"{node.name}: store behind its keystore"

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        """Each request is owed an answer."""
        self._owed[node.name].update(request.request for request in event.requests)

    def replied(self, node: Node, reply: Reply) -> None:
        """One answer each; with a delta, it is on the disk."""
        assert reply.request in self._owed[node.name], f"{node.name} answers {reply.request} again"
        self._owed[node.name].remove(reply.request)
        if reply.delta is not None:
            assert reply.delta in self.checks.history, f"{node.name} replies before it applies"
            self._promise(node, reply.delta)

    def released(self, node: Node, delta: Delta) -> None:
        """What left under this device's name must be here for ever."""
        if delta.core.author == node.replica.device and not node.is_doctored:
            self._promise(node, delta.id)

    def _promise(self, node: Node, delta: DeltaId) -> None:
        is_safe = node.disk.is_safe(Table.DELTA, (delta,))
        assert is_safe, f"{node.name} releases {delta.hex()[:8]} before it is safe"
        self._promised[node.name][delta] = None

    def ended(self) -> None:
        """Everybody was answered, and everybody holds what anybody here was promised."""
        for node in self.checks.world.honest:
            owed = self._owed[node.name]
            assert not owed, f"{node.name} never answered {listed(sorted(owed))}"
            for other in self.checks.world.honest:
                for delta in self._promised[other.name]:
                    held = node.replica.ledger.is_applied(delta)
                    assert held, f"{node.name} lacks {delta.hex()[:8]} of {other.name}"
