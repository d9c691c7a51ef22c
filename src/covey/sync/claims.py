"""What peers last said they hold, and what may honestly be said of it.

Source: protocols/gossip.md, "Honest status". In sync means equal frontiers *and* equal digests,
as of the time a peer said so; what is known to be missing is counted, never guessed away.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from covey.codec import Head
from covey.model import DeviceId, PeerId, limits
from covey.sync.ledger import Ledger

__all__ = ["Claim", "Claims", "Standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one peer said; at_s: when, by this node's clock. missing: counted by frontiers."""

    frontier_digest: bytes
    state_digest: bytes
    heads: tuple[Head, ...]
    missing: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The honest summary. diverged: peers with an equal frontier and another state.

    as_of_s: the oldest claim that in_sync_with rests on, or now where it rests on none.
    """

    in_sync_with: tuple[PeerId, ...]
    diverged: tuple[PeerId, ...]
    behind: int
    as_of_s: float


class Claims:
    """The last claim of each peer; bounded, the oldest forgotten."""

    def __init__(self) -> None:
        self._claims: OrderedDict[PeerId, Claim] = OrderedDict()
        self._proved: dict[PeerId, DeviceId] = {}  # of connected peers alone

    def prove(self, peer: PeerId, device: DeviceId) -> None:
        """A connected peer proved whose device it is: nobody else speaks for it any more."""
        self._proved[peer] = device

    def may_speak_for(self, device: DeviceId, peer: PeerId) -> bool:
        """Whether a device's announcement counts as the word of the peer that it names."""
        return self._proved.get(peer, device) == device

    def record(self, peer: PeerId, claim: Claim) -> None:
        """Take a peer's newest word."""
        self._claims.pop(peer, None)
        self._claims[peer] = claim
        while len(self._claims) > limits.ANNOUNCEMENT_PEERS_MAX:
            self._claims.popitem(last=False)

    def forget(self, peer: PeerId) -> None:
        """A peer left: its word is no longer current."""
        self._claims.pop(peer, None)
        self._proved.pop(peer, None)

    def standing(self, ledger: Ledger, waiting_count: int, now_s: float) -> Standing:
        """What may be said now."""
        mine, state = ledger.frontier_digest(), ledger.digest()
        current = {
            peer: claim
            for peer, claim in self._claims.items()
            if abs(now_s - claim.at_s) <= limits.ANNOUNCEMENT_TTL_S
        }
        equal = {p: c for p, c in current.items() if c.frontier_digest == mine}
        in_sync = {p: c for p, c in equal.items() if c.state_digest == state}
        return Standing(
            tuple(sorted(in_sync)),
            tuple(sorted(peer for peer in equal if peer not in in_sync)),
            max(waiting_count, _missing(ledger, [c for p, c in current.items() if p not in equal])),
            min((claim.at_s for claim in in_sync.values()), default=now_s),
        )


def _missing(ledger: Ledger, claims: list[Claim]) -> int:
    """Deltas that some claim shows to exist and that are not here: a lower bound."""
    unseen: dict[bytes, int] = {}
    for claim in claims:
        for head in claim.heads:
            if ledger.is_applied(head.tip.id):
                continue
            held = max((t.sequence for t in ledger.frontier.get(head.device, ())), default=0)
            gap = max(1, head.tip.sequence - held)
            unseen[head.device] = max(unseen.get(head.device, 0), gap)
    most = max([sum(unseen.values()), *(claim.missing for claim in claims)])
    return min(most, limits.SEQUENCE_MAX)  # A lie may be greater than what commanders can read.
