"""Who may do what: every standing, every action, every target, by the word of the judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from covey.model import ADMIN_ROLE, Admission, Evidence, Merge, Promote, Put, Vote
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device
from covey.testkit.rules.code import (
    approvals,
    approvals_of_two,
    migrations,
    new_constraints,
    releases_of_each_kind,
    tightens,
    upgrades,
)
from covey.testkit.rules.entries import plain_entries, role_entries
from covey.testkit.rules.people import PEOPLE, Ask, Quiet

__all__ = ["rules_table"]

_ANN, _BEN, _CARA, _DORA, _EMIL = (*PEOPLE.values(),)[:5]
_NEWER, _OLDER = "1.2.0", "0.9.0"
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
    return "\n".join(
        [_HEAD, *_about_entries(quiet), *_about_people(quiet), *_about_code(), _forks()]
    )


def _about_entries(quiet: Quiet) -> Iterator[str]:
    words = "The columns are rules of collections. What *frozen, again* puts, its author had put:"
    yield _section("Writing entries", words, plain_entries(quiet))
    words = "The same in collections for `editor` alone:"
    yield _section("", words, role_entries(quiet))


def _about_people(quiet: Quiet) -> Iterator[str]:
    yield _section("Letting in", "", _admissions(quiet))
    yield _section("Giving `admin`", "To whom:", _on_each(quiet, _promote(ADMIN_ROLE)))
    yield _section("Giving `editor`", "To whom:", _on_each(quiet, _promote("editor")))
    yield _section("Taking `admin`", "From whom:", _on_each(quiet, _demote(ADMIN_ROLE)))
    yield _section("Taking `editor`", "From whom:", _on_each(quiet, _demote("editor")))
    yield _section("Removing", "Whom:", _on_each(quiet, _close))
    words = "For the removal of whom, with an admin quorum of 2:"
    yield _section("Voting", words, _on_each(Quiet(admin_quorum=2), _vote))
    yield _section("", "Without an admin quorum:", _on_each(quiet, _vote))
    words = "The third founder voted for the removal of the first and of the second:"
    yield _section("Removing where there are votes", words, _on_each(_voted(), _close))


def _about_code() -> Iterator[str]:
    title = "Tightening"
    for words, constraint in new_constraints().items():
        yield _section(title, f"{words}, where the code rule has:", tightens(constraint))
        title = ""
    words = "A newer release, where the code rule has:"
    yield _section("Approving", words, approvals(_NEWER))
    words = "With that `quorum` of 2, where the member elsewhere has approved a release:"
    yield _section("", words, approvals_of_two(_NEWER, _OLDER))
    words = "A newer one whose approvals and notice are there, where the code rule has:"
    yield _section("Putting a release in force", words, upgrades(_NEWER, is_ready=True))
    yield _section("", "A newer one before that:", upgrades(_NEWER, is_ready=False))
    words = "An older one whose approvals are there:"
    yield _section("", words, upgrades(_OLDER, is_ready=True))
    words = "Where there is no constraint, one with:"
    yield _section("", words, releases_of_each_kind())
    words = "Where there is no constraint, one whose migration writes, or which has beside it:"
    yield _section("", words, migrations())


def _section(title: str, words: str, columns: Mapping[str, Ask]) -> str:
    lines = [f"## {title}", ""] if title else []
    if words:
        lines += [words, ""]
    lines.append("| | " + " | ".join(columns) + " |")
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, author in PEOPLE.items():
        cells = [ask(author) for ask in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _on_each(quiet: Quiet, ask: Callable[[Quiet, Identity, Identity], str]) -> dict[str, Ask]:
    def about(target: Identity) -> Ask:
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


def _vote(quiet: Quiet, author: Identity, target: Identity) -> str:
    return quiet.asked(author, Vote(target.device))


# -- admissions and votes ---------------------------------------------------------------------


def _admissions(quiet: Quiet) -> dict[str, Ask]:
    in_open = Quiet(admission=Admission.OPEN)

    def admit(where: Quiet, who: Identity) -> Ask:
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


# -- forks ------------------------------------------------------------------------------------


def _forks() -> str:
    return _section("Telling of a fork, merging", "", _evidence())


def _evidence() -> dict[str, Ask]:
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
