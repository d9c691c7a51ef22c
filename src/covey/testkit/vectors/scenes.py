"""Small histories of governance, each with deltas that may follow it and such that may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.model import (
    ADMIN_ROLE,
    Admission,
    Admit,
    Close,
    DeltaId,
    Demote,
    Evidence,
    Join,
    Merge,
    Promote,
    Put,
    Signature,
    Upgrade,
    Vote,
)
from covey.model import Effect as StateEffect
from covey.testkit.oracle.people import device
from covey.testkit.vectors.code_scenes import CODE_SCENES
from covey.testkit.vectors.scene import ANN, BEN, CARA, DORA, EMIL, NEXT, NOTE, SOCK, Scene

__all__ = ["SCENES"]

_ESSAY: tuple[StateEffect, ...] = (Put("essays", b"k", b"v"),)


def _shapes() -> Scene:
    s = Scene()
    s.may("merge", ANN, Merge())
    s.may_not("merge with an admission", ANN, Merge(), s.admit(SOCK))
    s.may_not("merge with a call", ANN, Merge(), entries=NOTE)
    s.may("upgrade with its migration", ANN, Upgrade(1, NEXT, ()), entries=NOTE)
    call = {"entries": NOTE, "method": "change"}
    s.may_not("upgrade with a call that is no migration", ANN, Upgrade(1, NEXT, ()), **call)
    s.may_not("upgrade with an admission", ANN, Upgrade(1, NEXT, ()), s.admit(SOCK))
    s.may_not("admission with a call", ANN, s.admit(SOCK), entries=NOTE)
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
    *(_no_votes, *CODE_SCENES, _evidence),
)
"""In the order of the specification."""
