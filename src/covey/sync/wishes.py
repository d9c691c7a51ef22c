"""What a device wishes to govern, and what its delta must say for it.

Source: protocols/governance.md.
"""

from __future__ import annotations

from covey.governance import last_ids
from covey.model import Approve, Close, Demote, Governance, Upgrade
from covey.sync.ledger import Ledger

__all__ = ["completed"]


def completed(ledger: Ledger, effect: Governance) -> Governance:
    """An effect with what depends on the cut of its delta: everything applied."""
    match effect:
        case Close(device):
            return Close(device, last_ids(ledger.frontier, device))
        case Demote(device, role):
            return Demote(device, role, last_ids(ledger.frontier, device))
        case Upgrade(_, manifest, witnesses):
            return Upgrade(_next_number(ledger), manifest, witnesses)
        case Approve(_, release):
            return Approve(_next_number(ledger), release)
    return effect


def _next_number(ledger: Ledger) -> int:
    return ledger.governor.rule(ledger.authority).number + 1
