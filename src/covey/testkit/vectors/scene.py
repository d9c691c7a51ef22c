"""A small history of governance, and deltas that may follow it and such that may not."""

from __future__ import annotations

from covey.model import (
    ADMIN_ROLE,
    Admission,
    Admit,
    Close,
    Constraint,
    Demote,
    Governance,
    Promote,
    Put,
    Upgrade,
)
from covey.model import Effect as StateEffect
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import device, manifest, start
from covey.testkit.oracle.writing import Writing

__all__ = [
    "ANN", "BEN", "CARA", "DORA", "EMIL", "NEXT", "NOTE", "OTHER", "SOCK", "Scene",
]  # fmt: skip

ANN, BEN, CARA = device("ann"), device("ben"), device("cara")
DORA, EMIL, SOCK = device("dora"), device("emil"), device("sock")
NEXT, OTHER = manifest("1.2.0"), manifest("1.2.0", "another")
NOTE: tuple[StateEffect, ...] = (Put("notes", b"k", b"v"),)


class Scene:
    """A history, by default of ann and ben, who let dora in, an admin, and emil through her.

    base: its deltas. good, bad: what may and may not be written next, each by its name. codes: of
    what the rules of entries refuse, which the oracle does not know.
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
        self.codes: dict[str, str] = {}
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

    def may_not_migrate(self, name: str, code: str, author: Identity, *put: StateEffect) -> None:
        """What no upgrade may have its migration write."""
        self.may_not(name, author, Upgrade(1, NEXT, ()), entries=put)
        self.codes[name] = code

    def _write(
        self,
        author: Identity,
        said: tuple[Governance, ...],
        cut: int | None = None,
        entries: tuple[StateEffect, ...] | None = None,
        at_ms: int = 0,
        method: str = "",
    ) -> Known:
        note = () if said else NOTE
        put = note if entries is None else entries
        base = self.now if cut is None else cut
        return self.writing.write(author, base, said, put, at_ms=at_ms, method=method)

    def admit(self, who: Identity) -> Admit:
        """An admission there."""
        return who.admit(self.writing.founding.context)

    def close(self, who: Identity, cut: int | None = None) -> Close:
        """A close with its tips."""
        return self.writing.close(self.now if cut is None else cut, who.device)

    def demote(self, who: Identity, role: str, cut: int | None = None) -> Demote:
        """A demote with its tips."""
        return self.writing.demote(self.now if cut is None else cut, who.device, role)
