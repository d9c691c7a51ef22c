"""What is asked about the code rule: tightening it, approving, and putting releases in force."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.crypto import sha256
from covey.model import (
    Approve,
    Constraint,
    DeltaId,
    Effect,
    Never,
    Publisher,
    Put,
    Quorum,
    Tighten,
    Upgrade,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device
from covey.testkit.rules.people import PEOPLE, Ask, Quiet
from covey.testkit.rules.releases import BADGES, kinds, manifest, release

__all__ = [
    "approvals",
    "approvals_of_two",
    "migrations",
    "new_constraints",
    "releases_of_each_kind",
    "tightens",
    "upgrades",
]

_ANN, _BEN, _EMIL, _GINA = (
    PEOPLE[name]
    for name in ("first founder", "second founder", "member below it", "member elsewhere")
)
_KEYS = tuple(sorted(who.member_id for who in (_ANN, _BEN, _GINA)))
_QUORUM = Quorum(2, _KEYS, 0)
_RULES: dict[str, tuple[Constraint, ...]] = {
    "no constraint": (),
    "`publisher`": (Publisher(),),
    "`quorum` of 2": (_QUORUM,),
    "and a notice": (replace(_QUORUM, notice_ms=1_000),),
    "`never`": (Never(),),
}
_ANOTHERS = device("somebody else").member_id


def _under_each(ask: Callable[[Quiet, Identity], str]) -> dict[str, Ask]:
    def under(constraints: tuple[Constraint, ...]) -> Ask:
        quiet = Quiet(*constraints)
        return lambda author: ask(quiet, author)

    return {name: under(constraints) for name, constraints in _RULES.items()}


# -- constraints ---------------------------------------------------------------------------------


def new_constraints() -> dict[str, Callable[[Identity], Constraint]]:
    """What may be added to the code rule; some of it is another one for each who says it."""
    return {
        "By `never`": lambda _: Never(),
        "By `publisher`": lambda _: Publisher(),
        "By that `quorum` of 2, without a notice": lambda _: _QUORUM,
        "By a `quorum` of its own key alone": lambda who: Quorum(1, (who.member_id,), 0),
    }


def tightens(constraint: Callable[[Identity], Constraint]) -> dict[str, Ask]:
    """That constraint, where the code rule has one already."""
    return _under_each(lambda quiet, author: quiet.asked(author, Tighten(constraint(author))))


# -- approvals -----------------------------------------------------------------------------------


def approvals(version: str) -> dict[str, Ask]:
    """A release of that version."""
    approve = Approve(1, release(manifest(version)))
    words = _under_each(lambda quiet, author: quiet.asked(author, approve))
    return {**words, "whose keys": _whose_keys}


def _whose_keys(author: Identity) -> str:
    return "a key" if author.member_id in _KEYS else ""


def approvals_of_two(version: str, other: str) -> dict[str, Ask]:
    """Two of three must approve, and the member elsewhere has approved the first of these."""
    quiet, (one, two) = Quiet(_QUORUM), (release(manifest(each)) for each in (version, other))
    quiet.say(_GINA, Approve(1, one))
    return {
        "the same release": lambda author: quiet.asked(author, Approve(1, one)),
        "another one": lambda author: quiet.asked(author, Approve(1, two)),
        "the same as number 2": lambda author: quiet.asked(author, Approve(2, one)),
    }


# -- upgrades ------------------------------------------------------------------------------------


def upgrades(version: str, *, is_ready: bool) -> dict[str, Ask]:
    """is_ready: approvals are there, and a notice has passed."""
    packed = manifest(version)

    def under(constraints: tuple[Constraint, ...]) -> Ask:
        quiet = Quiet(*constraints)
        upgrade, at_ms = Upgrade(1, packed, ()), 0
        if is_ready and any(isinstance(each, Quorum) for each in constraints):
            for who in (_ANN, _BEN):
                quiet.say(who, Approve(1, release(packed)), at_ms=100)
            witness, at_ms = quiet.say(_EMIL, at_ms=200), 1_200
            upgrade = replace(upgrade, witnesses=(witness.id,))
        return lambda author: quiet.asked(author, upgrade, at_ms=at_ms)

    return {name: under(constraints) for name, constraints in _RULES.items()}


def releases_of_each_kind() -> dict[str, Ask]:
    """Releases of every kind, and numbers and witnesses that are none."""
    quiet, later = Quiet(), Quiet()
    later.say(_ANN, Upgrade(1, manifest("1.1.0"), ()))
    nowhere = DeltaId(sha256(b"nobody wrote this"))

    def put(where: Quiet, upgrade: Upgrade) -> Ask:
        return lambda author: where.asked(author, upgrade)

    newer = manifest("1.2.0")
    return {
        **{name: put(quiet, Upgrade(1, packed, ())) for name, packed in kinds().items()},
        "a witness from nowhere": put(quiet, Upgrade(1, newer, (nowhere,))),
        "the number in force": put(later, Upgrade(1, newer, ())),
        "a number skipped": put(later, Upgrade(3, newer, ())),
    }


def migrations() -> dict[str, Ask]:
    """An upgrade with a call, by what that writes, and what else does not belong in one."""
    quiet = Quiet()
    for who in (*PEOPLE.values(),)[:-2]:
        quiet.say(who, entries=(Put("posts", who.member_id + who.device, b"v"),))

    def write(effect: Callable[[Identity], Effect], kind: str = "the same collections") -> Ask:
        upgrade = Upgrade(1, kinds()[kind], ())
        return lambda author: quiet.asked(author, upgrade, entries=(effect(author),))

    upgrade = Upgrade(1, kinds()["the same collections"], ())
    note = (Put("notes", b"k", b"v"),)
    return {
        "a register": write(lambda _: note[0]),
        "its own `owned`": write(lambda who: Put("profiles", who.member_id, b"v")),
        "another's `owned`": write(lambda _: Put("profiles", _ANOTHERS, b"v")),
        "its own `frozen`": write(lambda who: Put("posts", who.member_id, b"v")),
        "that again": write(lambda who: Put("posts", who.member_id + who.device, b"w")),
        "another's `frozen`": write(lambda _: Put("posts", _ANOTHERS, b"v")),
        "for `admin`": write(lambda _: Put("rules", b"k", b"v")),
        "`owned` for `editor`": write(lambda who: Put(BADGES, who.member_id, b"v")),
        "what the release brings": write(lambda _: Put("extras", b"k", b"v"), "one more"),
        "what it does not": write(lambda _: Put("extras", b"k", b"v")),
        "a call that is no migration": lambda author: quiet.asked(
            author, upgrade, entries=note, method="change"
        ),
        "a `tighten`": lambda author: quiet.asked(author, upgrade, Tighten(Never())),
    }
