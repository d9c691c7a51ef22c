"""Parents are applied before what follows them; heads, frontier and log are what that makes them.

Keeps its own account of what each node applied, from the deltas' headers alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Delta, DeltaId, DeviceId, Table, Tip
from covey.testkit.oracle.history import parents_of
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Account", "Causality"]


class Account:
    """What one node has applied. mask: bits of `History`."""

    def __init__(self) -> None:
        self.mask = 0
        self.heads: set[DeltaId] = set()
        self.tips: dict[DeviceId, set[Tip]] = {}
        self.count = 0

    def add(self, delta: Delta, bit: int) -> None:
        """One more delta."""
        core = delta.core
        self.mask |= bit
        self.count += 1
        self.heads.difference_update(parents_of(delta))
        self.heads.add(delta.id)
        tips = self.tips.setdefault(core.author, set())
        if core.previous is not None:
            tips.discard(Tip(core.sequence - 1, core.previous))
        tips.add(Tip(core.sequence, delta.id))


class Causality(Checker):
    """Holds the accounts; other checks read them."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self.accounts: dict[str, Account] = {}
        self._compared: dict[str, int] = {}

    def started(self, node: Node) -> None:
        """The log on the disk is a causal order of what was applied before the crash."""
        account = self.accounts[node.name] = Account()
        self._compared.pop(node.name, None)
        for place, (key, row) in enumerate(node.disk.reader.scan(Table.LOG), 1):
            assert key == (place,), f"{node.name}: the log has a gap"
            known = self.checks.known(node, DeltaId(row))
            self._check_parents(node, account, known.delta, known.past)
            account.add(known.delta, known.bit)

    def applied(self, node: Node, delta: Delta) -> None:
        """Once, and after all it follows."""
        known = self.checks.history.known[delta.id]
        account = self.accounts[node.name]
        assert not known.bit & account.mask, f"{node.name} applied {delta.id.hex()[:8]} twice"
        self._check_parents(node, account, delta, known.past)
        account.add(delta, known.bit)

    def _check_parents(self, node: Node, account: Account, delta: Delta, past: int) -> None:
        assert past & ~account.mask == 0, f"{node.name} applied {delta.id.hex()[:8]} too early"

    def settled(self, node: Node) -> None:
        """The ledger agrees with the account."""
        account = self.accounts[node.name]
        if self._compared.get(node.name) == account.mask:
            return
        self._compared[node.name] = account.mask
        ledger = node.replica.ledger
        assert ledger.count == account.count, f"{node.name}: wrong count"
        assert set(ledger.heads) == account.heads, f"{node.name}: wrong heads"
        frontier = {device: tuple(sorted(tips)) for device, tips in account.tips.items()}
        assert ledger.frontier == frontier, f"{node.name}: wrong frontier"
