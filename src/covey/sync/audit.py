"""A second replica that believes nothing: judges a whole history from the charter.

Deltas are taken in an order in which parents come first. Of each the signature is checked, it is
judged at its cut, and where the charter wants that its calls are run again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from covey.codec import is_delta_signed
from covey.governance import silence_at
from covey.merge import StateAtCut, StateReader
from covey.model import (
    Charter,
    ContextId,
    Delta,
    Denied,
    Digest,
    EntryReader,
    Reader,
    ReleaseTerms,
    ReplayWord,
    Signed,
    Verification,
    Write,
)
from covey.rules import Cut
from covey.sync.judge import Admissible, Judge
from covey.sync.ledger import Ledger
from covey.sync.replays import signed_of

__all__ = ["Audit", "RunAgain"]

RunAgain: TypeAlias = Callable[[tuple[Signed, ...], EntryReader], tuple[ReplayWord, ...]]
"""Runs again what was signed, on a state; words on a prefix of the row."""

_NEVER_EARLY_MS = 2**47  # the times of the deltas were judged when they arrived


class Audit:
    """Takes one delta after the other; whoever feeds it commits what `take` leaves to be written.

    reader: shows what was committed. run: the releases' modules are there for it.
    """

    def __init__(
        self,
        context: ContextId,
        charter: Charter,
        first: ReleaseTerms,
        reader: Reader,
        run: RunAgain,
    ) -> None:
        self._ledger = Ledger(context, charter, first, reader)
        self._judge = Judge(self._ledger)
        self._run = run
        self._is_replayed = charter.verification is Verification.REPLAY
        self.calls = 0
        self.apart = 0

    @property
    def deltas(self) -> int:
        """How many held so far."""
        return self._ledger.count

    def digest(self) -> Digest:
        """Of the state that they make."""
        return self._ledger.digest()

    def take(self, delta: Delta) -> ReplayWord:
        """Judge a delta: None where it holds, and is applied; Failed where nobody could tell."""
        ledger = self._ledger
        ledger.settle()
        if not is_delta_signed(ledger.context, delta):
            return Denied("bad-signature", "its signature does not verify")
        judged = self._judge.judge(delta, _NEVER_EARLY_MS)
        if isinstance(judged, Denied):
            return judged
        if not isinstance(judged, Admissible):
            return Denied("wrong-order", f"it does not follow what came before it: {judged}")
        if judged.payload.calls and self._is_replayed:
            (word,) = self._run((self._signed(delta, judged),), self._state(delta, judged))
            if word is not None:
                return word
            self.calls += len(judged.payload.calls)
        ledger.apply(delta, judged.payload, judged.cut)
        self._judge.forget_applied(delta.id)
        return None

    def writes(self) -> tuple[Write, ...]:
        """What is to be committed before the next delta is taken."""
        return self._ledger.save()

    def _signed(self, delta: Delta, judged: Admissible) -> Signed:
        authority = self._ledger.governor.at(judged.cut, delta.core.gov_parents)
        return signed_of(self._ledger, authority, delta, judged.member, judged.payload)

    def _state(self, delta: Delta, judged: Admissible) -> EntryReader:
        ledger = self._ledger
        collections = tuple(ledger.governor.collections_of(delta).values())
        if ledger.is_everything(judged.cut):
            return StateReader(ledger.view, collections)
        self.apart += 1
        authority = ledger.governor.at(judged.cut, delta.core.gov_parents)
        silence = silence_at(ledger.governor, authority)
        cut = Cut(ledger.view, judged.cut)
        return StateAtCut(ledger.view, collections, cut, silence, delta.core.time)
