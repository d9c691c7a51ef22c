"""What a caller was told, or a peer was given, survives every crash.

And a device's own chain never forks and never goes back in time, over crashes and clock jumps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Delta, DeltaId, DeviceId, Table
from covey.sync import CallsSubmitted, Reply
from tests.simulation.sim.checkers.base import Checker

if TYPE_CHECKING:
    from tests.simulation.sim.checkers.checks import Checks
    from tests.simulation.sim.node import Node

__all__ = ["Durability", "OwnChain"]


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
        """Everybody was answered, and everybody holds what anybody was promised."""
        for node in self.checks.world.honest:
            owed = self._owed[node.name]
            assert not owed, f"{node.name} never answered {sorted(owed)}"
            for other in self.checks.world.honest:
                for delta in self._promised[other.name]:
                    held = node.replica.ledger.is_applied(delta)
                    assert held, f"{node.name} lacks {delta.hex()[:8]} of {other.name}"


class OwnChain(Checker):
    """What honest devices released, by sequence."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._chain: dict[tuple[DeviceId, int], Delta] = {}

    def applied(self, node: Node, delta: Delta) -> None:
        """What anybody applies was released by its author."""
        self._note(delta)

    def released(self, node: Node, delta: Delta) -> None:
        """Released once under one sequence, later than what is before it."""
        self._note(delta)

    def _note(self, delta: Delta) -> None:
        core = delta.core
        if core.author in self.checks.doctored_devices:
            return
        place = (core.author, core.sequence)
        known = self._chain.setdefault(place, delta)
        assert known.id == delta.id, f"an honest device forked at sequence {core.sequence}"
        before = self._chain.get((core.author, core.sequence - 1))
        assert before is None or before.core.time < core.time, "a device's clock went back"
