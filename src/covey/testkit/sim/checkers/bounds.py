"""Every buffer stays within its limit, whatever peers send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import limits
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node

__all__ = ["Bounds"]


class Bounds(Checker):
    """Looks inside the machines: nothing there may grow with what strangers do."""

    def settled(self, node: Node) -> None:
        """Sizes against limits."""
        replica = node.replica
        pending = replica.intake.pending
        sizes = {
            "pending": (len(pending), limits.PENDING_DELTAS_MAX),
            "pending bytes": (pending.size_bytes, limits.PENDING_BYTES_MAX),
            "pending of a device": (_most(pending, "_per_device"), limits.PENDING_PER_DEVICE_MAX),
            "pending of a peer": (_most(pending, "_per_peer"), limits.PENDING_PER_PEER_MAX),
            "unmet of a device": (
                _most(pending, "_unmet_per_device"),
                limits.PENDING_UNMET_PER_DEVICE_MAX,
            ),
            "asked": (_size(replica.intake, "_asked_s"), limits.ASKED_REMEMBERED_MAX),
            "refused": (_size(replica.judge, "_refused"), limits.REFUSED_REMEMBERED_MAX),
            "judged": (_size(replica.judge, "_admissible"), limits.JUDGED_REMEMBERED_MAX),
            "held back": (_size(replica.intake, "_held_back"), limits.INBOX_WHILE_EXECUTING_MAX),
            "frames": (_size(replica, "_gossip", "_seen"), limits.FRAMES_REMEMBERED_MAX),
            "claims": (_size(replica.claims, "_claims"), limits.ANNOUNCEMENT_PEERS_MAX),
            "closures": (_size(replica.ledger.pasts, "_closures"), limits.FRONTIERS_CACHED_MAX),
            "governing": (
                _size(replica.ledger.pasts, "_maximal"),
                limits.GOVERNANCE_HEADS_CACHED_MAX,
            ),
            "summaries": (_size(replica.ledger.pasts, "_summaries"), limits.FRONTIERS_CACHED_MAX),
        }
        for name, (size, most) in sizes.items():
            assert size <= most, f"{node.name}: {size} {name}, more than {most}"


def _size(owner: object, *path: str) -> int:
    for name in path:
        owner = getattr(owner, name)
    return len(owner)  # type: ignore[arg-type]  # each of them is a collection


def _most(pending: object, counter: str) -> int:
    counts: dict[object, int] = getattr(pending, counter)
    return max(counts.values(), default=0)
