"""Scripted attacks on the code that a context runs: what each comes to."""

from __future__ import annotations

from collections.abc import Callable

from covey.model import Approve, Governance, Never, Publisher, Quorum, Tighten, Upgrade
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import device, manifest, release
from covey.testkit.oracle.quiet import PEOPLE, Outcome, Play, Script

__all__ = ["CODE_ATTACKS"]

_ANN, _BEN, _CARA, _DORA, _EMIL, _FRED, _GINA = range(7)
_NEXT = manifest("1.2.0")
_OTHER = manifest("1.2.0", "another")
_END_MS = 6000


def _upgrade(number: int, packed: bytes, *witnesses: Known) -> Governance:
    return Upgrade(number, packed, tuple(sorted(known.delta.id for known in witnesses)))


def _approve(number: int, packed: bytes) -> Governance:
    return Approve(number, release(packed))


def _kinds(p: Play) -> None:
    for kind in (
        "other-publisher",
        "other-package",
        "other-execution",
        "other-abi",
        "altered",
        "loosened",
        "fewer",
        "other-rule",
    ):
        p.move(_ANN, p.now, _upgrade(2, manifest("1.2.0", kind=kind)))


def _numbers(p: Play) -> None:
    for number in (1, 3):
        p.move(_ANN, p.now, _upgrade(number, _NEXT))
    p.move(_EMIL, p.now, _upgrade(2, _NEXT))


def _drops_collection(p: Play) -> None:
    """What a later release added is kept as well."""
    p.move(_ANN, p.now, _upgrade(2, manifest("1.2.0", kind="more")))
    p.move(_ANN, p.now, _upgrade(3, manifest("1.3.0")))


def _early_release(p: Play) -> None:
    """Calls under a release before it is in force, and after it is not any more."""
    p.move(_GINA, p.now, release=release(_NEXT))
    p.move(_ANN, p.now, _upgrade(2, _NEXT))
    p.move(_GINA, p.now, release=release(manifest("1.1.0")))
    p.move(_GINA, p.now)


def _downgrade(p: Play) -> None:
    for version in ("0.9.0", "1.0.0", "1.0.0-rc.1"):
        p.move(_ANN, p.now, _upgrade(1, manifest(version, "a downgrade")))
    p.move(_ANN, p.now, _upgrade(1, manifest("1.10.0")))
    p.move(_ANN, p.now, _upgrade(2, manifest("1.9.0")))


def _locked(p: Play) -> None:
    p.move(_ANN, p.now, _upgrade(1, _NEXT))
    p.move(_BEN, p.at("1 starts"), _upgrade(1, _NEXT))


def _tighten_against(p: Play) -> None:
    """A constraint more never replaces one: the charter's quorum binds as before."""
    own = Quorum(1, (PEOPLE[_DORA].member_id,), 0)
    p.move(_DORA, p.now, Tighten(own))
    p.move(_DORA, p.now, _approve(1, _NEXT))
    p.move(_ANN, p.now, _approve(1, _NEXT))
    p.move(_DORA, p.now, _upgrade(1, _NEXT))
    p.move(_BEN, p.now, _approve(1, _NEXT))
    p.move(_ANN, p.now, Tighten(own))
    p.move(_ANN, p.now, _upgrade(1, _NEXT))
    p.move(_EMIL, p.now, Tighten(Never()))


def _tighten_missed(p: Play) -> None:
    """An upgrade from a cut without the constraint falls, and calls under it with it."""
    before = p.now
    p.move(_ANN, p.now, Tighten(Quorum(1, (PEOPLE[_CARA].member_id,), 0)))
    p.move(_BEN, before, _upgrade(2, _NEXT))
    p.move(_GINA, before | p.made[-1].bit)
    p.move(_GINA, p.now)


def _tighten_spares(p: Play) -> None:
    """What a tighten follows stays, though it would not be allowed any more."""
    p.move(_ANN, p.now, Tighten(Never()))
    p.move(_GINA, p.now)
    p.move(_ANN, p.now, _upgrade(2, _NEXT))
    p.move(_ANN, p.now, Tighten(Never()))
    p.move(_ANN, p.now, Tighten(Publisher()))


def _stale_tighten(p: Play) -> None:
    """A junior's, on a branch of its own that an accomplice follows: its other branch is spared."""
    one = p.move(_DORA, p.at("3 up"), Tighten(Never()))
    p.move(_CARA, one.past | one.bit)


def _silent_tighten(p: Play) -> None:
    """A known limit: a founder who never wrote may have seen nothing; all that ran is mute."""
    p.move(_CARA, p.at("0 starts"), Tighten(Never()))


def _quorum(p: Play) -> None:
    """Approvals: too few, by no key, of another release or number, of one member twice."""
    p.move(_ANN, p.now, _upgrade(1, _NEXT))
    p.move(_GINA, p.now, _approve(1, _NEXT))
    p.move(_DORA, p.now, _approve(1, _NEXT))
    p.move(_ANN, p.now, _approve(2, _NEXT))
    p.move(_ANN, p.now, _approve(1, _NEXT))
    p.move(_ANN, p.now, _upgrade(1, _NEXT))
    second = device("ann", "second")
    p.move(_ANN, p.now, second.admit(p.writing.founding.context))
    p.move(second, p.now, _approve(1, _NEXT))
    p.move(_BEN, p.now, _approve(1, _OTHER))
    p.move(_ANN, p.now, _upgrade(1, _NEXT))
    p.move(_ANN, p.now, _upgrade(1, _OTHER))


def _one_key_twice(p: Play) -> None:
    """Two devices of one member approve, neither knowing of the other."""
    second = device("ann", "second")
    p.move(_ANN, p.now, second.admit(p.writing.founding.context))
    cut = p.now
    p.move(_ANN, cut, _approve(1, _NEXT))
    p.move(second, cut, _approve(1, _NEXT))
    p.move(_ANN, p.now, _upgrade(1, _NEXT))


def _replay(p: Play) -> None:
    """Approvals of a number and a release are of no other, nor of the next time round."""
    for who in (_ANN, _BEN):
        p.move(who, p.now, _approve(1, _NEXT))
    p.move(_ANN, p.now, _upgrade(1, _OTHER))
    p.move(_ANN, p.now, _upgrade(1, _NEXT))
    p.move(_ANN, p.now, _upgrade(2, _NEXT))
    p.move(_ANN, p.now, _upgrade(2, _OTHER))


def _unseen(p: Play) -> None:
    """Approvals that the upgrade does not follow, and those of a closed key."""
    before = p.now
    for who in (_ANN, _BEN):
        p.move(who, p.now, _approve(1, _NEXT))
    p.move(_CARA, before, _upgrade(1, _NEXT))
    p.move(_CARA, before, _approve(1, _OTHER))
    cara = before | p.made[-1].bit
    p.move(_ANN, p.now & ~p.made[-1].bit, *p.closes(before, (_CARA,)))
    p.move(_BEN, p.now, _approve(1, _OTHER))
    p.move(_ANN, p.now, _upgrade(1, _OTHER))
    p.move(_GINA, cara)


def _void_witness(p: Play) -> None:
    """A witness that was closed before it saw the approvals."""
    before = p.now
    _approved(p, _END_MS)
    seen = p.move(_GINA, p.now, at_ms=_END_MS + 100)
    p.move(_ANN, before | p.made[0].bit, *p.closes(before, (_GINA,)))
    p.move(_BEN, p.now, _upgrade(1, _NEXT, seen), at_ms=_END_MS + 5000)


def _approved(p: Play, at_ms: int) -> None:
    for who in (_ANN, _BEN):
        p.move(who, p.now, _approve(1, _NEXT), at_ms=at_ms)


def _notice(p: Play) -> None:
    """No witness, one with a key, one from before, one not followed, one too young; the right."""
    before = p.last(_GINA)
    _approved(p, _END_MS)
    by_key = p.move(_CARA, p.now, at_ms=_END_MS)
    base = p.now
    aside = p.move(_FRED, base, at_ms=_END_MS)
    by_gina = p.move(_GINA, base, at_ms=_END_MS + 100)
    seen = base | by_gina.bit
    late = _END_MS + 5000
    p.move(_ANN, seen, _upgrade(1, _NEXT), at_ms=late)
    for witness in (by_key, before, aside):
        p.move(_ANN, seen, _upgrade(1, _NEXT, witness), at_ms=late)
    p.move(_ANN, seen, _upgrade(1, _NEXT, by_gina), at_ms=_END_MS + 1099)
    p.move(_ANN, seen, _upgrade(1, _NEXT, by_gina), at_ms=_END_MS + 1100)


def _back_dated(p: Play) -> None:
    """Key holders date approvals and a witness of their own back: no notice runs."""
    for who in (_CARA, _ANN):
        p.move(who, p.writing.down(p.made) if p.made else 0, _approve(1, _NEXT))
    p.move(_CARA, p.writing.down(p.made))
    witness = p.made[-1]
    p.move(_BEN, p.now, _upgrade(1, _NEXT, witness), at_ms=_END_MS)


def _back_dated_by_sock(p: Play) -> None:
    """A known limit: whoever key holders let in may be their witness, dated back with them."""
    sock = device("sock")
    p.move(_CARA, 0, _approve(1, _NEXT))
    p.move(_BEN, p.at("1 starts") | p.made[0].bit, _approve(1, _NEXT))
    p.move(_CARA, p.writing.down(p.made), sock.admit(p.writing.founding.context))
    witness = p.move(sock, p.writing.down(p.made))
    p.move(_CARA, p.now, _upgrade(1, _NEXT, witness), at_ms=_END_MS)


def _script(play: Callable[[Play], None], lost: int, *moves: str, rule: str = "free") -> Script:
    return Script(play, Outcome(lost, moves), rule)


_S = "stands"
CODE_ATTACKS: dict[str, Script] = {
    "manifests of other kinds": _script(
        _kinds,
        0,
        *["other-application"] * 2,
        *["other-execution"] * 2,
        "bad-manifest",
        *["collection-changed"] * 3,
    ),
    "numbers, no admin": _script(_numbers, 0, "wrong-number", "wrong-number", "no-admin"),
    "a collection dropped": _script(_drops_collection, 0, _S, "collection-changed"),
    "a release too early": _script(_early_release, 0, "wrong-release", _S, "wrong-release", _S),
    "downgrade": _script(
        _downgrade, 0, *["no-newer-version"] * 3, _S, "no-newer-version", rule="publisher"
    ),
    "locked": _script(_locked, 0, "locked", "locked", rule="never"),
    "tighten to replace a quorum": _script(
        _tighten_against,
        0,
        *[_S, _S, _S, "not-approved", _S, "tightened-already", _S, "no-admin"],
        rule="quorum",
    ),
    "upgrade that missed a tighten": _script(_tighten_missed, 0, _S, "mute", "mute", _S),
    "tighten after an upgrade": _script(
        _tighten_spares, 0, _S, _S, "locked", "tightened-already", _S
    ),
    "stale tighten of a junior": _script(_stale_tighten, 0, _S, _S),
    "silent founder's tighten": _script(_silent_tighten, 49, _S),
    "approvals that are none": _script(
        _quorum,
        0,
        *["not-approved", "no-key", "no-key", "wrong-number", _S, "not-approved", _S],
        *["approved-already", _S, "not-approved", "not-approved"],
        rule="quorum",
    ),
    "one key twice": _script(_one_key_twice, 0, _S, _S, _S, "not-approved", rule="quorum"),
    "notice by a void witness": _script(
        _void_witness, 0, _S, _S, "void", _S, "notice", rule="notice"
    ),
    "approvals replayed": _script(
        _replay, 0, _S, _S, "not-approved", _S, "not-approved", "not-approved", rule="quorum"
    ),
    "approvals unseen, of a closed key": _script(
        _unseen, 0, _S, _S, "not-approved", "void", _S, _S, "not-approved", _S, rule="quorum"
    ),
    "notice": _script(
        _notice,
        0,
        *[_S] * 5,
        *["notice"] * 3,
        "wrong-witness",
        "notice",
        _S,
        rule="notice",
    ),
    "notice dated back by key holders": _script(
        _back_dated, 0, _S, _S, _S, "notice", rule="notice"
    ),
    "notice dated back with a sock": _script(_back_dated_by_sock, 0, *[_S] * 5, rule="notice"),
}
