"""Who may do what at one cut: members, roles, and which governance there is void.

Source: protocols/governance.md. Nearly everything in a context stands, so that what does not is
all that is worked out here: in a cut without forks, where no removal meets governance of its
target, nothing is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from covey.governance.past import Past
from covey.governance.rows import (
    AdmissionRow,
    Placed,
    PromotionRow,
    RestrictionRow,
    admissions_of,
    promotions_of,
    restrictions,
)
from covey.model import ADMIN_ROLE, Charter, DeltaId, DeviceId, MemberId, Tip
from covey.rules import Cut, is_on_chain, position_of

if TYPE_CHECKING:
    from covey.governance.code_rule import CodeRule
    from covey.governance.silence import Silence

__all__ = ["ADMIN", "Authority", "Needs"]

Needs: TypeAlias = tuple[frozenset[str], ...]
"""Of each group of roles one is needed."""

ADMIN: Needs = (frozenset({ADMIN_ROLE}),)


class Authority:
    """The word on one cut.

    void: governance deltas in it that do nothing. mutual: removals that stand though their delta
    is void, since they hit one another in a circle. counted: for each device that forked there,
    its deltas that are not lost. limits: while it is worked out, the removals that stand so far.
    rule, silence: what is in force, and without effect on entries, once somebody asked.
    """

    def __init__(
        self, past: Past, charter: Charter, cut: Cut, counted: dict[DeviceId, Cut]
    ) -> None:
        self.past = past
        self.charter = charter
        self.cut = cut
        self.counted = counted
        self.void: frozenset[DeltaId] = frozenset()
        self.mutual: frozenset[tuple[DeltaId, int]] = frozenset()
        self.limits: dict[DeviceId, list[RestrictionRow]] | None = None
        self.rule: CodeRule | None = None
        self.silence: Silence | None = None
        self._founders = {admin.device: admin.member for admin in charter.admins}
        self._members: dict[DeviceId, MemberId | None] = {}
        self._roles: dict[DeviceId, frozenset[str]] = {}
        self._admissions: dict[DeviceId, tuple[AdmissionRow, ...]] = {}
        self._restrictions: dict[DeviceId, tuple[RestrictionRow, ...]] = {}

    # -- questions -----------------------------------------------------------------------------

    def member(self, device: DeviceId) -> MemberId | None:
        """Whose device this is at the cut, or None where it may not write."""
        if device not in self._members:
            self._members[device] = self._member(device, None, None)
        return self._members[device]

    def roles(self, device: DeviceId) -> frozenset[str]:
        """The roles that a member's device holds at the cut."""
        if device not in self._roles:
            names = (ADMIN_ROLE, *self.charter.roles)
            held = [n for n in names if self.member(device) and self._has(device, None, n)]
            self._roles[device] = frozenset(held)
        return self._roles[device]

    def may(self, device: DeviceId, needs: Needs) -> bool:
        """Whether a device may do at the cut what needs these roles."""
        return self.member(device) is not None and all(
            group & self.roles(device) for group in needs
        )

    def is_founder(self, device: DeviceId) -> bool:
        """Whether the charter lists a device."""
        return device in self._founders

    def rank(self, device: DeviceId) -> int | None:
        """A founder's place in the charter, from 0; None for others."""
        return list(self._founders).index(device) if device in self._founders else None

    def is_same_member(self, one: DeviceId, other: DeviceId) -> bool:
        """Whether two devices are, at the cut, one member's."""
        member = self.member(other)
        return one == other or (member is not None and member == self.member(one))

    def is_counted(self, at: Placed) -> bool:
        """Whether a delta of the cut is not lost to a fork."""
        counted = self.counted.get(at.author)
        return counted is None or counted.holds(at.author, at.tip)

    def holds(self, at: Placed) -> bool:
        """Whether the cut holds a governance delta, and it is alive."""
        return at.id not in self.void and self.cut.holds(at.author, at.tip)

    def above(self, author: DeviceId) -> frozenset[DeviceId]:
        """The devices that an admission by this author at the cut passes through."""
        chains = [row.above for row in self.alive_admissions(author)]
        if not chains or author in self._founders:
            return frozenset({author})
        return frozenset.intersection(*chains) | {author}

    def alive_admissions(self, device: DeviceId) -> list[AdmissionRow]:
        """The admissions of a device in the cut that are not void."""
        return [row for row in self.admissions(device) if row.at.id not in self.void]

    def is_closed(self, device: DeviceId) -> bool:
        """Whether a standing close of the device is in the cut."""
        return any(row.role is None for row in self.standing(device))

    # -- of deltas in the cut --------------------------------------------------------------------

    def is_alive(self, at: Placed, needs: Needs) -> bool:
        """Whether a delta of the cut does anything: its author might do what it needs."""
        if not self.is_counted(at):
            return False
        if self._member(at.author, at, None) is None:
            return False
        return all(any(self._has(at.author, at, role) for role in group) for group in needs)

    def spares(self, row: RestrictionRow, at: Placed) -> bool:
        """Whether a restriction does not reach a delta of its target."""
        if at.id == row.at.id or _is_upto(self.past, row.target, row.tips, at.tip):
            return True
        return any(
            _is_upto(self.past, row.target, cut.frontier.get(row.target, ()), at.tip)
            for cut in self.branches_beside(row.at)
        )

    def branches_beside(self, at: Placed) -> Iterable[Cut]:
        """What the counted branches of a forked author had seen that a delta of it lies not on."""
        counted = self.counted.get(at.author)
        if counted is None:
            return
        position = position_of(self.past.reader, at.author, at.tip)
        assert position is not None
        for tip in counted.frontier[at.author]:
            if not is_on_chain(self.past.reader, position, tip):
                yield self.past.upto(tip.id)

    # -- what it rests on ------------------------------------------------------------------------

    def admissions(self, device: DeviceId) -> tuple[AdmissionRow, ...]:
        """The admissions of a device in the cut, void ones too."""
        if device not in self._admissions:
            self._admissions[device] = tuple(
                row
                for row in admissions_of(self.past.reader, device)
                if self.cut.holds(row.at.author, row.at.tip)
            )
        return self._admissions[device]

    def promotions(self, device: DeviceId, role: str) -> list[PromotionRow]:
        """The promotions of a device to a role in the cut, void ones too."""
        return [
            row
            for row in promotions_of(self.past.reader, device)
            if row.role == role and self.cut.holds(row.at.author, row.at.tip)
        ]

    def standing(self, device: DeviceId) -> tuple[RestrictionRow, ...]:
        """The standing restrictions of a device in the cut."""
        if self.limits is not None:
            return tuple(self.limits.get(device, ()))
        if device not in self._restrictions:
            self._restrictions[device] = tuple(
                row
                for row in restrictions(self.past.reader, device)
                if self.cut.holds(row.at.author, row.at.tip)
                and (row.at.id not in self.void or (row.at.id, row.at.index) in self.mutual)
            )
        return self._restrictions[device]

    def _member(self, device: DeviceId, at: Placed | None, role: str | None) -> MemberId | None:
        """Whose device this is, for a delta of it, by what the restrictions leave of its grants."""
        reached = [
            row
            for row in self.standing(device)
            if row.role in (None, role) and not (at is not None and self.spares(row, at))
        ]
        if any(row.is_whole for row in reached):
            return None
        if device in self._founders:
            return self._founders[device]
        usable = [
            row
            for row in self.alive_admissions(device)
            if not any(limit.at.author in row.above for limit in reached)
        ]
        # A delta that is admissible follows one at least: where there is only one, that one.
        if at is not None and len(self.admissions(device)) > 1:
            usable = [row for row in usable if self.past.follows(at, row.at)]
        if not usable:
            return None
        return min(usable, key=lambda row: (row.time, row.at.id)).member

    def _has(self, device: DeviceId, at: Placed | None, role: str) -> bool:
        if self._member(device, at, role) is None:
            return False
        if role == ADMIN_ROLE and device in self._founders:
            return True
        return any(
            row.at.id not in self.void and (at is None or self.past.follows(at, row.at))
            for row in self.promotions(device, role)
        )

    def forget(self) -> None:
        """What was found so far no longer holds: a stage of the working out is done."""
        self._members.clear()
        self._roles.clear()
        self._restrictions.clear()


def _is_upto(past: Past, device: DeviceId, tips: tuple[Tip, ...], tip: Tip) -> bool:
    return Cut(past.reader, {device: tips}).holds(device, tip) if tips else False
