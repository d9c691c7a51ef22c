"""Who streams a context to this node: one peer, or several that share what is missing.

Every peer would send all that is missing to whoever tells it a frontier, so a frontier is told to
as many peers as are wanted, each with its share. Begin with one; when it has sent many deltas,
those that hold something else too take a share each; one that falls silent is passed over.
Source: protocols/session.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from covey.model import DeltaId, Digest, PeerId, limits

__all__ = ["Share", "Sources"]


@dataclass(frozen=True, slots=True)
class Share:
    """Of deltas those whose first 8 bytes, as a number modulo count, are index."""

    index: int
    count: int

    def holds(self, delta: DeltaId) -> bool:
        """Whether a delta belongs to it."""
        return self.count == 1 or int.from_bytes(delta[:8], "big") % self.count == self.index


_Pair: TypeAlias = "tuple[Digest, Digest]"


@dataclass(slots=True)
class _Chosen:
    news_s: float
    has_finished: bool = False


class Sources:
    """The peers of one context that hold other deltas than this node, and who of them is asked.

    After each event `due` says whom to tell a frontier now. Times are Unix seconds; digests are of
    frontiers.
    """

    def __init__(self) -> None:
        self._differing: dict[PeerId, _Pair] = {}  # those asked longest ago first
        self._chosen: dict[PeerId, _Chosen] = {}
        self._finished: dict[PeerId, tuple[_Pair, float]] = {}
        self._passed_over: dict[PeerId, float] = {}
        self._due: dict[PeerId, Share] = {}
        self._delivered = 0

    def differs(self, peer: PeerId, mine: Digest, theirs: Digest, now: float) -> None:
        """A peer holds something else than this node."""
        self._differing[peer] = mine, theirs
        self._choose(now)

    def finished(self, peer: PeerId, mine: Digest, theirs: Digest, now: float) -> None:
        """A peer has sent all it had, if it was asked, and holds something else still."""
        self._differing[peer] = mine, theirs
        if peer not in self._due:
            self._finish(peer, now)
        self._choose(now)

    def agrees(self, peer: PeerId, now: float) -> None:
        """A peer's digest is ours."""
        self._finish(peer, now)
        self._differing.pop(peer, None)
        self._choose(now)

    def left(self, peer: PeerId, now: float) -> None:
        """A peer's stream ended."""
        for table in (self._differing, self._due, self._passed_over, self._finished):
            table.pop(peer, None)
        if self._chosen.pop(peer, None) is not None:
            self._end_round()  # What was its share is the others' now.
        self._choose(now)

    def delivered(self, peer: PeerId, now: float) -> None:
        """A peer sent a delta that was missing; when it has sent many, others are asked too."""
        if peer not in self._chosen:
            return
        self._chosen[peer].news_s = now
        self._delivered += 1
        if self._delivered % limits.SYNC_SHARE_AFTER_DELTAS == 0:
            self._widen(now)

    def consumed(self, peer: PeerId, now: float) -> None:
        """A delta of a peer has been dealt with: until then the peer may have had no credit."""
        if peer in self._chosen:
            self._chosen[peer].news_s = now

    def tick(self, now: float) -> None:
        """Time passes: pass over those that are silent."""
        self._passed_over = {p: until for p, until in self._passed_over.items() if until > now}
        silent = [
            peer
            for peer, chosen in self._chosen.items()
            if not chosen.has_finished and now - chosen.news_s >= limits.SYNC_SOURCE_SILENT_S
        ]
        for peer in silent:
            self._passed_over[peer] = now + limits.SYNC_SOURCE_AGAIN_S
        if silent:
            self._end_round()
        self._choose(now)

    def due(self) -> tuple[tuple[PeerId, Share], ...]:
        """Whom to tell this node's frontier now, each with its share; once."""
        due, self._due = tuple(self._due.items()), {}
        return due

    def _finish(self, peer: PeerId, now: float) -> None:
        chosen = self._chosen.get(peer)
        if chosen is not None and not chosen.has_finished:
            chosen.has_finished = True
            if peer in self._differing:
                self._finished[peer] = self._differing[peer], now

    def _end_round(self) -> None:
        self._chosen.clear()
        self._due.clear()
        self._delivered = 0

    def _choose(self, now: float) -> None:
        """Begin with one peer where nobody is asked, or all who were have finished."""
        if self._chosen and all(chosen.has_finished for chosen in self._chosen.values()):
            self._end_round()
        if not self._chosen:
            self._ask(self._usable(now)[:1], now)

    def _widen(self, now: float) -> None:
        busy = [p for p, c in self._chosen.items() if not c.has_finished and p in self._differing]
        asked = tuple(dict.fromkeys((*busy, *self._usable(now))))[: limits.SYNC_SOURCES_MAX]
        if len(asked) > len(self._chosen):
            self._ask(asked, now)

    def _usable(self, now: float) -> tuple[PeerId, ...]:
        """Peers worth asking: not those that have just said that they have no more."""
        usable = []
        for peer, pair in self._differing.items():
            before, at_s = self._finished.get(peer, (None, 0.0))
            if before != pair or now - at_s >= limits.ASK_AGAIN_S:
                usable.append(peer)
        # Nobody is passed over for good: a slow peer may be the only one that holds something.
        return tuple(peer for peer in usable if peer not in self._passed_over) or tuple(usable)

    def _ask(self, peers: tuple[PeerId, ...], now: float) -> None:
        self._chosen.clear()
        for index, peer in enumerate(peers):
            self._chosen[peer] = _Chosen(now)
            self._due[peer] = Share(index, len(peers))
            self._differing[peer] = self._differing.pop(peer)
