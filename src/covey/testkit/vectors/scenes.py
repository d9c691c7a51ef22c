"""Small histories of governance, each with deltas that may follow it and such that may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.model import (
    ADMIN_ROLE,
    Admission,
    Admit,
    Approve,
    Close,
    Constraint,
    DeltaId,
    Demote,
    Evidence,
    Governance,
    Join,
    MemberId,
    Merge,
    Never,
    Promote,
    Publisher,
    Put,
    Quorum,
    Signature,
    Tighten,
    Upgrade,
    Vote,
    limits,
)
from covey.model import Effect as StateEffect
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import device, manifest, release, start
from covey.testkit.oracle.writing import Writing

__all__ = ["SCENES", "Scene"]

ANN, BEN, CARA = device("ann"), device("ben"), device("cara")
DORA, EMIL, SOCK = device("dora"), device("emil"), device("sock")
NEXT, OTHER = manifest("1.2.0"), manifest("1.2.0", "another")
_NOTE: tuple[StateEffect, ...] = (Put("notes", b"k", b"v"),)
_ESSAY: tuple[StateEffect, ...] = (Put("essays", b"k", b"v"),)
_KEYS = (ANN.member_id, BEN.member_id)


class Scene:
    """A history, by default of ann and ben, who let dora in, an admin, and emil through her.

    base: its deltas. good, bad: what may and may not be written next, each by its name.
    """

    def __init__(
        self,
        *constraints: Constraint,
        admission: Admission = Admission.CLOSED,
        admin_quorum: int = 0,
        is_short: bool = False,
    ) -> None:
        founders = (ANN, BEN, CARA) if admin_quorum else (ANN, BEN)
        founding = start(
            *founders, admission=admission, constraints=constraints, admin_quorum=admin_quorum
        )
        self.writing = Writing(founding)
        self.base: list[Known] = []
        self.good: dict[str, Known] = {}
        self.bad: dict[str, Known] = {}
        if not is_short:
            self.say(BEN, self.admit(DORA))
            self.say(BEN, Promote(DORA.device, ADMIN_ROLE))
            self.say(DORA, self.admit(EMIL))

    @property
    def now(self) -> int:
        """Everything of the history so far."""
        return self.writing.down(self.base) if self.base else 0

    def say(
        self,
        author: Identity,
        *said: Governance,
        cut: int | None = None,
        entries: tuple[StateEffect, ...] | None = None,
        at_ms: int = 0,
    ) -> Known:
        """A delta of the history; with nothing to say a note."""
        known = self._write(author, said, cut, entries, at_ms)
        assert not self.writing.code(known), self.writing.code(known)
        self.base.append(known)
        return known

    def may(self, name: str, author: Identity, *said: Governance, **how: object) -> None:
        """What may come next."""
        self.good[name] = self._write(author, said, **how)  # type: ignore[arg-type]

    def may_not(self, name: str, author: Identity, *said: Governance, **how: object) -> None:
        """What may not."""
        self.bad[name] = self._write(author, said, **how)  # type: ignore[arg-type]

    def _write(
        self,
        author: Identity,
        said: tuple[Governance, ...],
        cut: int | None = None,
        entries: tuple[StateEffect, ...] | None = None,
        at_ms: int = 0,
    ) -> Known:
        note = () if said else _NOTE
        put = note if entries is None else entries
        return self.writing.write(author, self.now if cut is None else cut, said, put, at_ms=at_ms)

    def admit(self, who: Identity) -> Admit:
        """An admission there."""
        return who.admit(self.writing.founding.context)

    def close(self, who: Identity, cut: int | None = None) -> Close:
        """A close with its tips."""
        return self.writing.close(self.now if cut is None else cut, who.device)

    def demote(self, who: Identity, role: str, cut: int | None = None) -> Demote:
        """A demote with its tips."""
        return self.writing.demote(self.now if cut is None else cut, who.device, role)


def _shapes() -> Scene:
    s = Scene()
    s.may("merge", ANN, Merge())
    s.may_not("merge with an admission", ANN, Merge(), s.admit(SOCK))
    s.may_not("merge with a call", ANN, Merge(), entries=_NOTE)
    s.may("upgrade with its migration", ANN, Upgrade(1, NEXT, ()), entries=_NOTE)
    s.may_not("upgrade with an admission", ANN, Upgrade(1, NEXT, ()), s.admit(SOCK))
    s.may_not("admission with a call", ANN, s.admit(SOCK), entries=_NOTE)
    emil, demote = EMIL.device, s.demote(EMIL, "editor")
    s.may("two roles at once", ANN, Promote(emil, "editor"), Promote(emil, ADMIN_ROLE))
    s.may_not("a role given and taken", ANN, Promote(emil, "editor"), demote)
    s.may_not("two closes of a device", ANN, s.close(EMIL), s.close(EMIL))
    s.may_not("a device twice", ANN, s.admit(SOCK), s.admit(SOCK))
    return s


def _admissions() -> Scene:
    s = Scene()
    good, context = s.admit(SOCK), s.writing.founding.context
    invited = replace(good, join=Join(b"i" * 32, good.join.signature, Signature(b"s" * 64)))
    forged = replace(SOCK.certificate, member=ANN.member_id)
    s.may("admission by an admin", DORA, good)
    s.may("own device, by a member", EMIL, s.admit(device("emil", "second")))
    s.may_not("admission by a member", EMIL, good)
    s.may_not("admission with an invitation", ANN, invited)
    s.may_not("another member's certificate", ANN, Admit(forged, good.join))
    s.may_not("another device's join", ANN, Admit(SOCK.certificate, CARA.join(context)))
    s.may_not("a member's device", ANN, s.admit(EMIL))
    s.may_not("a founder's device", DORA, s.admit(ANN))
    return s


def _open() -> Scene:
    s = Scene(admission=Admission.OPEN)
    s.may("admission by a member where it is open", EMIL, s.admit(SOCK))
    return s


def _closed() -> Scene:
    s = Scene()
    before = s.now
    s.say(ANN, s.close(EMIL))
    s.may("another device of a closed one's member", DORA, s.admit(device("emil", "second")))
    s.may_not("a closed device", DORA, s.admit(EMIL))
    s.may_not("delta of a closed device", EMIL)
    s.may("delta of a device that had not seen its close", EMIL, cut=before)
    return s


def _promotions() -> Scene:
    s = Scene()
    s.say(ANN, Promote(EMIL.device, "editor"))
    s.may("promotion", DORA, Promote(EMIL.device, ADMIN_ROLE))
    s.may("entry that needs the role", EMIL, entries=_ESSAY)
    s.may_not("entry without the role", device("emil"), entries=(Put("rules", b"k", b"v"),))
    s.may_not("promotion by a member", EMIL, Promote(EMIL.device, ADMIN_ROLE))
    s.may_not("role that is none", ANN, Promote(EMIL.device, "queen"))
    s.may_not("promotion of a stranger", ANN, Promote(SOCK.device, "editor"))
    s.may_not("role that is held", ANN, Promote(EMIL.device, "editor"))
    return s


def _demoted() -> Scene:
    s = Scene()
    s.say(ANN, Promote(EMIL.device, "editor"))
    s.say(ANN, s.demote(EMIL, "editor"))
    s.may("another role", ANN, Promote(EMIL.device, ADMIN_ROLE))
    s.may_not("a role that was taken", ANN, Promote(EMIL.device, "editor"))
    s.may_not("entry that needs a role that was taken", EMIL, entries=_ESSAY)
    return s


def _removals() -> Scene:
    s = Scene()
    before = s.now
    s.say(EMIL)
    early = s.close(EMIL, before).tips
    s.may("close by a founder", ANN, s.close(DORA))
    s.may("close by who let it in", DORA, s.close(EMIL))
    s.may("close by a founder above", BEN, s.close(EMIL))
    s.may("close of oneself", EMIL, s.close(EMIL))
    s.may("demote of a later founder", ANN, s.demote(BEN, ADMIN_ROLE))
    s.may_not("close by a member", EMIL, s.close(DORA))
    s.may_not("close of an earlier founder", BEN, s.close(ANN))
    s.may_not("demote of an earlier founder", BEN, s.demote(ANN, ADMIN_ROLE))
    s.may_not("close of a founder by a later admin", DORA, s.close(BEN))
    s.may_not("close of a stranger", ANN, Close(SOCK.device, ()))
    s.may_not("close with no tips", ANN, Close(EMIL.device, ()))
    s.may_not("close with the tips of a smaller cut", ANN, Close(EMIL.device, early))
    s.may_not("close with a tip too many", ANN, _with_another(s.close(EMIL)))
    s.may_not("demote of a role that is none", ANN, Demote(EMIL.device, "queen", ()))
    return s


def _with_another(close: Close) -> Close:
    return Close(close.device, tuple(sorted((*close.tips, DeltaId(b"x" * 32)))))


def _rank() -> Scene:
    s = Scene()
    cut = s.now
    s.say(ANN, s.admit(SOCK), cut=cut)
    s.say(DORA, s.admit(SOCK), cut=cut)
    s.may("close by a founder of whom two let in", BEN, s.close(SOCK))
    s.may_not("close by one of two who let it in", DORA, s.close(SOCK))
    return s


def _votes() -> Scene:
    s = Scene(admin_quorum=2)
    before = s.now
    s.say(CARA, Vote(ANN.device))
    s.may("close of the first founder by two", BEN, s.close(ANN))
    s.may("a vote", BEN, Vote(CARA.device))
    s.may_not("close with a vote not seen", BEN, s.close(ANN, before), cut=before)
    s.may_not("vote of no founder", DORA, Vote(ANN.device))
    s.may_not("vote about no founder", ANN, Vote(DORA.device))
    s.may_not("two votes at once", BEN, Vote(CARA.device), Vote(CARA.device))
    return s


def _no_votes() -> Scene:
    s = Scene()
    s.may_not("vote where there is no admin quorum", ANN, Vote(BEN.device))
    return s


def _tightens() -> Scene:
    s = Scene(Publisher())
    s.may("tighten", DORA, Tighten(Never()))
    s.may_not("tighten by a member", EMIL, Tighten(Never()))
    s.may_not("constraint of the charter again", ANN, Tighten(Publisher()))
    s.may_not("one constraint twice", ANN, Tighten(Never()), Tighten(Never()))
    return s


def _full() -> Scene:
    s = Scene(is_short=True)
    keys = [MemberId(b"%032d" % n) for n in range(limits.CONSTRAINTS_MAX + 1)]
    rules = [Tighten(Quorum(1, (key,), 0)) for key in keys]
    s.say(ANN, *rules[:-2])
    s.may("the last constraint that fits", ANN, rules[-2])
    s.say(ANN, rules[-2])
    s.may_not("a constraint too many", ANN, rules[-1])
    return s


def _upgrades() -> Scene:
    s = Scene()
    s.may("upgrade", DORA, Upgrade(1, NEXT, ()))
    s.may("upgrade to what has more", ANN, Upgrade(1, manifest("1.2.0", kind="more"), ()))
    s.may("downgrade where nothing forbids it", ANN, Upgrade(1, manifest("0.1.0"), ()))
    s.may_not("upgrade by a member", EMIL, Upgrade(1, NEXT, ()))
    s.may_not("number 2 before 1", ANN, Upgrade(2, NEXT, ()))
    s.may_not("witness that is none", ANN, Upgrade(1, NEXT, (DeltaId(b"w" * 32),)))
    for kind, name in (
        ("altered", "manifest whose signature does not verify"),
        ("other-publisher", "another publisher's release"),
        ("other-package", "another package"),
        ("other-execution", "another execution version"),
        ("other-abi", "another abi"),
        ("fewer", "a collection less"),
        ("other-rule", "a collection with another rule"),
        ("loosened", "a collection with other roles"),
    ):
        s.may_not(name, ANN, Upgrade(1, manifest("1.2.0", kind=kind), ()))
    return s


def _locked() -> Scene:
    s = Scene(Never(), is_short=True)
    s.may_not("upgrade of locked code", ANN, Upgrade(1, NEXT, ()))
    return s


def _publisher() -> Scene:
    s = Scene(Publisher(), is_short=True)
    s.say(ANN, Upgrade(1, manifest("1.10.0"), ()))
    s.may("newer version", ANN, Upgrade(2, manifest("1.11.0-rc.1"), ()))
    s.may_not("older version", ANN, Upgrade(2, manifest("1.9.0"), ()))
    s.may_not("candidate of the same version", ANN, Upgrade(2, manifest("1.10.0-rc.1"), ()))
    return s


def _approve(packed: bytes, number: int = 1) -> Approve:
    return Approve(number, release(packed))


def _quorum() -> Scene:
    s = Scene(Quorum(2, _KEYS, 0))
    s.say(ANN, _approve(NEXT))
    half = s.now
    s.say(BEN, _approve(NEXT))
    s.may("approved upgrade", DORA, Upgrade(1, NEXT, ()))
    s.may("approval of another", ANN, _approve(OTHER))
    s.may_not("upgrade with one approval", DORA, Upgrade(1, NEXT, ()), cut=half)
    s.may_not("upgrade to another release", ANN, Upgrade(1, OTHER, ()))
    s.may_not("approval again", ANN, _approve(NEXT))
    s.may_not("approval of number 2", ANN, _approve(NEXT, 2))
    s.may_not("approval without a key", DORA, _approve(NEXT))
    return s


def _notice() -> Scene:
    s = Scene(Quorum(2, _KEYS, 1000))
    early = s.say(EMIL)
    for who in (ANN, BEN):
        s.say(who, _approve(NEXT), at_ms=100)
    by_key = s.say(ANN, at_ms=150)
    seen = s.say(EMIL, at_ms=200)

    def upgrade(*witnesses: Known) -> Upgrade:
        return Upgrade(1, NEXT, tuple(sorted(w.delta.id for w in witnesses)))

    s.may("upgrade after its notice", BEN, upgrade(seen), at_ms=1200)
    s.may("upgrade with a witness of no use", BEN, upgrade(early, seen), at_ms=1200)
    s.may_not("upgrade a millisecond early", BEN, upgrade(seen), at_ms=1199)
    s.may_not("upgrade without a witness", BEN, upgrade(), at_ms=9000)
    s.may_not("witness from before", BEN, upgrade(early), at_ms=9000)
    s.may_not("witness with a key", BEN, upgrade(by_key), at_ms=9000)
    s.may_not("witness not followed", BEN, upgrade(seen), cut=seen.past, at_ms=9000)
    return s


def _evidence() -> Scene:
    s = Scene(is_short=True)
    first = s.say(ANN)
    base = s.writing.down([first])
    one = s.say(BEN, cut=base)
    other = s.say(BEN, cut=base, entries=(Put("notes", b"other", b"v"),))
    pair = sorted((one.delta.id, other.delta.id))
    s.may("evidence", ANN, Evidence(*pair))
    s.may_not("delta after one's own fork", BEN)
    s.may_not("evidence of no fork", ANN, Evidence(*sorted((first.delta.id, one.delta.id))))
    s.may_not("evidence of what it has not seen", ANN, Evidence(*pair), cut=s.writing.down([one]))
    s.say(ANN, Evidence(*pair))
    s.may_not("evidence again", ANN, Evidence(*pair))
    return s


SCENES: tuple[Callable[[], Scene], ...] = (
    *(_shapes, _admissions, _open, _closed, _promotions, _demoted, _removals, _rank, _votes),
    *(_no_votes, _tightens, _full, _upgrades, _locked, _publisher, _quorum, _notice, _evidence),
)
"""In the order of the specification."""
