"""What a node tells its peers about the mesh: grafts, prunes, offers and wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from libp2p.peer.id import ID

__all__ = ["Control", "Controls"]


@dataclass(slots=True)
class Control:
    """The control message for one peer, built up.

    prune: topics, each with the seconds not to graft. ihave: ids of messages by topic.
    """

    graft: list[str] = field(default_factory=list)
    prune: list[tuple[str, int]] = field(default_factory=list)
    ihave: list[tuple[str, list[bytes]]] = field(default_factory=list)
    iwant: list[bytes] = field(default_factory=list)


class Controls:
    """One control message a peer, in order of first mention."""

    def __init__(self) -> None:
        self._by_peer: dict[ID, Control] = {}

    def to(self, peer: ID) -> Control:
        """The message for a peer."""
        return self._by_peer.setdefault(peer, Control())

    def __iter__(self) -> Iterator[tuple[ID, Control]]:
        return iter(self._by_peer.items())
