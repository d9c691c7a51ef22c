"""What must hold of any judgement, said without the code that judges.

Each property is about deltas and the word on them; where one needs to know who was what at a cut,
it takes the word on that cut. A finding is a short text with the rule that it breaks.
"""

from __future__ import annotations

from collections.abc import Iterator

from covey.model import (
    ADMIN_ROLE,
    Admit,
    Close,
    Demote,
    DeviceId,
    Evidence,
    MemberId,
    Promote,
    Vote,
)
from covey.testkit.oracle.code_faults import code_faults
from covey.testkit.oracle.form_faults import form_faults
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.writing import Writing

__all__ = ["faults", "why"]


def faults(writing: Writing, mask: Mask) -> list[str]:
    """Which properties the word on an admissible, causally closed set breaks; none: good."""
    view = _View(writing, mask)
    found = {
        *view.grants(),
        *view.reach(),
        *view.causes(),
        *view.counts(),
        *view.ranks(),
        *view.standing(),
        *view.people(),
        *code_faults(writing, mask),
        *form_faults(writing, mask),
    }
    return sorted(found)


def why(writing: Writing, mask: Mask, known: Known) -> str:
    """What a delta that does nothing fell to."""
    j, core = writing.judge(mask), known.delta.core
    if j.mute & known.bit:
        return "release"
    if not j.counted & known.bit:
        return "fork"
    if any(not limit.spares & known.bit for limit in j.limits.get(core.author, ())):
        return "removed"
    return "grant of a removed or forked"


class _View:
    """One set of deltas, and lists of what is asked of it often."""

    def __init__(self, writing: Writing, mask: Mask) -> None:
        self.writing, self.mask = writing, mask
        self.j: Judgement = writing.judge(mask)
        self.deltas = writing.history.within(mask)
        self.alive = [known for known in self.deltas if known.bit & self.j.alive]
        self.founders = writing.oracle.founders
        self.ranks_of = writing.oracle.ranks
        self.admissions: dict[DeviceId, list[tuple[Known, MemberId]]] = {}
        self.promotions: dict[tuple[DeviceId, str], Mask] = {}
        self.removals: list[tuple[Known, Close | Demote]] = []
        self.doubled: dict[DeviceId, int] = {}
        places: set[tuple[DeviceId, int]] = set()
        for known in self.deltas:
            core = known.delta.core
            place = (core.author, core.sequence)
            if place in places:
                first = self.doubled.get(core.author, core.sequence)
                self.doubled[core.author] = min(first, core.sequence)
            places.add(place)
            for effect in core.governance:
                if isinstance(effect, Admit):
                    entry = (known, effect.certificate.member)
                    self.admissions.setdefault(effect.certificate.device, []).append(entry)
                elif isinstance(effect, Promote):
                    what = (effect.device, effect.role)
                    self.promotions[what] = self.promotions.get(what, 0) | known.bit
                elif isinstance(effect, Close | Demote):
                    self.removals.append((known, effect))

    # -- words that the properties share -------------------------------------------------------

    def is_own(self, known: Known, device: DeviceId) -> bool:
        """Whether a device is its author's own, at the delta's cut."""
        members, author = self.writing.judge(known.past).members, known.delta.core.author
        return device == author or (
            device in members and members.get(device) == members.get(author)
        )

    def is_whole(self, known: Known, device: DeviceId) -> bool:
        """Whether a removal by this delta takes its target whatever that rests on."""
        return known.delta.core.author in self.founders or self.is_own(known, device)

    def avoids(self, grant: Known, device: DeviceId) -> bool:
        """Whether some chain of an admission, seen from its cut, does not pass a device."""
        author = grant.delta.core.author
        if author == device:
            return False
        alive = self.writing.judge(grant.past).alive
        return author in self.founders or any(
            self.avoids(before, device)
            for before, _ in self.admissions.get(author, ())
            if before.bit & alive
        )

    def needs(self, known: Known) -> list[frozenset[str]]:
        """Of each of these groups of roles the author needs one."""
        if not known.delta.core.governance:
            release = known.delta.core.release
            roles = {
                c.name: frozenset(c.roles)
                for c in self.writing.oracle.collections(release, known.past)
                if c.roles
            }
            touched = {e.collection for effects in known.payload.effects for e in effects}
            return [roles[name] for name in sorted(touched) if name in roles]
        for effect in known.delta.core.governance:
            kind = type(effect).__name__
            is_admins = kind in ("Promote", "Upgrade", "Tighten", "Vote")
            if isinstance(effect, Close | Demote):
                is_admins = not self.is_own(known, effect.device)
            elif isinstance(effect, Admit):
                members = self.writing.judge(known.past).members
                is_closed = self.writing.founding.charter.admission.value == "closed"
                author = members.get(known.delta.core.author)
                is_admins = is_closed and effect.certificate.member != author
            if is_admins:
                return [frozenset({ADMIN_ROLE})]
        return []

    def has(self, device: DeviceId, role: str, past: Mask) -> bool:
        """Whether a living grant in a cut gives a role."""
        if role == ADMIN_ROLE and device in self.founders:
            return True
        return bool(self.promotions.get((device, role), 0) & self.j.alive & past)

    def binding(self, known: Known) -> Iterator[tuple[Known, Close | Demote]]:
        """The living removals of a delta's author that do not spare it, of authors without fork."""
        for removal, effect in self.removals:
            is_other = removal.bit != known.bit and not removal.past & known.bit
            if (
                effect.device == known.delta.core.author
                and is_other
                and removal.bit & self.j.alive
                and removal.delta.core.author not in self.doubled
            ):
                yield removal, effect

    def told_free(self, known: Known, device: DeviceId) -> bool:
        """Whether a delta's cut holds no evidence against a device."""
        history = self.writing.history
        return not any(
            isinstance(effect, Evidence) and history.known[effect.one].delta.core.author == device
            for each in history.within(known.past)
            for effect in each.delta.core.governance
        )

    def vouched(self, known: Known) -> bool:
        """Whether a counted delta of another device follows one, and knows of no fork."""
        author = known.delta.core.author
        return any(
            other.past & known.bit
            and other.bit & self.j.counted
            and other.delta.core.author != author
            and self.told_free(other, author)
            for other in self.deltas
        )

    def is_after_fork(self, known: Known) -> bool:
        """Whether a delta's device forked, here or before."""
        core = known.delta.core
        return core.sequence >= self.doubled.get(core.author, core.sequence + 1)

    # -- properties ----------------------------------------------------------------------------

    def grants(self) -> Iterator[str]:
        """Who counts was let in, and given the roles that it used."""
        for known in self.alive:
            author = known.delta.core.author
            if author not in self.founders and not any(
                grant.bit & known.past & self.j.alive
                for grant, _ in self.admissions.get(author, ())
            ):
                yield "R1 no grant in the cut"
            for group in self.needs(known):
                if not any(self.has(author, role, known.past) for role in group):
                    yield "R5 no role in the cut"

    def reach(self) -> Iterator[str]:
        """What a removal does not spare does not count."""
        for known in self.alive:
            author, lost = known.delta.core.author, set[str]()
            for removal, effect in self.binding(known):
                if not self.is_whole(removal, author):
                    if isinstance(effect, Close) and not any(
                        grant.bit & known.past & self.j.alive
                        and self.avoids(grant, removal.delta.core.author)
                        for grant, _ in self.admissions.get(author, ())
                    ):
                        yield "R1 withdrawn, yet counts"
                elif isinstance(effect, Close):
                    yield "R1 closed, yet counts"
                else:
                    lost.add(effect.role)
            for group in self.needs(known):
                if lost and not any(self.has(author, role, known.past) for role in group - lost):
                    yield "R1 demoted, yet counts"

    def causes(self) -> Iterator[str]:
        """What does not count fell to a fork or to a removal: its own, or of whom it rests on."""
        for known in self.deltas:
            if known.bit & self.j.alive:
                continue
            lines, waiting = [known], [known]
            while waiting:
                last = waiting.pop()
                for grant in self._grants_of(last):
                    if grant not in lines:
                        lines.append(grant)
                        waiting.append(grant)
            if not any(self._has_cause(line) for line in lines):
                yield "void without a cause"

    def _grants_of(self, known: Known) -> list[Known]:
        author = known.delta.core.author
        found = [grant for grant, _ in self.admissions.get(author, ()) if grant.bit & known.past]
        for (device, _), given in self.promotions.items():
            if device == author:
                found += self.writing.history.within(given & known.past)
        return found

    def _has_cause(self, known: Known) -> bool:
        if self.is_after_fork(known) and not self.vouched(known):
            return True
        author = known.delta.core.author
        standing = {limit.known.bit for limit in self.j.limits.get(author, ())}
        return any(
            effect.device == author
            and removal.bit != known.bit
            and not removal.past & known.bit
            and removal.bit in standing
            and not self._exceeds(removal, author)
            for removal, effect in self.removals
        )

    def counts(self) -> Iterator[str]:
        """From a fork on exactly what others followed unknowing."""
        if self.j.forked != self.doubled:
            yield "R3 forks"
        for known in self.deltas:
            is_counted = bool(known.bit & self.j.counted)
            if is_counted != (not self.is_after_fork(known) or self.vouched(known)):
                yield "R3 counted without a voucher" if is_counted else "R3 vouched, yet lost"

    def ranks(self) -> Iterator[str]:
        """Nobody removes who stands above it."""
        for removal, effect in self.removals:
            if self._exceeds(removal, effect.device):
                is_founder = effect.device in self.founders
                yield "R2 a founder removed" if is_founder else "R2 beyond the rank"

    def _exceeds(self, removal: Known, target: DeviceId) -> bool:
        author = removal.delta.core.author
        if self.is_own(removal, target):
            return False
        j = self.writing.judge(removal.past)
        if author not in self.founders:
            grants = [g for g, _ in self.admissions.get(target, ()) if g.bit & j.alive]
            return (
                target in self.founders
                or not grants
                or any(self.avoids(grant, author) for grant in grants)
            )
        if target not in self.ranks_of or self.ranks_of[author] < self.ranks_of[target]:
            return False
        voters = {author} | {
            known.delta.core.author
            for known in self.writing.history.within(j.alive)
            if Vote(target) in known.delta.core.governance
        }
        people = {
            self.founders[v] for v in voters if v in self.ranks_of and "admin" in j.roles.get(v, ())
        }
        quorum = self.writing.founding.charter.admin_quorum
        return not quorum or len(people) < quorum

    def standing(self) -> Iterator[str]:
        """A removal stands by a delta that counts, or by one that fell in a circle."""
        limits = [limit for found in self.j.limits.values() for limit in found]
        fallen = {limit.known.bit for limit in limits if not limit.known.bit & self.j.alive}
        if fallen and not self.j.removals[2]:
            yield "R4 removal of a void delta stands"
        stands = {(limit.known.bit, limit.target, limit.role) for limit in limits}
        for removal, effect in self.removals:
            role = effect.role if isinstance(effect, Demote) else None
            is_standing = (removal.bit, effect.device, role) in stands
            if removal.bit & self.j.alive and not is_standing:
                yield "R4 removal of a delta that counts fell"

    def people(self) -> Iterator[str]:
        """Members and roles are those of living grants that no standing removal takes."""
        for device in {*self.founders, *self.admissions}:
            closes = [r for r in self.j.limits.get(device, ()) if r.role is None]
            whole = any(self.is_whole(r.known, device) for r in closes)
            grants = [
                (known.delta.core.time, known.delta.id, member)
                for known, member in self.admissions.get(device, ())
                if known.bit & self.j.alive
                and all(self.avoids(known, r.known.delta.core.author) for r in closes)
            ]
            member = self.founders.get(device) or (min(grants)[2] if grants else None)
            if self.j.members.get(device) != (None if whole else member):
                yield "R1 members"
            if whole or member is None:
                continue
            wholly = {r.role for r in self.j.limits.get(device, ()) if r.through is None}
            partly = {r.role for r in self.j.limits.get(device, ())} - wholly
            for role in ("admin", "editor"):
                has = role not in wholly and self.has(device, role, self.mask)
                if role not in partly and has != (role in self.j.roles.get(device, ())):
                    yield "R1 roles"
