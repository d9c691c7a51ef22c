"""Histories about the code rule: constraints, approvals, releases and their migrations."""

from __future__ import annotations

from collections.abc import Callable

from covey.model import (
    Approve,
    DeltaId,
    MemberId,
    Never,
    Publisher,
    Put,
    Quorum,
    Tighten,
    Upgrade,
    limits,
)
from covey.model import Effect as StateEffect
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import manifest, release
from covey.testkit.vectors.scene import ANN, BEN, DORA, EMIL, NEXT, NOTE, OTHER, Scene

__all__ = ["CODE_SCENES"]

_KEYS = (ANN.member_id, BEN.member_id)


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


def _migrations() -> Scene:
    s = Scene()
    own, other = ANN.member_id, BEN.member_id
    s.say(ANN, entries=(Put("posts", own, b"v"),))
    upgrade, next_one = Upgrade(1, NEXT, ()), Upgrade(1, manifest("1.2.0", kind="more"), ())
    s.may("migration that writes its own owned entry", ANN, upgrade,
          entries=(Put("profiles", own, b"v"),))  # fmt: skip
    s.may("migration that writes what comes with its release", ANN, next_one,
          entries=(Put("extras", b"k", b"v"),))  # fmt: skip
    wrong: dict[str, tuple[str, StateEffect]] = {
        "another's owned entry": ("not-owner", Put("profiles", other, b"v")),
        "another's frozen entry": ("not-owner", Put("posts", other, b"v")),
        "a frozen entry again": ("frozen", Put("posts", own, b"w")),
        "what only another release has": ("unknown-collection", Put("extras", b"k", b"v")),
    }
    for text, (code, put) in wrong.items():
        s.may_not_migrate(f"migration that writes {text}", code, ANN, put)
    s.may_not("migration by a member", EMIL, upgrade, entries=NOTE)
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


CODE_SCENES: tuple[Callable[[], Scene], ...] = (
    *(_tightens, _full, _upgrades, _migrations, _locked, _publisher, _quorum, _notice),
)
"""In the order of the specification."""
