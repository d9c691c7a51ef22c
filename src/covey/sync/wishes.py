"""What a device wishes to govern, and what its delta must say for it.

Source: protocols/governance.md.
"""

from __future__ import annotations

from covey.codec import cid_of
from covey.governance import last_ids, witnesses_for
from covey.model import Approve, Close, Demote, Governance, HybridTime, ReleaseId, Upgrade
from covey.sync.events import GovernanceRequested
from covey.sync.ledger import Ledger

__all__ = ["completed", "release_of"]


def completed(ledger: Ledger, effect: Governance, time: HybridTime) -> Governance:
    """An effect with what depends on its delta: its cut is everything applied; time: its own."""
    match effect:
        case Close(device):
            return Close(device, last_ids(ledger.frontier, device))
        case Demote(device, role):
            return Demote(device, role, last_ids(ledger.frontier, device))
        case Upgrade(_, manifest):
            number, release = _next_number(ledger), ReleaseId(cid_of(manifest))
            witnesses = witnesses_for(ledger.governor, ledger.authority, number, release, time)
            return Upgrade(number, manifest, witnesses)
        case Approve(_, release):
            return Approve(_next_number(ledger), release)
    return effect


def _next_number(ledger: Ledger) -> int:
    return ledger.governor.rule(ledger.authority).number + 1


def release_of(event: GovernanceRequested) -> ReleaseId:
    """The release that a wish for an upgrade names."""
    (upgrade,) = (effect for effect in event.effects if isinstance(effect, Upgrade))
    return ReleaseId(cid_of(upgrade.manifest))
