"""Scripted deltas that no honest node writes, one for each remaining code of refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.model import (
    ADMIN_ROLE,
    Admit,
    Close,
    Demote,
    Join,
    MemberId,
    Merge,
    Promote,
    Put,
    Quorum,
    Signature,
    Tighten,
    Upgrade,
    Vote,
    limits,
)
from covey.testkit.oracle.people import device, manifest, turncoat
from covey.testkit.oracle.quiet import PEOPLE, Outcome, Play, Script

__all__ = ["FORM_ATTACKS"]

_ANN, _BEN, _CARA, _DORA, _EMIL, _FRED, _GINA = range(7)
_SOCK = device("sock")
_NOTE = (Put("notes", b"k", b"v"),)


def _shapes(p: Play) -> None:
    next_one, context = Upgrade(2, manifest("1.2.0"), ()), p.writing.founding.context
    p.move(_ANN, p.now, Merge(), _SOCK.admit(context))
    p.move(_ANN, p.now, Merge(), entries=_NOTE)
    p.move(_ANN, p.now, next_one, _SOCK.admit(context))
    p.move(_ANN, p.now, _SOCK.admit(context), entries=_NOTE)
    p.move(_ANN, p.now, _SOCK.admit(context), _SOCK.admit(context))
    sock = device("sock", "second")
    p.move(_ANN, p.now, sock.admit(context), turncoat("sock", "second", "ann").admit(context))
    gina = PEOPLE[_GINA].device
    p.move(_ANN, p.now, Promote(gina, "editor"), p.writing.demote(p.now, gina, "editor"))
    p.move(_ANN, p.now, p.writing.close(p.now, gina), Close(gina, ()))
    p.move(_ANN, p.now, next_one, entries=_NOTE)


def _admissions(p: Play) -> None:
    context, certificate = p.writing.founding.context, _SOCK.certificate
    good = _SOCK.admit(context)
    p.move(
        _ANN, p.now, replace(good, join=Join(b"i" * 32, good.join.signature, Signature(b"s" * 64)))
    )
    forged = replace(certificate, member=PEOPLE[_GINA].member_id)
    p.move(_ANN, p.now, Admit(forged, good.join))
    p.move(_ANN, p.now, Admit(certificate, device("other sock").join(context)))
    p.move(_ANN, p.now, PEOPLE[_GINA].admit(context))
    p.move(_EMIL, p.now, good)
    p.move(_EMIL, p.now, turncoat("sock", "first", "gina").admit(context))
    p.move(_EMIL, p.now, device("emil", "second").admit(context))


def _removals(p: Play) -> None:
    gina = PEOPLE[_GINA].device
    p.move(_ANN, p.now, Promote(gina, "queen"))
    p.move(_ANN, p.now, Promote(_SOCK.device, "editor"))
    p.move(_ANN, p.now, Demote(gina, "queen", p.writing.tips(p.now, gina)))
    p.move(_ANN, p.now, Close(gina, ()))
    p.move(_ANN, p.now, Close(gina, p.writing.tips(p.at("round 1 of 6"), gina)))
    p.move(_ANN, p.now, Close(_SOCK.device, ()))
    p.move(_ANN, p.now, Vote(PEOPLE[_BEN].device))
    p.move(_GINA, p.now, *p.closes(p.now, (_GINA,)))
    p.move(_GINA, p.now)


def _essays(p: Play) -> None:
    """A role is needed at the cut, and lost with what gave it."""
    essay, emil = (Put("essays", b"k", b"v"),), PEOPLE[_EMIL].device
    p.move(_EMIL, p.now, Promote(emil, "editor"))
    written = p.writing.write(PEOPLE[_EMIL], p.now, (), essay)
    p.made.append(written)
    before = p.now
    p.move(_DORA, before, Promote(emil, "editor"))
    p.made.append(p.writing.write(PEOPLE[_EMIL], p.now, (), essay))
    p.s |= p.made[-1].bit
    p.move(_ANN, before | p.made[-2].bit, p.writing.demote(before, emil, "editor"))


def _two_promotions(p: Play) -> None:
    """Of two the author saw one, which falls; the other serves what follows it alone."""
    emil, before = PEOPLE[_EMIL].device, p.now
    p.move(_BEN, before, Promote(emil, "editor"))
    seen = p.move(_DORA, before, Promote(emil, "editor"))
    cut = seen.past | seen.bit
    p.move(_EMIL, cut, entries=(Put("essays", b"k", b"v"),))
    p.move(_ANN, before, p.writing.demote(before, PEOPLE[_DORA].device, ADMIN_ROLE))
    p.move(_EMIL, p.now, entries=(Put("essays", b"k", b"w"),))


def _constraints(p: Play) -> None:
    many = [Tighten(Quorum(1, (MemberId(b"%032d" % n),), 0)) for n in range(limits.CONSTRAINTS_MAX)]
    p.move(_ANN, p.now, *many)
    p.move(_ANN, p.now, Tighten(Quorum(1, (MemberId(b"k" * 32),), 0)))


def _forked_author(p: Play) -> None:
    """Nobody writes with its own fork in the cut, or tells of one that is told."""
    p.move(_EMIL, p.last(_EMIL).past)
    p.move(_EMIL, p.now)
    news = p.writing.news(p.now)
    p.move(_GINA, p.now, *news)
    p.move(_FRED, p.now, *news)
    p.move(_BEN, p.now, Promote(PEOPLE[_FRED].device, ADMIN_ROLE))


def _script(play: Callable[[Play], None], *moves: str) -> Script:
    return Script(play, Outcome(0, moves))


_S = "stands"
FORM_ATTACKS: dict[str, Script] = {
    "shapes": _script(
        _shapes,
        *["wrong-merge", "wrong-merge", "wrong-upgrade", "mixed", "admitted-already"],
        *["admitted-already", "said-twice", "said-twice", _S],
    ),
    "admissions": _script(
        _admissions,
        *["admission", "bad-certificate", "bad-join", "admitted-already", "no-admin", "no-admin"],
        _S,
    ),
    "removals": _script(
        _removals,
        *["unknown-role", "no-member", "unknown-role", "wrong-tips", "wrong-tips", "no-member"],
        *["no-quorum", _S, "not-admitted"],
    ),
    "essays": _script(_essays, "no-admin", "role-missing", _S, "void", _S),
    "two promotions": _script(_two_promotions, _S, "void", "void", _S, _S),
    "constraints": _script(_constraints, _S, "too-many"),
    "own fork, old news": _script(_forked_author, "stands", "own-fork", _S, "known-already", _S),
}
