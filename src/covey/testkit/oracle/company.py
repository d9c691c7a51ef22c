"""The people of an upgrade schedule, and what they write on which cut."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from covey.codec import decode_delta
from covey.crypto import Tag, signing_message
from covey.model import (
    ADMIN_ROLE,
    Admission,
    Constraint,
    Delta,
    DeviceId,
    Effect,
    Governance,
    MemberId,
    Never,
    Promote,
    Publisher,
    Put,
    Quorum,
    ReleaseId,
    milliseconds,
)
from covey.testkit.history import START_MS
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Mask
from covey.testkit.oracle.people import device, start
from covey.testkit.oracle.writing import Writing

__all__ = ["ADMINS", "PLAIN", "Attempt", "Company"]

ADMINS = ("ann", "ben", "dora")
"""The first of them, one or two, are founders; all are honest."""

PLAIN = ("emil", "gina")
"""Honest members without a key or a role; mal is one who is not."""

_HOLDERS = ("cara", "fred", "hugo", "ivan")
_STEP_MS = 40


@dataclass(frozen=True, slots=True)
class Attempt:
    """An upgrade that somebody tried by a path. is_due: no node may refuse it."""

    path: str
    known: Known
    is_due: bool


@dataclass
class Company:
    """One context while it grows: its people, and who writes what on which cut.

    now: all that is admissible so far. hands: the device with which each member acts now. home:
    what those have seen who came later, from the start. stale: attempts on an older cut.
    forged: deltas with a signature that is none, as (path, delta).
    """

    rng: random.Random
    writing: Writing
    keys: tuple[MemberId, ...]
    now: Mask = 0
    clock_ms: int = 0
    stale: int = 0
    hands: dict[MemberId, Identity] = field(default_factory=dict)
    home: dict[DeviceId, Mask] = field(default_factory=dict)
    forged: list[tuple[str, Delta]] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)

    @staticmethod
    def draw(rng: random.Random) -> Company:
        """A founded context, everybody let in."""
        founders = [device(name) for name in ADMINS[: rng.randint(1, 2)]]
        pool = [device(name) for name in (*_HOLDERS, *ADMINS[:2])]
        keys = tuple(one.member_id for one in rng.sample(pool, rng.randint(2, 4)))
        writing = Writing(
            start(
                *founders,
                admission=rng.choice((Admission.OPEN, Admission.CLOSED)),
                constraints=_constraints(rng, keys),
            )
        )
        company = Company(rng, writing, keys)
        everybody = [device(name) for name in (*ADMINS, *PLAIN, "mal", *_HOLDERS)]
        company.hands = {one.member_id: one for one in everybody}
        rest = [one for one in everybody if one not in founders]
        company.say("ann", company.now, *(one.admit(writing.founding.context) for one in rest))
        juniors = [one for one in rest if one.name in ADMINS]
        company.say("ann", company.now, *(Promote(one.device, ADMIN_ROLE) for one in juniors))
        return company

    def say(
        self,
        who: str | Identity,
        cut: Mask,
        *said: Governance,
        at_ms: int | None = None,
        honest: bool = True,
        entries: Iterable[Effect] = (),
        release: ReleaseId | None = None,
        is_fork: bool = False,
    ) -> Known:
        """Somebody writes on a cut and all of its own; with nothing to say an entry."""
        author = device(who) if isinstance(who, str) else who
        if not is_fork:
            cut |= self.own(author)
        self.clock_ms += self.rng.randint(1, _STEP_MS)
        note = Put("notes", b"%d" % self.rng.randrange(5), b"%d" % self.clock_ms)
        effects = tuple(entries) if said else (note,)
        when = self.clock_ms if at_ms is None else at_ms
        writing = self.writing
        known = writing.write(
            author, cut, said, effects, at_ms=when, honest=honest, release=release
        )
        if not writing.code(known):
            self.now |= known.past | known.bit
        return known

    def own(self, *who: Identity) -> Mask:
        """How these came in, all they wrote as far as it is admissible, and what that follows."""
        authors = {one.device: None for one in who}
        known = self.writing.history.within(self.now)
        mask = self.writing.down(k for k in known if k.delta.core.author in authors)
        for one in authors:
            mask |= self.home.get(one, 0)
        return mask

    def forge(self, path: str, name: Identity, cut: Mask, effect: Governance) -> None:
        """A delta in somebody's name that another signed."""
        known = self.writing.write(name, cut | self.own(name), [effect])
        self.writing.forget(known)
        delta, context = known.delta, self.writing.founding.context
        signature = device("mal").signer.sign(signing_message(Tag.DELTA, context, delta.header))
        frame = delta.frame.replace(delta.signature, signature)
        self.forged.append((path, decode_delta(context, frame)))

    def fresh(self, name: str, cut: Mask, *, admin: bool = False) -> Identity:
        """Somebody new, let in by the first admin, whose hands are clean."""
        one = device(name, f"{len(self.writing.history.known)}")
        known = self.say("ann", cut, one.admit(self.writing.founding.context))
        if admin:
            known = self.say("ann", cut, Promote(one.device, ADMIN_ROLE))
        self.home[one.device] = known.past | known.bit
        return one

    def replace_hand(self, member: MemberId, cut: Mask) -> None:
        """A member comes back under a new device."""
        self.hands[member] = self.fresh(self.hands[member].name, cut)

    def ms(self, known: Known) -> int:
        """When a delta says that it was written."""
        return milliseconds(known.delta.core.time) - START_MS


def _constraints(rng: random.Random, keys: tuple[MemberId, ...]) -> tuple[Constraint, ...]:
    """A charter's code rule."""
    one = Quorum(rng.randint(1, len(keys)), keys, 0)
    slow = Quorum(rng.randint(1, len(keys)), keys, rng.choice((150, 900)))
    other = Quorum(1, keys[:1], 0)
    half = len(keys) // 2
    apart = (Quorum(1, keys[:half], 150), Quorum(1, keys[half:], 300))
    publisher = Publisher()
    choices: list[tuple[Constraint, ...]] = [(), (publisher,), (one,), (one,), apart]
    choices += [(slow,), (slow,), (slow,), (publisher, one), (publisher, slow), (publisher, slow)]
    choices += [(slow, other), (Never(),) if rng.random() < 0.4 else (slow,)]
    choices += [(Never(), one) if rng.random() < 0.2 else (one,)]
    return rng.choice(choices)
