"""Who streams a context to this node: one peer, or several that share what is missing.

Every peer would send all that is missing to whoever tells it a frontier, so a frontier is told to
as many peers as are wanted, each with its share. Begin with one; when it has sent much, those that
hold something else too take a share each. Only what is applied, or waits and did not before, counts
for a peer: one that brings nothing, or holds the others up with its share, is passed over, and the
less comes in the more are asked for the whole at once.
Source: protocols/session.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from covey.model import DeltaId, Digest, PeerId, limits
from covey.sync.events import Use

__all__ = ["Share", "Sources"]


@dataclass(frozen=True, slots=True)
class Share:
    """Of deltas those whose first 8 bytes, as a number modulo count, are index."""

    index: int
    count: int

    def holds(self, delta: DeltaId) -> bool:
        """Whether a delta belongs to it."""
        return self.count == 1 or int.from_bytes(delta[:8], "big") % self.count == self.index


_AT_WORK_S: Final = limits.BATCH_WATCHDOG_S + limits.SYNC_INTERVAL_S
_Pair: TypeAlias = "tuple[Digest, Digest]"


@dataclass(slots=True)
class _Chosen:
    """A peer that was asked. worth: of what it brought since; open_count: deltas under way here.

    dealt_s: when one of them was dealt with last. is_ahead: more of it came than was taken in.
    """

    news_s: float
    dealt_s: float
    worth: int = 0
    open_count: int = 0
    is_ahead: bool = False
    finished_s: float | None = None

    def is_at_work(self, now: float) -> bool:
        """Whether this node still deals with what the peer brought.

        Not where nothing of it was for longer than the engine may take for one.
        """
        return self.open_count > 0 and now - self.dealt_s < _AT_WORK_S


@dataclass(slots=True)
class _Span:
    """What came in a stretch of time, of all that were asked. useless: deltas good for nothing."""

    began_s: float
    worth: int = 0
    useless: int = 0


class Sources:
    """The peers of one context that hold other deltas than this node, and who of them is asked.

    After each event `due` says whom to tell a frontier now. Times are Unix seconds; digests are of
    frontiers.
    """

    def __init__(self) -> None:
        self._differing: dict[PeerId, _Pair] = {}  # those asked longest ago first
        self._chosen: dict[PeerId, _Chosen] = {}
        self._is_shared = False
        self._finished: dict[PeerId, tuple[_Pair, float]] = {}
        self._passed_over: dict[PeerId, tuple[float, float]] = {}  # until when, and for how long
        self._due: dict[PeerId, Share] = {}
        self._round = _Span(0.0)
        self._lately = _Span(0.0)
        self._in_vain = 0  # rounds, one after the other
        self._shared_again_s = 0.0  # before it nothing is shared with who has not proved worth it
        self._unshared_s = limits.SYNC_SOURCE_AGAIN_S
        self._ahead_until_s = 0.0  # before it who is ahead is asked alone
        self._ahead_for_s = limits.SYNC_SOURCE_AGAIN_S

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

    def delivered(self, peer: PeerId) -> None:
        """A peer sent a delta that is not known here; `consumed` says what came of it."""
        if peer in self._chosen:
            self._chosen[peer].open_count += 1

    def consumed(
        self, peer: PeerId, use: Use, size_bytes: int, now: float, *, is_ahead: bool = False
    ) -> None:
        """A delta of a peer has been dealt with; when it was much, others are asked too.

        is_ahead: more of the peer came than could be taken in. Others would not help then.
        """
        chosen = self._chosen.get(peer)
        if chosen is None:
            return
        chosen.is_ahead, chosen.dealt_s = is_ahead, now
        chosen.open_count = max(0, chosen.open_count - 1)
        if use is Use.NONE:
            self._lately.useless += 1
            return
        worth = 1 + size_bytes // limits.SYNC_WORTH_BYTES
        chosen.news_s = now
        chosen.worth += worth
        self._lately.worth += worth if use is Use.APPLIED else 0
        before, after = self._round.worth, self._round.worth + worth
        self._round.worth = after
        each = limits.SYNC_SHARE_AFTER_DELTAS
        if before // each != after // each:
            self._widen(now)

    def tick(self, now: float) -> None:
        """Time passes: pass over those that bring nothing."""
        blamed = self._silent(now) or self._lagging(now) or self._fruitless(now)
        if blamed:
            self._pass_over(blamed, now)
            if self._is_shared:
                self._shared_again_s = now + self._unshared_s
                self._unshared_s = min(2 * self._unshared_s, limits.SYNC_SOURCE_AGAIN_S_MAX)
            self._end_round()
        elif self._chosen and now - self._round.began_s >= limits.SYNC_SHARE_AFTER_S:
            self._round.began_s = now
            self._widen(now)
        self._choose(now)

    def due(self) -> tuple[tuple[PeerId, Share], ...]:
        """Whom to tell this node's frontier now, each with its share; once."""
        due, self._due = tuple(self._due.items()), {}
        return due

    def is_asked(self, peer: PeerId) -> bool:
        """Whether a peer is one of those that are to send."""
        return peer in self._chosen

    def _is_ahead(self, now: float) -> bool:
        """Whether somebody who is asked brings more than is taken in."""
        busy = self._busy().values()
        return any(chosen.is_ahead and chosen.is_at_work(now) for chosen in busy)

    # -- who does not do its part ----------------------------------------------------------------

    def _busy(self) -> dict[PeerId, _Chosen]:
        return {p: chosen for p, chosen in self._chosen.items() if chosen.finished_s is None}

    def _has_others(self) -> bool:
        busy = self._busy()
        return any(peer not in busy for peer in self._differing)

    def _silent(self, now: float) -> list[PeerId]:
        """Those that bring nothing, though nothing of them is still being dealt with.

        Where there is nobody else there is less haste: a slow peer would send all again.
        """
        is_alone = not self._has_others()
        most_s = limits.SYNC_SOURCE_ALONE_S if is_alone else limits.SYNC_SOURCE_SILENT_S
        return [
            peer
            for peer, chosen in self._busy().items()
            if now - chosen.news_s >= most_s and not chosen.is_at_work(now)
        ]

    def _lagging(self, now: float) -> list[PeerId]:
        """Those whose share is all that is still to come, and far behind what others brought."""
        if not self._is_shared:
            return []
        done = [
            chosen.worth
            for chosen in self._chosen.values()
            if chosen.finished_s is not None
            and now - chosen.finished_s >= limits.SYNC_SOURCE_SILENT_S
        ]
        most = max(done, default=0)
        return [p for p, c in self._busy().items() if c.worth * limits.SYNC_LAG_MAX < most]

    def _fruitless(self, now: float) -> list[PeerId]:
        """Those that are asked, where next to nothing was applied for a while.

        A node that is busy itself blames nobody: then something of them is under way, and none of
        what was dealt with was good for nothing.
        """
        busy, lately = self._busy(), self._lately
        if not busy or not self._has_others():
            self._lately = _Span(now)
            return []
        if now - lately.began_s < limits.SYNC_FRUITLESS_S:
            return []
        self._lately = _Span(now)
        if lately.worth >= limits.SYNC_WORTH_MIN:
            self._in_vain = 0
            return []
        if not lately.useless and any(chosen.is_at_work(now) for chosen in busy.values()):
            return []
        worthy = self._worthy(busy)
        return [peer for peer in busy if peer not in worthy] or list(busy)

    def _pass_over(self, peers: list[PeerId], now: float) -> None:
        self._in_vain += 1
        for peer in peers:
            _, last_s = self._passed_over.get(peer, (0.0, limits.SYNC_SOURCE_AGAIN_S / 2))
            for_s = min(2 * last_s, limits.SYNC_SOURCE_AGAIN_S_MAX)
            self._passed_over[peer] = now + for_s, for_s

    def _finish(self, peer: PeerId, now: float) -> None:
        chosen = self._chosen.get(peer)
        if chosen is not None and chosen.finished_s is None:
            chosen.finished_s = now
            if peer in self._differing:
                self._finished[peer] = self._differing[peer], now
            if chosen.worth:
                self._passed_over.pop(peer, None)

    # -- whom to ask -----------------------------------------------------------------------------

    def _end_round(self) -> None:
        self._chosen.clear()
        self._due.clear()

    def _choose(self, now: float) -> None:
        """Begin with one peer where nobody is asked, or all who were have finished."""
        if self._chosen and not self._busy():
            if self._is_shared:
                self._unshared_s = limits.SYNC_SOURCE_AGAIN_S
            if self._round.worth:
                self._in_vain = 0
            self._end_round()
        if not self._chosen:
            if not self._differing:
                self._ahead_for_s = limits.SYNC_SOURCE_AGAIN_S
            self._ahead_until_s = max(self._ahead_until_s, now + self._ahead_for_s)
            self._round, self._lately = _Span(now), _Span(now)
            count = min(2 ** max(0, self._in_vain - 1), limits.SYNC_SOURCES_MAX)
            self._ask(self._usable(now)[:count], now, is_shared=False)

    def _widen(self, now: float) -> None:
        """Have those that bring much, and others that may, share what is left.

        Not where they bring more than is taken in: what shares bring waits for the others'. Now
        and then somebody else is asked for the whole, in case it is kept from this node.
        """
        if self._is_ahead(now):
            if now >= self._ahead_until_s:
                self._ahead_for_s = min(2 * self._ahead_for_s, limits.SYNC_SOURCE_AGAIN_S_MAX)
                self._begin_after(self._busy(), now)
            return
        busy = {p: chosen for p, chosen in self._busy().items() if p in self._differing}
        worthy = self._worthy(busy)
        others: tuple[PeerId, ...] = ()
        if now >= self._shared_again_s:
            others = tuple(p for p in self._usable(now) if p not in busy)
        asked = (*worthy, *others)[: limits.SYNC_SOURCES_MAX]
        has_news = len(asked) > len(busy) or not self._is_shared
        if len(asked) > 1 and has_news:
            self._ask(asked, now, is_shared=True)
        elif not others and not self._is_shared:
            self._begin_next(busy, now)

    def _worthy(self, busy: dict[PeerId, _Chosen]) -> list[PeerId]:
        """Those that do not lag far behind the one that brought most."""
        most = max((chosen.worth for chosen in busy.values()), default=0)
        return [peer for peer, c in busy.items() if c.worth * limits.SYNC_LAG_MAX >= most]

    def _begin_next(self, busy: dict[PeerId, _Chosen], now: float) -> None:
        """Nothing may be shared: from time to time another one is asked for the whole, too."""
        is_slow = self._round.worth < limits.SYNC_SHARE_AFTER_DELTAS
        idle = [peer for peer in self._usable(now) if peer not in busy]
        if is_slow and idle:
            self._begin_after(busy, now)

    def _begin_after(self, busy: Iterable[PeerId], now: float) -> None:
        """Begin a round with somebody else than those, if there is anybody."""
        for peer in busy:
            if peer in self._differing:
                self._differing[peer] = self._differing.pop(peer)
        self._end_round()
        self._choose(now)

    def _usable(self, now: float) -> tuple[PeerId, ...]:
        """Peers worth asking: not those that have just said that they have no more."""
        usable = []
        for peer, pair in self._differing.items():
            before, at_s = self._finished.get(peer, (None, 0.0))
            if before != pair or now - at_s >= limits.ASK_AGAIN_S:
                usable.append(peer)
        # Nobody is passed over for good: a slow peer may be the only one that holds something.
        fresh = [p for p in usable if self._passed_over.get(p, (now, 0.0))[0] <= now]
        return tuple(fresh) or tuple(usable)

    def _ask(self, peers: tuple[PeerId, ...], now: float, *, is_shared: bool) -> None:
        self._is_shared = is_shared
        self._chosen.clear()
        for index, peer in enumerate(peers):
            self._chosen[peer] = _Chosen(now, now)
            self._due[peer] = Share(index, len(peers)) if is_shared else Share(0, 1)
            self._differing[peer] = self._differing.pop(peer)
