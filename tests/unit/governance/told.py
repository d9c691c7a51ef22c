"""A history as the oracle's helpers write it, and a replica that is told of each delta at once."""

from __future__ import annotations

from covey.governance import Authority, CodeRule, Placed
from covey.model import DeltaId, Effect, Governance, Put, ReleaseId, Tip
from covey.rules import silent_tips
from covey.testkit.history import START_MS
from covey.testkit.identities import Founding, Identity, identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import device
from covey.testkit.oracle.writing import Writing
from covey.testkit.playbook import Stage

__all__ = [
    "ANN", "BEN", "CARA", "DORA", "EMIL", "FRED", "NOTE", "Told", "placed",
]  # fmt: skip

ANN, BEN, CARA = device("ann"), device("ben"), device("cara")
DORA, EMIL, FRED = device("dora"), device("emil"), device("fred")
NOTE = (Put("notes", b"k", b"v"),)
_LATE_S = START_MS / 1_000 + 10**7


class Told:
    """What is written goes to the replica, whose word must be that of the oracle.

    By default a delta follows everything so far that is admissible.
    """

    def __init__(self, founding: Founding) -> None:
        self.founding = founding
        self.writing = Writing(founding)
        self.stage = Stage(founding, identity("watcher"), now=_LATE_S)

    @property
    def now(self) -> int:
        """Everything so far that is admissible, as a set of the oracle's."""
        return self.writing.admitted

    def upto(self, *known: Known) -> int:
        """These deltas and all they follow."""
        return self.writing.down(known)

    def say(
        self,
        author: Identity,
        *said: Governance,
        cut: int | None = None,
        entries: tuple[Effect, ...] | None = None,
        at_ms: int = 0,
        release: ReleaseId | None = None,
    ) -> Known:
        """A delta of somebody, with a note where it says nothing."""
        put = ((), NOTE)[not said] if entries is None else entries
        known = self.writing.write(
            author, self.now if cut is None else cut, said, put, at_ms=at_ms, release=release
        )
        self.stage.receive(known.delta)
        assert self.code(known) == self.writing.code(known)
        return known

    def close(self, author: Identity, *targets: Identity, cut: int | None = None) -> Known:
        """A close of some devices, at a cut."""
        base = self.now if cut is None else cut
        closes = [self.writing.close(base, target.device) for target in targets]
        return self.say(author, *closes, cut=base)

    def demote(
        self, author: Identity, target: Identity, role: str, cut: int | None = None
    ) -> Known:
        """A role taken, at a cut."""
        base = self.now if cut is None else cut
        return self.say(author, self.writing.demote(base, target.device, role), cut=base)

    def admit(self, author: Identity, *who: Identity, cut: int | None = None) -> Known:
        """Some devices let in."""
        context = self.founding.context
        return self.say(author, *(one.admit(context) for one in who), cut=cut)

    # -- the replica's words -------------------------------------------------------------------

    def code(self, known: Known) -> str:
        """Why the replica refuses a delta; empty: it applied it."""
        denied = self.stage.replica.judge.refusal(known.delta.id)
        if denied is not None:
            return denied.code
        assert self.stage.replica.ledger.is_applied(known.delta.id)
        return ""

    @property
    def authority(self) -> Authority:
        """The word on everything applied."""
        return self.stage.replica.ledger.authority

    def at(self, cut: int) -> Authority:
        """The word on a cut."""
        ledger, chosen = self.stage.replica.ledger, self.writing.history.within(cut)
        followed = 0
        for known in chosen:
            followed |= known.past
        heads = tuple(sorted(k.delta.id for k in chosen if not k.bit & followed))
        return ledger.governor.at(ledger.cut_of_parents(heads), ledger.governance_heads(heads))

    @property
    def rule(self) -> CodeRule:
        """What is in force by everything applied."""
        return self.stage.replica.ledger.governor.rule(self.authority)

    def silent(self) -> set[DeltaId]:
        """What has no effect on entries, as the replica recorded it."""
        ledger = self.stage.replica.ledger
        silent = {tip.id for _, tip in silent_tips(ledger.view)}
        j = self.writing.judge(self.now)
        assert silent == {k.delta.id for k in self.writing.history.within(j.silent)}
        return silent

    def is_silent(self, known: Known) -> bool:
        """Whether a delta has no effect on entries."""
        return known.delta.id in self.silent()

    def roles(self, who: Identity) -> frozenset[str]:
        """What somebody may do now."""
        return self.authority.roles(who.device)

    def is_member(self, who: Identity) -> bool:
        """Whether somebody may write now."""
        return self.authority.member(who.device) is not None


def placed(known: Known) -> Placed:
    """A delta by its place."""
    core = known.delta.core
    return Placed(core.author, Tip(core.sequence, known.delta.id))
