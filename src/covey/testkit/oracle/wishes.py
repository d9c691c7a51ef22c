"""What a device would write next: entries, or governance, by the dice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from covey.crypto import sha256
from covey.model import (
    ADMIN_ROLE,
    Add,
    Admission,
    Admit,
    Approve,
    Constraint,
    Delete,
    DeltaId,
    DeviceId,
    Effect,
    Governance,
    MemberId,
    Merge,
    Never,
    Promote,
    Publisher,
    Put,
    Quorum,
    Rule,
    Tighten,
    Upgrade,
    Vote,
    milliseconds,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.people import FIRST_MANIFEST, KINDS, manifest, release
from covey.testkit.oracle.writing import Writing

__all__ = ["Wishes", "witness_for"]

_ROLES = (ADMIN_ROLE, "editor")
_VERSIONS = ("0.9.0", "1.0.0", "1.0.1-rc.1", "1.1.0", "1.2.0", "1.10.0", "2.0.0")


@dataclass
class Wishes:
    """Draws what one device writes. cast: all devices there are; keys: those of quorums."""

    rng: random.Random
    writing: Writing
    cast: list[Identity]
    keys: tuple[MemberId, ...]
    joins: dict[DeviceId, Admit] = field(default_factory=dict)

    # -- entries -------------------------------------------------------------------------------

    def entries(self, author: Identity, cut: Mask, j: Judgement, *, honest: bool) -> list[Effect]:
        """Up to three effects that the rules of entries allow; an attacker asks for no role."""
        rng, effects = self.rng, dict[tuple[str, bytes], Effect]()
        member = j.members.get(author.device, author.member_id)
        roles = j.roles.get(author.device, frozenset())
        known = self.writing.oracle.collections(
            j.release or self.writing.founding.charter.release, cut & ~self.writing.refused
        )
        for _ in range(rng.randint(1, 3)):
            collection = rng.choice(known)
            may = not collection.roles or roles & set(collection.roles)
            if not may and (honest or rng.random() < 0.5):
                continue
            key, value = b"k%d" % rng.randrange(4), b"v%d" % rng.randrange(100)
            effect: Effect = Put(collection.name, key, value)
            if collection.rule is Rule.COUNTER:
                effect = Add(collection.name, key, rng.choice((-(2**63), -1, 1, 5, 2**63 - 1)))
            elif collection.rule is Rule.OWNED:
                effect = Put(collection.name, member + key, value)
            elif collection.rule is Rule.FROZEN:
                key = sha256(value) if rng.random() < 0.3 else member + key[:1]
                effect = Put(collection.name, key, value)
                if key in self._frozen(collection.name, cut, j):
                    continue
            elif rng.random() < 0.15:
                effect = Delete(collection.name, key)
            effects[effect.collection, effect.key] = effect
        return list(effects.values())

    def _frozen(self, collection: str, cut: Mask, j: Judgement) -> set[bytes]:
        """The keys that are taken at a cut."""
        return {
            effect.key
            for known in self.writing.history.within(cut & ~j.silent)
            for effects in known.payload.effects
            for effect in effects
            if effect.collection == collection
        }

    # -- governance ----------------------------------------------------------------------------

    def governance(
        self, author: Identity, cut: Mask, j: Judgement, *, honest: bool
    ) -> list[Governance]:
        """What the device does beside writing entries; often nothing, and not all of it allowed."""
        rng = self.rng
        has_seat = author.device in self.writing.oracle.ranks
        if rng.random() < (0.45 if self._quorums(j) else 0.05):
            return self._for_quorum(author, cut, j, honest=honest)
        if rng.random() < 0.15:
            return self._of_own(author, cut, j)
        if rng.random() < 0.15 and has_seat and self.writing.founding.charter.admin_quorum:
            return self._vote(author, j, honest=honest)
        is_admin = ADMIN_ROLE in j.roles.get(author.device, ())
        if is_admin and rng.random() < 0.35:
            said = self._of_juniors(author, cut, j)
            if said:
                return said
        if rng.random() < (0.25 if is_admin or self._is_open() else 0.02):
            return self._admit(author, j)
        if not is_admin and (honest or rng.random() < 0.6):
            return []
        wishes: list[tuple[float, Callable[[], list[Governance]]]] = [
            (0.20, lambda: self._close(author, cut, j, honest=honest)),
            (0.14, lambda: [] if honest else self._massacre(author, cut, j)),
            (0.22, lambda: self._promote(author, j, honest=honest)),
            (0.10, lambda: self._demote(author, cut, j, honest=honest)),
            (0.20, lambda: self._upgrade(cut, j, honest=honest)),
            (0.08, self._tighten),
            (0.02, lambda: self._vote(author, j, honest=honest)),
        ]
        x = rng.random()
        for weight, wish in wishes:
            x -= weight
            if x < 0:
                return wish()
        return []

    def _is_open(self) -> bool:
        return self.writing.founding.charter.admission is Admission.OPEN

    def _pick(self, preferred: list[Identity], others: list[Identity]) -> Identity:
        return self.rng.choice(preferred or others)

    def _others(self, author: Identity) -> list[Identity]:
        return [one for one in self.cast if one.device != author.device]

    def _suspect(
        self, author: Identity, j: Judgement, *, honest: bool, inside: bool = False
    ) -> Identity:
        others = self._others(author)
        if inside and self.rng.random() < 0.9:
            others = [one for one in others if one.device in j.members] or others
        suspects = [o for o in others if o.device in self.writing.bad or o.device in j.forked]
        return self._pick(suspects if honest else others, others)

    def _of_own(self, author: Identity, cut: Mask, j: Judgement) -> list[Governance]:
        """Something about a device of the same member: in, out, or less."""
        rng, member = self.rng, j.members.get(author.device)
        mine = [one for one in self.cast if one.member_id == author.member_id]
        fresh = [one for one in mine if one.device not in j.members]
        if fresh and rng.random() < 0.8:
            return [self._admission(rng.choice(fresh))]
        known = [one for one in mine if j.members.get(one.device) == member] or [author]
        target = rng.choice([one for one in known if one is not author] or known)
        if rng.random() < 0.5 and (target is not author or rng.random() < 0.1):
            return [self.writing.close(cut, target.device)]
        held = sorted(j.roles.get(target.device, ()))
        if held and (target is not author or rng.random() < 0.3):
            return [self.writing.demote(cut, target.device, rng.choice(held))]
        return [Merge()] if rng.random() < 0.4 else []

    def _admit(self, author: Identity, j: Judgement) -> list[Governance]:
        others = self._others(author)
        fresh = [
            one for one in others if one.device not in j.members and one.device not in j.limits
        ]
        chosen = self._pick(fresh, others)
        second = [one for one in fresh if one is not chosen and one.device != chosen.device]
        if second and self.rng.random() < 0.5:
            return [self._admission(chosen), self._admission(self.rng.choice(second))]
        return [self._admission(chosen)]

    def _admission(self, one: Identity) -> Admit:
        if one.certificate.member != one.member_id or one.device not in self.joins:
            self.joins[one.device] = one.admit(self.writing.founding.context)
        admit = self.joins[one.device]
        if admit.certificate != one.certificate:
            return one.admit(self.writing.founding.context)
        return admit

    def _promote(self, author: Identity, j: Judgement, *, honest: bool) -> list[Governance]:
        role = self.rng.choice(_ROLES)
        others = self._others(author) if honest else self.cast
        plain = [
            one
            for one in others
            if one.device in j.members and role not in j.roles.get(one.device, ())
        ]
        return [Promote(self._pick(plain, others).device, role)]

    def _vote(self, author: Identity, j: Judgement, *, honest: bool) -> list[Governance]:
        """A founder wants another one gone; where there is no quorum, attackers alone try."""
        seats = self.writing.oracle.ranks
        founders = [o for o in self._others(author) if o.device in seats]
        bad = [o for o in founders if o.device in self.writing.bad or o.device in j.forked]
        if honest and (not bad or not self.writing.founding.charter.admin_quorum):
            return []
        return [Vote(self._pick(bad if honest else founders, self.cast).device)]

    def _close(
        self, author: Identity, cut: Mask, j: Judgement, *, honest: bool
    ) -> list[Governance]:
        target = self._suspect(author, j, honest=honest, inside=True)
        seats = self.writing.oracle.ranks
        is_senior = seats.get(target.device, 99) < seats.get(author.device, 99)
        below = [one for one in self._others(author) if one.device in self._below(author, j)]
        if author.device not in seats and below and self.rng.random() < 0.8:
            target = self.rng.choice(below)  # A junior admin, and whom it let in.
        if self.writing.founding.charter.admin_quorum and is_senior and self.rng.random() < 0.5:
            return [Vote(target.device)]
        return [self.writing.close(cut, target.device)]

    def _massacre(self, author: Identity, cut: Mask, j: Judgement) -> list[Governance]:
        """Whatever the rank allows, and now and then what it does not."""
        seats = self.writing.oracle.ranks
        rank = seats.get(author.device, 99)
        below = self._below(author, j)
        return [
            self.writing.close(cut, one.device)
            for one in {one.device: one for one in self._others(author)}.values()
            if (rank < seats.get(one.device, 98) and one.device in j.members)
            or one.device in below
            or self.rng.random() < 0.02
        ]

    def _of_juniors(self, author: Identity, cut: Mask, j: Judgement) -> list[Governance]:
        """A founder makes the first junior admins; they let others in, and close them."""
        others = self._others(author)
        if author.device in self.writing.oracle.ranks:
            plain = [o for o in others if ADMIN_ROLE not in j.roles.get(o.device, (ADMIN_ROLE,))]
            juniors = sum(ADMIN_ROLE in roles for roles in j.roles.values())
            few = juniors < len(self.writing.oracle.ranks) + 2
            return [Promote(self.rng.choice(plain).device, ADMIN_ROLE)] if plain and few else []
        below = [one for one in others if one.device in self._below(author, j)]
        inside = [one for one in below if one.device in j.members]
        x = self.rng.random()
        if inside and x < 0.3:
            return [self.writing.close(cut, self.rng.choice(inside).device)]
        if inside and x < 0.5:
            return [Promote(self.rng.choice(inside).device, ADMIN_ROLE)]
        return self._admit(author, j)

    def _below(self, author: Identity, j: Judgement) -> set[DeviceId]:
        """Whom somebody let in, and whom those let in."""
        found = {author.device}
        for device, grants in j.admits.items():  # In the order in which they came.
            if any(grant.known.delta.core.author in found for grant in grants):
                found.add(device)
        return found - {author.device}

    def _demote(
        self, author: Identity, cut: Mask, j: Judgement, *, honest: bool
    ) -> list[Governance]:
        target = self._suspect(author, j, honest=honest, inside=True)
        return [self.writing.demote(cut, target.device, self.rng.choice(_ROLES))]

    def _tighten(self) -> list[Governance]:
        constraint: Constraint = self.rng.choice((Publisher(), Publisher(), Never()))
        if self.rng.random() < 0.6:
            k = self.rng.randint(1, len(self.keys))
            constraint = Quorum(k, self.keys, self.rng.choice((0, 0, 80)))
        return [Tighten(constraint)]

    # -- releases ------------------------------------------------------------------------------

    def proposal(self, number: int) -> bytes:
        """The release that honest holders of keys want for a number."""
        return manifest(f"1.{number}.0", "the proposal", "same" if number < 2 else "more")

    def _for_quorum(
        self, author: Identity, cut: Mask, j: Judgement, *, honest: bool
    ) -> list[Governance]:
        """An approval by who has a key and has not given it; else the upgrade, by an admin."""
        wanted = self.proposal(j.number + 1)
        if not honest and self.rng.random() < 0.5:
            wanted = manifest("1.9.0", "a rival")
        approval = Approve(j.number + 1, release(wanted))
        has_key = any(author.member_id in keys for keys in self._quorums(j))
        if has_key and not self._is_approved(approval, author.member_id, cut, j):
            return [approval]
        if not honest and self.rng.random() < 0.1:
            return [approval]
        is_admin = ADMIN_ROLE in j.roles.get(author.device, ())
        return self._upgrade(cut, j, honest=honest) if is_admin else []

    def _quorums(self, j: Judgement) -> list[tuple[MemberId, ...]]:
        return [c.keys for c in j.constraints if isinstance(c, Quorum)]

    def _is_approved(self, approval: Approve, by: MemberId, cut: Mask, j: Judgement) -> bool:
        return any(
            approval in known.delta.core.governance and j.members.get(known.delta.core.author) == by
            for known in self.writing.history.within(cut & j.alive)
        )

    def _upgrade(self, cut: Mask, j: Judgement, *, honest: bool) -> list[Governance]:
        rng, number = self.rng, j.number + 1
        packed = self.proposal(number)
        if rng.random() < (0.15 if honest else 0.5):  # A rival; an attacker's may be anything.
            kind = "same" if number < 2 else "more"
            if not honest and rng.random() < 0.4:
                kind = rng.choice(tuple(KINDS))
            name = f"rival {rng.randrange(3)}"
            packed = manifest(f"1.{number}.1" if honest else rng.choice(_VERSIONS), name, kind)
        if rng.random() < 0.04:  # Back to where it began, where the rule allows that.
            packed = FIRST_MANIFEST
        if not honest and rng.random() < 0.1:
            number += rng.choice((-1, 1)) if number > 1 else 1
        approved = Approve(number, release(packed))
        shown = witness_for(self.writing, j, approved, cut, self.keys)
        witnesses = () if shown is None else (shown.delta.id,)
        if shown is None and rng.random() < 0.1 and cut:
            witnesses = (rng.choice(self.writing.history.within(cut)).delta.id,)
        return [Upgrade(number, packed, witnesses)]


def witness_for(
    writing: Writing, j: Judgement, wanted: Approve, cut: Mask, keys: tuple[MemberId, ...]
) -> Known | None:
    """The oldest delta by someone without a key that follows the approvals of most keys."""
    approvals = [
        known
        for known in writing.history.within(cut & j.alive)
        if wanted in known.delta.core.governance
    ]
    best: tuple[int, int, DeltaId, Known] | None = None
    if not approvals:
        return None
    for known in writing.history.within(cut & j.alive):
        seen = {a.delta.core.author for a in approvals if known.past & a.bit}
        member = j.members.get(known.delta.core.author)
        if seen and member is not None and member not in keys:
            time = milliseconds(known.delta.core.time)
            rank = (-len(seen), time, known.delta.id, known)
            best = rank if best is None or rank[:3] < best[:3] else best
    return None if best is None else best[3]
