"""Who is what at any set of deltas, a third time: sets of ids and brute force.

Written from the text of protocols/governance.md alone, without the code of nodes or of the oracle.
Of roles it knows `admin` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from covey.codec import decode_payload
from covey.model import (
    Admit,
    Charter,
    Close,
    Delta,
    DeltaId,
    Demote,
    DeviceId,
    Evidence,
    Governance,
    MemberId,
    Promote,
    Tighten,
    Upgrade,
    Vote,
)

__all__ = ["Ids", "Removal", "Society", "Word"]

Ids: TypeAlias = frozenset[DeltaId]


@dataclass(frozen=True, slots=True)
class Removal:
    """A close or demote. role: empty of a close. through: whose admissions it withdraws, or all."""

    by: DeltaId
    target: DeviceId
    role: str
    spares: Ids
    through: DeviceId | None


@dataclass(frozen=True, slots=True)
class Word:
    """What counts, what is alive, and the removals that stand, in one set."""

    counted: Ids
    alive: Ids
    standing: tuple[Removal, ...]


class Society:
    """A charter and deltas, parents first. reserved: collections that admins alone may write."""

    def __init__(
        self, charter: Charter, deltas: Iterable[Delta], reserved: frozenset[str] = frozenset()
    ) -> None:
        self.charter = charter
        self._reserved = reserved
        self._touches: dict[DeltaId, bool] = {}
        self.founders = {admin.device: admin.member for admin in charter.admins}
        self.delta: dict[DeltaId, Delta] = {}
        self.past: dict[DeltaId, Ids] = {}
        self._words: dict[Ids, Word] = {}
        for delta in deltas:
            parents = [*delta.core.parents, delta.core.previous]
            followed = [self.past[p] | {p} for p in parents if p is not None]
            self.delta[delta.id], self.past[delta.id] = delta, frozenset().union(*followed)

    def author(self, d: DeltaId) -> DeviceId:
        """Who wrote it."""
        return self.delta[d].core.author

    def said(self, s: Ids) -> list[tuple[DeltaId, Governance]]:
        """All governance of a set, in the order of the deltas given."""
        return [(d, e) for d in self.delta if d in s for e in self.delta[d].core.governance]

    def member(self, device: DeviceId, s: Ids) -> MemberId | None:
        """Whose device it is at a set."""
        word = self.word(s)
        return self._member(device, s, None, word.standing, word.alive, "")

    def is_admin(self, device: DeviceId, s: Ids) -> bool:
        """Whether it holds `admin` at a set."""
        word = self.word(s)
        return self._may(device, s, None, word.standing, word.alive)

    # -- who is what -----------------------------------------------------------------------------

    def _member(
        self,
        device: DeviceId,
        cut: Ids,
        d: DeltaId | None,
        standing: Iterable[Removal],
        alive: Iterable[DeltaId],
        role: str,
    ) -> MemberId | None:
        reached = [
            r for r in standing if r.target == device and r.role in ("", role) and d not in r.spares
        ]
        if any(r.through is None for r in reached):
            return None
        if device in self.founders:
            return self.founders[device]
        usable = [
            (self.delta[g].core.time, g, e.certificate.member)
            for g, e in self.said(cut & frozenset(alive))
            if isinstance(e, Admit) and e.certificate.device == device
            if not any(r.through in self._above(g) for r in reached)
        ]
        return min(usable)[2] if usable else None

    def _may(
        self,
        device: DeviceId,
        cut: Ids,
        d: DeltaId | None,
        standing: Iterable[Removal],
        alive: Iterable[DeltaId],
    ) -> bool:
        """Whether it may do as an admin."""
        if self._member(device, cut, d, standing, alive, "admin") is None:
            return False
        return device in self.founders or any(
            isinstance(e, Promote) and (e.device, e.role) == (device, "admin")
            for _, e in self.said(cut & frozenset(alive))
        )

    def _above(self, g: DeltaId) -> frozenset[DeviceId]:
        author, cut = self.author(g), self.past[g]
        chains = [
            self._above(h)
            for h, e in self.said(self.word(cut).alive)
            if isinstance(e, Admit) and e.certificate.device == author
        ]
        is_chained = bool(chains) and author not in self.founders
        return frozenset.intersection(*chains) | {author} if is_chained else frozenset({author})

    def _is_own(self, d: DeltaId, device: DeviceId) -> bool:
        member = self.member(device, self.past[d])
        own = self.member(self.author(d), self.past[d])
        return device == self.author(d) or (member is not None and member == own)

    def _needs_admin(self, d: DeltaId) -> bool:
        if not self.delta[d].core.governance:
            return self._touches_reserved(d)
        for e in self.delta[d].core.governance:
            if isinstance(e, Promote | Upgrade | Tighten | Vote):
                return True
            if isinstance(e, Close | Demote) and not self._is_own(d, e.device):
                return True
            if isinstance(e, Admit) and self.charter.admission.value == "closed":
                return e.certificate.member != self.member(self.author(d), self.past[d])
        return False

    def _touches_reserved(self, d: DeltaId) -> bool:
        if d not in self._touches:
            effects = decode_payload(self.delta[d].sealed).effects if self._reserved else ()
            self._touches[d] = any(e.collection in self._reserved for each in effects for e in each)
        return self._touches[d]

    # -- what is void ----------------------------------------------------------------------------

    def word(self, s: Ids) -> Word:
        """What is void in a set, and why."""
        if s not in self._words:
            counted = self._count(s)
            self._words[s] = self._settle(counted, self._removals(counted))
        return self._words[s]

    def _count(self, s: Ids) -> Ids:
        places: dict[tuple[DeviceId, int], int] = {}
        for d in s:
            core = self.delta[d].core
            places[core.author, core.sequence] = places.get((core.author, core.sequence), 0) + 1
        doubled = [place for place, times in places.items() if times > 1]
        if not doubled:
            return s
        forked = {device: min(n for a, n in doubled if a == device) for device, _ in doubled}
        accused = {
            (d, self.author(e.one)) for d, e in self.said(s) if isinstance(e, Evidence)
        }  # fmt: skip
        counted: Ids = frozenset()
        while True:
            more = frozenset(
                d
                for d in s
                if self.delta[d].core.sequence < forked.get(self.author(d), 2**63)
                or any(
                    d in self.past[e]
                    and self.author(e) != self.author(d)
                    and not any((p, self.author(d)) in accused for p in self.past[e])
                    for e in counted
                )
            )
            if more == counted:
                return counted
            counted = more

    def _removals(self, counted: Ids) -> list[Removal]:
        removals = []
        for d, e in self.said(counted):
            if isinstance(e, Close | Demote):
                is_whole = self.author(d) in self.founders or self._is_own(d, e.device)
                role = e.role if isinstance(e, Demote) else ""
                through = None if is_whole else self.author(d)
                removals.append(Removal(d, e.device, role, self.spares(d, counted), through))
        return removals

    def spares(self, d: DeltaId, counted: Ids) -> Ids:
        """What a restriction does not reach."""
        spared = self.past[d] | {d}
        for x in counted:
            is_concurrent = x not in spared and d not in self.past[x]
            if self.author(x) == self.author(d) and is_concurrent:
                spared |= self.past[x] | {x}  # Two of one author are concurrent: it has forked.
        return spared

    def _settle(self, counted: Ids, removals: list[Removal]) -> Word:
        """Components of what hits what, sources first."""
        rests = [self._rests(r.by, counted) for r in removals]
        names = range(len(removals))
        reach = {
            (x, y)
            for x, y in product(names, names)
            if x != y and any(self._hits(removals[x], d, counted) for d in rests[y])
        }
        for m, x, y in product(names, names, names):
            if (x, m) in reach and (m, y) in reach:
                reach.add((x, y))
        standing: list[Removal] = []
        waiting = list(names)
        alive = self._alive(counted, standing)
        while waiting:
            first = next(
                x for x in waiting if all((x, y) in reach for y in waiting if (y, x) in reach)
            )
            component = [y for y in waiting if y == first or {(first, y), (y, first)} <= reach]
            standing += [removals[y] for y in component if removals[y].by in alive]
            waiting = [y for y in waiting if y not in component]
            alive = self._alive(counted, standing)
        return Word(counted, alive, tuple(standing))

    def _rests(self, d: DeltaId, counted: Ids) -> set[DeltaId]:
        """A delta and the counted grants on which it can rest."""
        found, author = {d}, self.author(d)
        for g, e in self.said(self.past[d] & counted):
            is_founder = author in self.founders
            is_in = isinstance(e, Admit) and e.certificate.device == author and not is_founder
            is_up = isinstance(e, Promote) and (e.device, e.role) == (author, "admin")
            if is_in or (is_up and self._needs_admin(d) and not is_founder):
                found |= self._rests(g, counted)
        return found

    def _hits(self, r: Removal, d: DeltaId, counted: Ids) -> bool:
        if self.author(d) != r.target or d in r.spares:
            return False
        if r.role and not (r.role == "admin" and self._needs_admin(d)):
            return False
        return r.through is None or any(
            isinstance(e, Admit)
            and e.certificate.device == r.target
            and r.through in self._above(g)
            for g, e in self.said(self.past[d] & counted)
        )

    def _alive(self, counted: Ids, standing: list[Removal]) -> Ids:
        alive: dict[DeltaId, None] = {}
        for d in self.delta:  # Parents first: what it rests on is known.
            if d not in counted:
                continue
            author, cut = self.author(d), self.past[d]
            if self._needs_admin(d):
                is_alive = self._may(author, cut, d, standing, alive)
            else:
                is_alive = self._member(author, cut, d, standing, alive, "") is not None
            if is_alive:
                alive[d] = None
        return frozenset(alive)
