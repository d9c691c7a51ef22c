"""Who may do what: every standing, every action, every target, by the word of the judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from covey.model import (
    ADMIN_ROLE,
    Add,
    Admission,
    Approve,
    Constraint,
    Delete,
    Effect,
    Evidence,
    Merge,
    Never,
    Promote,
    Publisher,
    Put,
    Quorum,
    Tighten,
    Upgrade,
    Vote,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device, manifest, release
from covey.testkit.rules.people import PEOPLE, Quiet

__all__ = ["rules_table"]

_Ask = Callable[[Identity], str]
_NEXT, _OLD = manifest("1.2.0"), manifest("0.9.0")
_ANN, _BEN, _CARA, _DORA, _EMIL, _FRED, _GINA = (*PEOPLE.values(),)[:7]
_KEYS = (_ANN.member_id, _BEN.member_id, _GINA.member_id)
_RULES: dict[str, tuple[Constraint, ...]] = {
    "no constraint": (),
    "`publisher`": (Publisher(),),
    "`quorum` of 2": (Quorum(2, _KEYS, 0),),
    "and a notice": (Quorum(2, _KEYS, 1_000),),
    "`never`": (Never(),),
}
_HEAD = """# Who may do what

This page is written by `python scripts/rules_table.py`: every cell is what a node's judgement said
to a delta, signed by that device, which follows everything. A word in code is the rule that refuses
it ([registry](../../protocols/registry.md)); the rules are in
[governance.md](../../protocols/governance.md).

The context has three founders. The second of them let the later admin in, who let in the member and
the editor below it; the first let in the member elsewhere, which has a second device, and one that
was removed again. Beside the founders and the later admin nobody has a role, except that the editor
has `editor`. Admission is closed where nothing else is said.
"""


def rules_table() -> str:
    """The whole page."""
    quiet = Quiet()
    parts = [
        _HEAD,
        _section("Writing entries", "The columns are rules of collections.", _entries(quiet)),
        _section("Letting in", "", _admissions(quiet)),
        _section("Giving `admin`", "To whom:", _on_each(quiet, _promote(ADMIN_ROLE))),
        _section("Giving `editor`", "To whom:", _on_each(quiet, _promote("editor"))),
        _section("Taking `admin`", "From whom:", _on_each(quiet, _demote(ADMIN_ROLE))),
        _section("Taking `editor`", "From whom:", _on_each(quiet, _demote("editor"))),
        _section("Removing", "Whom:", _on_each(quiet, _close)),
        _section(
            "Voting", "For the removal of whom, with an admin quorum of 2:",
            _on_each(Quiet(admin_quorum=2), lambda q, a, t: q.asked(a, Vote(t.device))),
        ),
        _section(
            "Removing where there are votes",
            "The third founder voted for the removal of the first and of the second:",
            _on_each(_voted(), _close),
        ),
        _section("Tightening", "By `never`, where the code rule has:", _tightens()),
        _section("Approving", "A newer release, where the code rule has:", _approvals()),
        _section(
            "Putting a release in force",
            "A newer one whose approvals and notice are there, where the code rule has:",
            _upgrades(_NEXT, is_ready=True),
        ),
        _section("", "A newer one before that:", _upgrades(_NEXT, is_ready=False)),
        _section("", "An older one whose approvals are there:", _upgrades(_OLD, is_ready=True)),
        _section("Telling of a fork, merging", "", _evidence()),
    ]  # fmt: skip
    return "\n".join(parts)


def _section(title: str, words: str, columns: Mapping[str, _Ask]) -> str:
    lines = [f"## {title}", ""] if title else []
    if words:
        lines += [words, ""]
    lines.append("| | " + " | ".join(columns) + " |")
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, author in PEOPLE.items():
        cells = [ask(author) for ask in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _on_each(
    quiet: Quiet, ask: Callable[[Quiet, Identity, Identity], str]
) -> dict[str, Callable[[Identity], str]]:
    def about(target: Identity) -> _Ask:
        return lambda author: ask(quiet, author, target)

    return {name: about(target) for name, target in PEOPLE.items()}


def _promote(role: str) -> Callable[[Quiet, Identity, Identity], str]:
    return lambda quiet, author, target: quiet.asked(author, Promote(target.device, role))


def _demote(role: str) -> Callable[[Quiet, Identity, Identity], str]:
    def ask(quiet: Quiet, author: Identity, target: Identity) -> str:
        writing = quiet.writing
        return quiet.asked(author, writing.demote(writing.admitted, target.device, role))

    return ask


def _close(quiet: Quiet, author: Identity, target: Identity) -> str:
    return quiet.asked(author, quiet.writing.close(quiet.writing.admitted, target.device))


# -- entries and admissions --------------------------------------------------------------------


def _entries(quiet: Quiet) -> dict[str, _Ask]:
    def put(*effects: Effect) -> _Ask:
        return lambda author: quiet.asked(author, entries=effects)

    def own(collection: str) -> _Ask:
        return lambda author: quiet.asked(
            author, entries=(Put(collection, author.member_id, b"v"),)
        )

    other = device("somebody else").member_id
    quiet.say(_ANN, entries=(Put("posts", _ANN.member_id + b"1", b"v"),))
    return {
        "register": put(Put("notes", b"k", b"w")),
        "counter": put(Add("likes", b"k", 1)),
        "frozen, new": own("posts"),
        "frozen, again": put(Put("posts", _ANN.member_id + b"1", b"w")),
        "frozen, delete": put(Delete("posts", _ANN.member_id + b"1")),
        "owned, one's own": own("profiles"),
        "owned, another's": put(Put("profiles", other, b"v")),
        "for `admin`, `editor`": put(Put("essays", b"k", b"v")),
        "for `admin`": put(Put("rules", b"k", b"v")),
    }


def _admissions(quiet: Quiet) -> dict[str, _Ask]:
    in_open = Quiet(admission=Admission.OPEN)

    def admit(where: Quiet, who: Identity) -> _Ask:
        return lambda author: where.asked(author, who.admit(where.writing.founding.context))

    def own_device(author: Identity) -> str:
        new = device(author.name, "new")
        return quiet.asked(author, new.admit(quiet.writing.founding.context))

    new_device = device("hugo", "another")
    return {
        "a stranger": admit(quiet, device("newcomer")),
        "a stranger, where admission is open": admit(in_open, device("newcomer")),
        "a further device of its own": own_device,
        "a member": admit(quiet, _EMIL),
        "a founder": admit(quiet, _CARA),
        "the removed device": admit(quiet, PEOPLE["removed device"]),
        "another device of the removed one's member": admit(quiet, new_device),
    }


def _voted() -> Quiet:
    quiet = Quiet(admin_quorum=2)
    quiet.say(_CARA, Vote(_ANN.device), Vote(_BEN.device))
    return quiet


# -- releases ----------------------------------------------------------------------------------


def _under_each(ask: Callable[[Quiet, Identity], str]) -> dict[str, _Ask]:
    def under(constraints: tuple[Constraint, ...]) -> _Ask:
        quiet = Quiet(*constraints)
        return lambda author: ask(quiet, author)

    return {name: under(constraints) for name, constraints in _RULES.items()}


def _tightens() -> dict[str, _Ask]:
    return _under_each(lambda quiet, author: quiet.asked(author, Tighten(Never())))


def _approvals() -> dict[str, _Ask]:
    words = _under_each(lambda quiet, author: quiet.asked(author, Approve(1, release(_NEXT))))
    return {**words, "whose keys": _whose_keys}


def _whose_keys(author: Identity) -> str:
    return "a key" if author.member_id in _KEYS else ""


def _upgrades(packed: bytes, *, is_ready: bool) -> dict[str, _Ask]:
    def under(constraints: tuple[Constraint, ...]) -> _Ask:
        quiet = Quiet(*constraints)
        upgrade, at_ms = Upgrade(1, packed, ()), 0
        if is_ready and any(isinstance(each, Quorum) for each in constraints):
            for who in (_ANN, _BEN):
                quiet.say(who, Approve(1, release(packed)), at_ms=100)
            witness, at_ms = quiet.say(_EMIL, at_ms=200), 1_200
            upgrade = replace(upgrade, witnesses=(witness.id,))
        return lambda author: quiet.asked(author, upgrade, at_ms=at_ms)

    return {name: under(constraints) for name, constraints in _RULES.items()}


def _evidence() -> dict[str, _Ask]:
    quiet, told = _forked(), _forked()
    fork, known = _pair(quiet), _pair(told)
    told.say(_DORA, known)
    no_fork = Evidence(*sorted(delta.id for delta in quiet.writing.deltas[:2]))
    return {
        "a fork of the third founder": lambda author: quiet.asked(author, fork),
        "one that is told": lambda author: told.asked(author, known),
        "what is no fork": lambda author: quiet.asked(author, no_fork),
        "merging heads": lambda author: quiet.asked(author, Merge()),
    }


def _forked() -> Quiet:
    quiet = Quiet()
    before = quiet.writing.admitted
    for value in (b"one", b"other"):
        quiet.say(_CARA, entries=(Put("notes", b"k", value),), cut=before)
    return quiet


def _pair(quiet: Quiet) -> Evidence:
    (news,) = quiet.writing.news(quiet.writing.admitted)
    assert isinstance(news, Evidence)
    return news
