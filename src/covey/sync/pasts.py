"""What applied deltas follow: summaries, frontiers of pasts, governance heads; remembered.

Source: protocols/delta.md, "Cut". Bounded: what is forgotten is read again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from covey.codec import pack, shape, unpack
from covey.model import (
    TIME_MAX,
    Core,
    DeltaId,
    DeviceId,
    Draft,
    Frontier,
    HybridTime,
    Reader,
    Table,
    Tip,
    limits,
)
from covey.rules import Cut, closure_of

__all__ = ["Pasts", "Summary"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What is asked most often of an applied delta."""

    author: DeviceId
    tip: Tip
    time: HybridTime
    is_governance: bool
    gov_parents: tuple[DeltaId, ...]


class Pasts:
    """Facts of applied deltas, which never change; reader: shows whatever is applied."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._summaries: OrderedDict[DeltaId, Summary] = OrderedDict()
        self._closures: OrderedDict[DeltaId, Frontier] = OrderedDict()
        self._closure_tips = 0
        self._maximal: OrderedDict[tuple[DeltaId, ...], tuple[DeltaId, ...]] = OrderedDict()

    def summary(self, delta: DeltaId) -> Summary | None:
        """What is known of an applied delta, or None if it is not applied."""
        known = self._summaries.get(delta)
        if known is not None:
            return known
        row = self._reader.get(Table.SUMMARY, (delta,))
        if row is None:
            return None
        return self._remember(delta, _decode_summary(delta, row))

    def closure(self, delta: DeltaId) -> Frontier:
        """The frontier of an applied delta and its past."""
        known = self._closures.get(delta)
        if known is None:
            summary = self.summary(delta)
            assert summary is not None
            known = closure_of(self._reader, summary.author, summary.tip)
            self._remember_closure(delta, known)
        return known

    def governance_heads(self, parents: tuple[DeltaId, ...]) -> tuple[DeltaId, ...]:
        """The governance deltas in a cut that no other one in it follows, sorted."""
        candidates: dict[DeltaId, Summary] = {}
        for parent in parents:
            summary = self.summary(parent)
            assert summary is not None
            for head in (parent,) if summary.is_governance else summary.gov_parents:
                known = self.summary(head)
                assert known is not None
                candidates[head] = known
        if len(candidates) == 1:
            return tuple(candidates)
        # The past of a delta never changes, and in a crowd the same candidates come with every
        # delta: comparing their pasts took two thirds of the time of a network of 500 nodes.
        named = tuple(sorted(candidates))
        maximal = self._maximal.pop(named, None)
        if maximal is None:
            maximal = self._maximal_of(candidates)
        self._maximal[named] = maximal
        if len(self._maximal) > limits.GOVERNANCE_HEADS_CACHED_MAX:
            self._maximal.popitem(last=False)
        return maximal

    def _maximal_of(self, candidates: dict[DeltaId, Summary]) -> tuple[DeltaId, ...]:
        """Those of some applied deltas that no other of them follows, sorted."""
        if len(candidates) <= limits.DELTA_PARENTS_MAX:
            cuts = {head: Cut(self._reader, self.closure(head)) for head in candidates}
            followed = [
                head
                for head, known in candidates.items()
                if any(c.holds(known.author, known.tip) for h, c in cuts.items() if h != head)
            ]
        else:
            followed = self._followed(candidates)
        return tuple(sorted(candidates.keys() - followed))

    def _followed(self, candidates: dict[DeltaId, Summary]) -> list[DeltaId]:
        """Those of many governance deltas that others of them follow.

        Each against each other would be a million questions for 32 parents with 32 heads each.
        Every governance delta names the last ones before it, and is later than they are.
        """
        oldest = min(known.time for known in candidates.values())
        followed: list[DeltaId] = []
        seen: set[DeltaId] = set()
        waiting = list(candidates.values())
        while waiting:
            for head in waiting.pop().gov_parents:
                if head in seen:
                    continue
                seen.add(head)
                known = candidates.get(head)
                if known is not None:
                    followed.append(head)  # What it follows is looked at anyway.
                    continue
                known = self.summary(head)
                assert known is not None
                if known.time > oldest:
                    waiting.append(known)
        return followed

    def follows(self, later: DeltaId, earlier: Summary) -> bool:
        """Whether the past of one applied delta holds another."""
        return Cut(self._reader, self.closure(later)).holds(earlier.author, earlier.tip)

    def note(self, draft: Draft, tip: Tip, core: Core, closure: Frontier) -> None:
        """A delta is being applied: record its summary, and remember its past."""
        summary = Summary(core.author, tip, core.time, bool(core.governance), core.gov_parents)
        draft.put(Table.SUMMARY, (tip.id,), _encode_summary(summary))
        self._remember(tip.id, summary)
        self._remember_closure(tip.id, closure)

    def _remember_closure(self, delta: DeltaId, closure: Frontier) -> None:
        self._closures[delta] = closure
        self._closure_tips += _tip_count(closure)
        while (
            len(self._closures) > limits.FRONTIERS_CACHED_MAX
            or self._closure_tips > limits.FRONTIERS_CACHED_TIPS
        ) and len(self._closures) > 1:
            _, oldest = self._closures.popitem(last=False)
            self._closure_tips -= _tip_count(oldest)

    def _remember(self, delta: DeltaId, summary: Summary) -> Summary:
        self._summaries[delta] = summary
        while len(self._summaries) > limits.FRONTIERS_CACHED_MAX:
            self._summaries.popitem(last=False)
        return summary


def _tip_count(frontier: Frontier) -> int:
    return sum(map(len, frontier.values()))


def _encode_summary(summary: Summary) -> bytes:
    return pack(
        (
            summary.author,
            summary.tip.sequence,
            summary.time,
            int(summary.is_governance),
            summary.gov_parents,
        )
    )


def _decode_summary(delta: DeltaId, row: bytes) -> Summary:
    author, sequence, time, governance, gov_parents = shape.fields(
        unpack(row, 4 * limits.KIB), 5, "summary row"
    )
    return Summary(
        DeviceId(shape.exactly(author, 32, "author")),
        Tip(shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"), delta),
        HybridTime(shape.integer(time, 0, TIME_MAX, "time")),
        governance == 1,
        shape.delta_ids(gov_parents, limits.DELTA_PARENTS_MAX, "gov_parents"),
    )
