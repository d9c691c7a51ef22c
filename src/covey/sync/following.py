"""Which heads the next delta of this device follows: all of them, or as many as one delta can.

What follows only some heads has a smaller cut, by which this device must be a member, too: it
may hold a removal without what let the device in again.
"""

from __future__ import annotations

from covey.model import DeltaId, DeviceId, limits
from covey.rules import Cut
from covey.sync.ledger import Ledger

__all__ = ["Following", "NothingToFollow"]

_TRIED_MAX = 16 * limits.DELTA_PARENTS_MAX


class NothingToFollow(Exception):
    """There are more heads than one delta can follow, and after none this device may write."""


class Following:
    """Of one device that writes, by what the ledger holds."""

    def __init__(self, ledger: Ledger, device: DeviceId) -> None:
        self._ledger = ledger
        self._device = device

    def heads(self) -> tuple[DeltaId, ...]:
        """All heads but this device's own."""
        own = self._own()
        return tuple(sorted(head for head in self._ledger.heads if head not in own))

    def excess(self) -> tuple[DeltaId, ...] | None:
        """What a merge must follow before one delta can follow all heads; None: nothing.

        Raises NothingToFollow.
        """
        others = self.heads()
        if self._is_one_delta(others):
            return None
        others = self._admitting_first(others)
        fitting = self._fitting(others)
        if fitting:
            return tuple(sorted(self._as_member(fitting, others)))
        return self._steps_towards(others[0])

    def _own(self) -> tuple[DeltaId, ...]:
        tip = self._ledger.own_tip(self._device)
        return () if tip is None else (tip.id,)

    def _is_one_delta(self, heads: tuple[DeltaId, ...]) -> bool:
        most = limits.DELTA_PARENTS_MAX
        return len(heads) <= most and self._governance_count(heads) <= most

    def _governance_count(self, heads: tuple[DeltaId, ...]) -> int:
        return len(self._ledger.governance_heads((*self._own(), *heads)))

    def _admitting_first(self, heads: tuple[DeltaId, ...]) -> tuple[DeltaId, ...]:
        """The heads; where this device's tip follows no alive admission, those first that do."""
        ledger = self._ledger
        admissions = ledger.authority.alive_admissions(self._device)

        def follows_none(head: DeltaId) -> bool:
            cut = Cut(ledger.view, ledger.closure(head))
            return not any(cut.holds(row.at.author, row.at.tip) for row in admissions)

        if not admissions or not all(map(follows_none, self._own())):
            return heads
        return tuple(sorted(heads, key=follows_none))

    def _fitting(self, heads: tuple[DeltaId, ...]) -> tuple[DeltaId, ...]:
        """The first of the heads, as many as one delta can follow with their governance heads."""
        first = heads[: limits.DELTA_PARENTS_MAX]
        if self._is_one_delta(first):
            return first
        fitting: tuple[DeltaId, ...] = ()
        for head in first:
            if not self._is_one_delta((*fitting, head)):
                break
            fitting = (*fitting, head)
        return fitting

    def _as_member(
        self, fitting: tuple[DeltaId, ...], heads: tuple[DeltaId, ...]
    ) -> tuple[DeltaId, ...]:
        """These, or others of the heads after which this device is a member."""
        if self._is_member(fitting):
            return fitting
        found: tuple[DeltaId, ...] = ()
        for head in heads[:_TRIED_MAX]:
            wider = (*found, head)
            if self._is_one_delta(wider) and self._is_member(wider):
                found = wider
        if not found:
            raise NothingToFollow
        return found

    def _is_member(self, heads: tuple[DeltaId, ...]) -> bool:
        ledger, parents = self._ledger, (*self._own(), *heads)
        frontier = ledger.cut_of_parents(parents)
        authority = ledger.governor.at(frontier, ledger.governance_heads(parents))
        return authority.member(self._device) is not None

    def _steps_towards(self, head: DeltaId) -> tuple[DeltaId, ...]:
        """What to follow first where even one head brings too many governance heads.

        A merge without parents makes this device's own governance heads one; then the head's
        governance is followed, as much as fits.
        """
        (own,) = self._own()  # One delta's own governance heads fit, so there is one.
        if len(self._ledger.governance_heads((own,))) > 1:
            return ()
        steps = []
        for candidate in self._ledger.governance_heads((head,)):
            summary = self._ledger.summary(candidate)
            assert summary is not None
            if not self._ledger.follows(own, summary):
                steps.append(candidate)
        first = tuple(steps[: limits.DELTA_PARENTS_MAX - 1])
        return self._as_member(first, tuple(steps))
