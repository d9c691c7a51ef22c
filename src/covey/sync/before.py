"""The state that the calls of a delta saw: rebuilt on a snapshot, on whatever thread has it.

Source: protocols/merge.md, "State at a cut".
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.governance import Governor, Silence, silence_at
from covey.merge import StateAtCut, StateReader
from covey.model import (
    Charter,
    Collection,
    ContextId,
    DeltaId,
    EntryReader,
    Frontier,
    HybridTime,
    Reader,
    ReleaseTerms,
)
from covey.rules import Cut
from covey.sync.pasts import Pasts
from covey.sync.through import Through

__all__ = ["Silences", "StateBefore"]


class Silences:
    """Says what is silent at a cut, on snapshots, apart from the ledger and its thread.

    One thread at a time may ask, and each snapshot must hold what the ones before it held.
    """

    def __init__(self, context: ContextId, charter: Charter, first: ReleaseTerms) -> None:
        self._reader: Reader
        snapshot = Through(lambda: self._reader)
        pasts = Pasts(snapshot)
        self._governor = Governor(context, charter, first, snapshot, pasts.closure)

    def at(
        self, reader: Reader, everything: Frontier, frontier: Frontier, heads: tuple[DeltaId, ...]
    ) -> Silence | None:
        """What is silent at a cut. everything: of all that the snapshot shows."""
        self._reader = reader
        self._governor.load(everything)
        return silence_at(self._governor, self._governor.at(frontier, heads))


@dataclass(frozen=True, slots=True)
class StateBefore:
    """The state at a delta's cut. It can be read from any snapshot that holds the cut.

    frontier: of the cut; None: it is everything that the snapshot shows. silences: None where
    nothing in the cut is silent. everything: of all that the snapshot shows. heads: the cut's
    governance heads. time: of the delta, later than everything in its cut.
    """

    collections: tuple[Collection, ...]
    frontier: Frontier | None
    silences: Silences | None
    everything: Frontier
    heads: tuple[DeltaId, ...]
    time: HybridTime

    def entries(self, reader: Reader) -> EntryReader:
        """As calls read it."""
        if self.frontier is None:
            return StateReader(reader, self.collections)
        silence = None
        if self.silences is not None:
            silence = self.silences.at(reader, self.everything, self.frontier, self.heads)
        cut = Cut(reader, self.frontier)
        return StateAtCut(reader, self.collections, cut, silence, self.time)
