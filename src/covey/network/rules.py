"""How a node takes part in one topic: with how many peers, and with whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from libp2p.peer.id import ID

from covey.model import PeerId, limits
from covey.network.address import parse_peer_id

__all__ = ["TopicRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicRules:
    """The rules of one topic.

    degree: peers in the mesh. allowed: the only peers that may take part, all where it is empty.
    denied: peers that may not. At 8 the mesh is filled up below 6 and cut down above 12, as
    GossipSub's authors advise, and in proportion at other degrees.
    """

    degree: int = limits.GOSSIP_DEGREE
    allowed: frozenset[ID] = frozenset()
    denied: frozenset[ID] = frozenset()

    @classmethod
    def of(cls, degree: int, allowed: Iterable[PeerId], denied: Iterable[PeerId]) -> TopicRules:
        """The rules in the words of those above the network; raises ConfigError for no peer id."""
        return cls(
            degree=degree,
            allowed=frozenset(parse_peer_id(peer) for peer in allowed),
            denied=frozenset(parse_peer_id(peer) for peer in denied),
        )

    @property
    def degree_low(self) -> int:
        """With fewer the mesh is filled up."""
        return -(-3 * self.degree // 4)

    @property
    def degree_high(self) -> int:
        """With more the mesh is cut down; with as many nobody may graft itself."""
        return max(3 * self.degree // 2, self.degree + 1)

    def admits(self, peer: ID) -> bool:
        """Whether a peer may take part."""
        return peer not in self.denied and (not self.allowed or peer in self.allowed)
