"""A quiet context with somebody of every standing, and what a node says to a wish of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.model import (
    ADMIN_ROLE,
    Admission,
    Constraint,
    Delta,
    Denied,
    Effect,
    Governance,
    Promote,
    Put,
)
from covey.sync import Admissible
from covey.testkit.history import START_MS
from covey.testkit.identities import Identity, identity
from covey.testkit.oracle.oracle import Oracle
from covey.testkit.oracle.people import device, start
from covey.testkit.oracle.writing import Writing
from covey.testkit.playbook import Stage
from covey.testkit.rules.releases import FIRST, manifest, release

__all__ = ["PEOPLE", "Ask", "Quiet"]

Ask = Callable[[Identity], str]
"""What is said to somebody who does something."""

PEOPLE: dict[str, Identity] = {
    "first founder": device("ann"),
    "second founder": device("ben"),
    "third founder": device("cara"),
    "later admin": device("dora"),
    "member below it": device("emil"),
    "editor below it": device("fred"),
    "member elsewhere": device("gina"),
    "its second device": device("gina", "second"),
    "removed device": device("hugo"),
    "stranger": device("sock"),
}
"""By standing. The second founder let the later admin in; the first those elsewhere."""

_YES = "yes"
_LATE_MS = START_MS + 10**9


class Quiet:
    """Everybody has written once, and everybody has seen everything."""

    def __init__(
        self,
        *constraints: Constraint,
        admission: Admission = Admission.CLOSED,
        admin_quorum: int = 0,
    ) -> None:
        ann, ben, cara, dora, emil, fred, gina, second, hugo, _ = PEOPLE.values()
        plain = start(
            ann, ben, cara,
            admission=admission, constraints=constraints, admin_quorum=admin_quorum,
        )  # fmt: skip
        first = release(manifest(FIRST.version))
        founding = replace(plain.again(release=first), collections=FIRST.collections)
        self.writing = Writing(founding)
        self.writing.oracle = Oracle(founding.charter, FIRST, self.writing.history)
        self.stage = Stage(founding, identity("watcher"), now=_LATE_MS / 1_000)
        context = founding.context
        self.say(ben, dora.admit(context))
        self.say(ben, Promote(dora.device, ADMIN_ROLE))
        self.say(dora, emil.admit(context), fred.admit(context))
        self.say(ann, gina.admit(context), hugo.admit(context))
        self.say(gina, second.admit(context))
        self.say(ann, Promote(fred.device, "editor"))
        for who in (*PEOPLE.values(),)[:-1]:
            self.say(who)
        self.say(ann, self.writing.close(self.writing.admitted, hugo.device))

    def say(
        self,
        author: Identity,
        *said: Governance,
        entries: tuple[Effect, ...] | None = None,
        cut: int | None = None,
        at_ms: int = 0,
    ) -> Delta:
        """Something that is there before anybody asks; with nothing to say a note."""
        note: tuple[Effect, ...] = (Put("notes", b"k", b"v"),)
        put = ((), note)[not said] if entries is None else entries
        base = self.writing.admitted if cut is None else cut
        known = self.writing.write(author, base, said, put, at_ms=at_ms)
        self.stage.receive(known.delta)
        assert self.stage.replica.ledger.is_applied(known.delta.id), "a quiet context is honest"
        return known.delta

    def asked(
        self,
        author: Identity,
        *said: Governance,
        entries: tuple[Effect, ...] = (),
        method: str = "",
        at_ms: int = 0,
    ) -> str:
        """What a node says to that as the next delta: yes, or the code of the rule.

        The oracle, which knows all rules but those of entries, must say the same.
        """
        base = self.writing.admitted
        known = self.writing.write(author, base, said, entries, at_ms=at_ms, method=method)
        judged = self.stage.replica.judge.judge(known.delta, _LATE_MS)
        code = self.writing.code(known)
        self.writing.forget(known)
        assert isinstance(judged, Admissible | Denied)
        answer = judged.code if isinstance(judged, Denied) else ""
        assert answer == code or (entries and not code), f"the oracle says {code!r}, not {answer!r}"
        return f"`{answer}`" if answer else _YES
