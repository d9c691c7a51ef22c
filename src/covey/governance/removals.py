"""R4 and R5 of protocols/governance.md: removals that hit one another, and what falls with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from covey.governance.authority import ADMIN, Authority
from covey.governance.circles import components
from covey.governance.record import granted_by
from covey.governance.rows import Placed, RestrictionRow, governed_by, is_for_admins
from covey.model import ADMIN_ROLE, DeltaId, DeviceId

__all__ = ["is_contested", "settle_removals"]


def is_contested(authority: Authority, row: RestrictionRow) -> bool:
    """Whether a removal meets governance of its target that it does not spare."""
    if row.role not in (None, ADMIN_ROLE):
        return False  # Governance needs no other role.
    return any(
        authority.cut.holds(row.target, tip)
        and (needs_admin or row.role is None)
        and not authority.spares(row, Placed(row.target, tip))
        for tip, needs_admin in governed_by(authority.past.reader, row.target)
    )


def settle_removals(authority: Authority, candidates: Iterable[RestrictionRow]) -> None:
    """Find which governance of a cut is void, and which removals stand all the same.

    candidates: removals that may meet governance of their targets; all others hit nothing here.
    """
    held = [row for row in candidates if authority.cut.holds(row.at.author, row.at.tip)]
    rows = [r for r in held if is_contested(authority, r) and authority.is_counted(r.at)]
    if not rows and not authority.counted:
        return
    rows.sort(key=lambda row: (row.at.tip.id, row.at.index))
    work = _Work(authority)
    work.settle()
    edges = _edges(work, rows)
    mutual: set[tuple[DeltaId, int]] = set()
    for component in components(edges):
        live = [rows[n] for n in component if rows[n].at.id not in work.void]
        for row in live:
            work.limits.setdefault(row.target, []).append(row)
            mutual.add((row.at.id, row.at.index))
        work.settle()
    authority.limits = None
    authority.void = frozenset(work.void)
    authority.mutual = frozenset((i, index) for i, index in mutual if i in work.void)
    authority.forget()


class _Work:
    """One cut being worked out: what is void under the removals that are known to stand."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.limits: dict[DeviceId, list[RestrictionRow]] = {}
        self.void: set[DeltaId] = set()
        self._lost: set[DeltaId] = set()
        self._losers: list[DeviceId] = []
        for device in authority.counted:
            for tip, _ in governed_by(authority.past.reader, device):
                at = Placed(device, tip)
                if authority.cut.holds(device, tip) and not authority.is_counted(at):
                    self._lost.add(tip.id)
                    self._losers += self._granted(tip.id)

    def settle(self) -> None:
        """What is void: from what is lost and removed to all that rests on it."""
        authority = self.authority
        authority.limits = self.limits
        self.void = set(self._lost)
        waiting = deque(dict.fromkeys((*self.limits, *self._losers)))
        self._show()
        while waiting:
            device = waiting.popleft()
            for tip, needs_admin in governed_by(authority.past.reader, device):
                at = Placed(device, tip)
                if tip.id in self.void or not authority.cut.holds(device, tip):
                    continue
                if not authority.is_alive(at, ADMIN if needs_admin else ()):
                    self.void.add(tip.id)
                    self._show()
                    waiting.extend(self._granted(tip.id))

    def _show(self) -> None:
        self.authority.void = frozenset(self.void)
        self.authority.forget()

    def _granted(self, delta: DeltaId) -> tuple[DeviceId, ...]:
        """The devices to which a governance delta gives something."""
        return granted_by(self.authority.past.delta(delta).core)

    def support(self, at: Placed) -> list[Placed]:
        """A delta and the counted grants on which it can rest, directly or not."""
        found = {at.id: at}
        waiting = [at]
        while waiting:
            last = waiting.pop()
            for grant in self._grants_before(last):
                if grant.id not in found:
                    found[grant.id] = grant
                    waiting.append(grant)
        return list(found.values())

    def _grants_before(self, at: Placed) -> list[Placed]:
        """The counted grants in a delta's past that it needs: no founder needs any."""
        authority = self.authority
        if authority.is_founder(at.author):
            return []
        rows = [row.at for row in authority.admissions(at.author)]
        if is_for_admins(authority.past.reader, at):
            rows += [row.at for row in authority.promotions(at.author, ADMIN_ROLE)]
        counted = (row for row in rows if authority.is_counted(row))
        return [row for row in counted if authority.past.follows(at, row)]


def _edges(work: _Work, rows: list[RestrictionRow]) -> list[list[int]]:
    """For each removal, which others it hits."""
    by_target: dict[DeviceId, list[int]] = {}
    for number, row in enumerate(rows):
        by_target.setdefault(row.target, []).append(number)
    edges: list[list[int]] = [[] for _ in rows]
    for y, row in enumerate(rows):
        for at in work.support(row.at):
            for x in by_target.get(at.author, ()):
                if x != y and y not in edges[x] and _hits(work.authority, rows[x], at):
                    edges[x].append(y)
    return edges


def _hits(authority: Authority, row: RestrictionRow, at: Placed) -> bool:
    if authority.spares(row, at):
        return False
    if row.role is not None:
        is_needed = row.role == ADMIN_ROLE and is_for_admins(authority.past.reader, at)
        if not is_needed:
            return False
    return row.is_whole or any(
        row.at.author in each.above
        and authority.is_counted(each.at)
        and authority.past.follows(at, each.at)
        for each in authority.admissions(row.target)
    )
