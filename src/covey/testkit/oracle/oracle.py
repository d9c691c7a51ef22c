"""The oracle: forks, removals, releases, and who is what at any set of deltas.

Source: protocols/governance.md; after the model in which these rules were found.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from covey.codec import cid_of, decode_manifest, version_rank
from covey.model import (
    ADMIN_ROLE,
    Admit,
    Approve,
    Charter,
    Close,
    Collection,
    Constraint,
    DeltaId,
    Demote,
    DeviceId,
    Evidence,
    Governance,
    Manifest,
    MemberId,
    Promote,
    Publisher,
    Quorum,
    ReleaseId,
    ReleaseTerms,
    Tighten,
    Upgrade,
    Vote,
    milliseconds,
)
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Grant, Judgement, Mask, Needs, Restriction

if TYPE_CHECKING:
    from covey.testkit.oracle.history import History

__all__ = ["Oracle"]

_ADMIN: Needs = (frozenset({ADMIN_ROLE}),)


class Oracle:
    """Judges sets of one history; every word is remembered."""

    def __init__(self, charter: Charter, first: ReleaseTerms, history: History) -> None:
        self.charter = charter
        self.first = first
        self.history = history
        self.founders = {admin.device: admin.member for admin in charter.admins}
        self.ranks = {admin.device: rank for rank, admin in enumerate(charter.admins)}
        self._judged: dict[Mask, Judgement] = {}
        self._needs: dict[DeltaId, Needs] = {}

    def judge(self, s: Mask) -> Judgement:
        """The word on a causally closed set."""
        if s not in self._judged:
            j = self._judged[s] = Judgement(s, self.founders)
            deltas = self.history.within(s)
            self._count(j, deltas, self._index(j, deltas))
            self._remove(j, deltas)
            self._release(j, deltas)
            for device in (*self.founders, *j.admits):
                member = j.holds(device, s, 0, (), j.alive)
                if member is not None:
                    j.members[device] = member
                    j.roles[device] = frozenset(
                        role
                        for role in (ADMIN_ROLE, *self.charter.roles)
                        if j.holds(device, s, 0, (frozenset({role}),), j.alive) is not None
                    )
        return self._judged[s]

    def author_of(self, known: Known) -> MemberId | None:
        """Whose device wrote a delta, at its cut."""
        return self.judge(known.past).members.get(known.delta.core.author)

    # -- what a delta needs (R5) -----------------------------------------------------------------

    def needs(self, known: Known) -> Needs:
        """The roles that a delta needs: those of its governance, or else of its entries."""
        delta = known.delta.id
        if delta not in self._needs:
            core = known.delta.core
            if core.governance:
                by_admin = any(self._is_for_admins(known, effect) for effect in core.governance)
                self._needs[delta] = _ADMIN if by_admin else ()
            else:
                touched = {e.collection for effects in known.payload.effects for e in effects}
                named = {c.name: c.roles for c in self.collections(core.release, known.past)}
                groups = {frozenset(named[name]) for name in touched if named.get(name)}
                self._needs[delta] = tuple(sorted(groups, key=sorted))
        return self._needs[delta]

    def _is_for_admins(self, known: Known, effect: Governance) -> bool:
        match effect:
            case Promote() | Upgrade() | Tighten() | Vote():
                return True
            case Close(device) | Demote(device):
                return not self.is_own(known, device)
            case Admit(certificate):
                is_closed = self.charter.admission.value == "closed"
                return is_closed and certificate.member != self.author_of(known)
        return False

    def is_own(self, known: Known, device: DeviceId) -> bool:
        """Whether a device is, at a delta's cut, one of its author's member."""
        members = self.judge(known.past).members
        author = known.delta.core.author
        return device == author or (device in members and members[device] == members.get(author))

    # -- R1 and R3: grants, forks ----------------------------------------------------------------

    def _index(self, j: Judgement, deltas: list[Known]) -> dict[DeviceId, Mask]:
        """Note grants and forks; for each forked device the deltas with evidence against it."""
        seen: set[tuple[DeviceId, int]] = set()
        proofs: dict[DeviceId, Mask] = {}
        for known in deltas:
            core = known.delta.core
            if (core.author, core.sequence) in seen:
                j.forked[core.author] = min(core.sequence, j.forked.get(core.author, core.sequence))
            seen.add((core.author, core.sequence))
            for effect in core.governance:
                match effect:
                    case Admit(certificate):
                        grant = Grant(known, certificate.member)
                        j.admits.setdefault(certificate.device, []).append(grant)
                        j.above[known.delta.id] = self._above(known)
                    case Promote(device, role):
                        j.promotes.setdefault(device, []).append(Grant(known, role=role))
                    case Evidence(one):
                        guilty = self.history.known[one].delta.core.author
                        proofs[guilty] = proofs.get(guilty, 0) | known.bit
        return proofs

    def _above(self, known: Known) -> frozenset[DeviceId]:
        """The devices through which every chain of this admission passes, seen from its own cut."""
        author = known.delta.core.author
        j = self.judge(known.past)
        chains = [
            j.above[grant.known.delta.id]
            for grant in j.admits.get(author, ())
            if j.alive & grant.known.bit and author not in self.founders
        ]
        return frozenset.intersection(*chains) | {author} if chains else frozenset({author})

    def _count(self, j: Judgement, deltas: list[Known], proofs: dict[DeviceId, Mask]) -> None:
        """R3, a least fixed point: from a fork on, what a counted delta of another device follows
        whose cut holds no evidence."""
        vouched = dict.fromkeys(j.forked, 0)
        before = -1
        while before != j.counted:
            before = j.counted
            for known in deltas:
                core = known.delta.core
                if j.counted & known.bit:
                    continue
                is_before = core.sequence < j.forked.get(core.author, core.sequence + 1)
                if is_before or vouched[core.author] & known.bit:
                    j.counted |= known.bit
                    for device in vouched:
                        if device != core.author and not known.past & proofs.get(device, 0):
                            vouched[device] |= known.past

    # -- R4 and R5: removals ---------------------------------------------------------------------

    def _remove(self, j: Judgement, deltas: list[Known]) -> None:
        """Removals by strongly connected components of what hits what, sources first."""
        removals = [
            Restriction(
                known,
                index,
                effect.device,
                effect.role if isinstance(effect, Demote) else None,
                self._spares(j, known),
                self._through(known, effect.device),
            )
            for known in deltas
            if j.counted & known.bit
            for index, effect in enumerate(known.delta.core.governance)
            if isinstance(effect, Close | Demote)
        ]
        names = range(len(removals))
        rests = [self.history.within(self._support(j, r.known)) for r in removals]
        reach = [
            {y for y in names if y != x and any(self._hits(j, removals[x], d) for d in rests[y])}
            for x in names
        ]
        for middle, x in product(names, names):
            reach[x] |= reach[middle] if middle in reach[x] else set()
        self._settle(j, deltas)
        waiting, standing, circles = list(names), 0, 0
        while waiting:  # A source: it hits back whatever hits it.
            source = next(
                x for x in waiting if all(y in reach[x] for y in waiting if x in reach[y])
            )
            component = [
                y for y in waiting if y == source or (y in reach[source] and source in reach[y])
            ]
            live = [y for y in component if j.alive & removals[y].known.bit]
            for y in live:
                j.limits.setdefault(removals[y].target, []).append(removals[y])
            waiting = [y for y in waiting if y not in component]
            standing, circles = standing + len(live), circles + (len(component) > 1)
            self._settle(j, deltas)
        j.removals = (len(removals), standing, circles)

    def _through(self, known: Known, target: DeviceId) -> DeviceId | None:
        author = known.delta.core.author
        return None if author in self.founders or self.is_own(known, target) else author

    def _settle(self, j: Judgement, deltas: list[Known]) -> None:
        """Alive under the limits known so far; grants lie in the past: one pass is enough."""
        j.alive = 0
        for known in deltas:
            if not j.counted & known.bit:
                continue
            author, needs = known.delta.core.author, self.needs(known)
            if j.holds(author, known.past, known.bit, needs, j.alive) is not None:
                j.alive |= known.bit

    def _spares(self, j: Judgement, known: Known) -> Mask:
        """Its cut, and what other counted branches of its own author had seen."""
        mask = known.past | known.bit
        author = known.delta.core.author
        if author in j.forked:
            for other in self.history.within(j.counted):
                is_apart = not known.past & other.bit and not other.past & known.bit
                if other.delta.core.author == author and is_apart:
                    mask |= other.past | other.bit
        return mask

    def _support(self, j: Judgement, known: Known) -> Mask:
        """A delta and the counted grants on which it can rest, directly or not."""
        mask, waiting = known.bit, [known]
        while waiting:
            last = waiting.pop()
            for grant in self._grants_for(j, last):
                if last.past & j.counted & grant.known.bit and not mask & grant.known.bit:
                    mask |= grant.known.bit
                    waiting.append(grant.known)
        return mask

    def _grants_for(self, j: Judgement, known: Known) -> list[Grant]:
        """What may have given a delta's author what it needs; a founder needs no grant for it."""
        author = known.delta.core.author
        is_founder = author in self.founders
        needed = frozenset[str]().union(*self.needs(known))
        return [
            *(() if is_founder else j.admits.get(author, ())),
            *(
                grant
                for grant in j.promotes.get(author, ())
                if grant.role in needed and not (is_founder and grant.role == ADMIN_ROLE)
            ),
        ]

    def _hits(self, j: Judgement, restriction: Restriction, known: Known) -> bool:
        if known.delta.core.author != restriction.target or restriction.spares & known.bit:
            return False
        if restriction.role is not None and not any(
            restriction.role in group for group in self.needs(known)
        ):
            return False
        return restriction.through is None or any(
            known.past & j.counted & grant.known.bit
            and restriction.through in j.above[grant.known.delta.id]
            for grant in j.admits.get(restriction.target, ())
        )

    # -- R6: releases ----------------------------------------------------------------------------

    def _release(self, j: Judgement, deltas: list[Known]) -> None:
        """Standing upgrades, the release in force, and the deltas that fell with their upgrade."""
        alive = [known for known in deltas if j.alive & known.bit]
        tightens = [
            (effect.constraint, self._spares(j, known))
            for known in alive
            for effect in known.delta.core.governance
            if isinstance(effect, Tighten)
        ]
        for known in alive:
            upgrade = upgrade_of(known)
            if upgrade is not None and all(
                spares & known.bit or not self.refusal(known, upgrade, constraint)
                for constraint, spares in tightens
            ):
                release = ReleaseId(cid_of(upgrade.manifest))
                j.upgrades[known.delta.id] = (upgrade.number, release)
        j.number, j.release = max(j.upgrades.values(), default=(0, self.charter.release))
        j.constraints = frozenset((*self.charter.constraints, *(c for c, _ in tightens)))
        for known in alive:
            if self._is_mute(j, known):
                j.mute |= known.bit

    def _is_mute(self, j: Judgement, known: Known) -> bool:
        if upgrade_of(known) is not None:
            return known.delta.id not in j.upgrades
        release = known.delta.core.release
        return release != self.charter.release and not any(
            known.past & self.history.known[delta].bit and put[1] == release
            for delta, put in j.upgrades.items()
        )

    def refusal(self, known: Known, upgrade: Upgrade, constraint: Constraint) -> str:
        """Why an upgrade does not satisfy a constraint, judged at its own cut; empty: it does."""
        j = self.judge(known.past)
        match constraint:
            case Publisher():
                now = self.version(j.release or self.charter.release, known.past)
                then = decode_manifest(upgrade.manifest).version
                return "" if version_rank(then) > version_rank(now) else "no-newer-version"
            case Quorum():
                return self._quorum_refusal(j, known, upgrade, constraint)
        return "locked"

    def _quorum_refusal(self, j: Judgement, known: Known, upgrade: Upgrade, quorum: Quorum) -> str:
        wanted = Approve(upgrade.number, ReleaseId(cid_of(upgrade.manifest)))
        approvals: list[tuple[Known, MemberId]] = []
        for each in self.history.within(j.alive):
            member = self.author_of(each) if wanted in each.delta.core.governance else None
            if member is not None and member in quorum.keys:
                approvals.append((each, member))
        if len({member for _, member in approvals}) < quorum.k:
            return "not-approved"
        if quorum.notice_ms == 0:
            return ""
        for each in (self.history.known[i] for i in upgrade.witnesses):
            seen = {member for approval, member in approvals if each.past & approval.bit}
            elapsed = milliseconds(known.delta.core.time) - milliseconds(each.delta.core.time)
            is_stranger = self.author_of(each) not in quorum.keys
            is_enough = len(seen) >= quorum.k and elapsed >= quorum.notice_ms
            if is_enough and is_stranger and j.alive & each.bit:
                return ""
        return "notice"

    # -- releases by name ------------------------------------------------------------------------

    def manifest(self, release: ReleaseId, past: Mask) -> Manifest | None:
        """The manifest of a release that some delta of a cut put in force; None: the first."""
        if release == self.charter.release:
            return None
        for known in self.history.within(past):
            upgrade = upgrade_of(known)
            if upgrade is not None and ReleaseId(cid_of(upgrade.manifest)) == release:
                return decode_manifest(upgrade.manifest)
        raise AssertionError("a delta ran under a release that its cut does not name")

    def collections(self, release: ReleaseId, past: Mask) -> tuple[Collection, ...]:
        """The collections of a release that a cut knows."""
        manifest = self.manifest(release, past)
        return self.first.collections if manifest is None else manifest.collections

    def version(self, release: ReleaseId, past: Mask) -> str:
        """The version of a release that a cut knows."""
        manifest = self.manifest(release, past)
        return self.first.version if manifest is None else manifest.version


def upgrade_of(known: Known) -> Upgrade | None:
    """The upgrade that a delta holds; it has at most one."""
    return next((e for e in known.delta.core.governance if isinstance(e, Upgrade)), None)
