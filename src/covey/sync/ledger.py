"""The applied deltas of one context: what is known, the current cut, heads and digest.

Source: protocols/delta.md and protocols/merge.md. The ledger keeps in memory what every step
needs; all of it is in the store too, and `open` reads it back.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from covey.codec import Packed, frontier_digest, pack, shape, unpack
from covey.crypto import LTHASH_SIZE_BYTES, LtHash
from covey.governance import MembershipChange, fold_admit
from covey.merge import (
    Origin,
    device_element,
    fold_effect,
    release_element,
    state_digest,
)
from covey.model import (
    TIME_MAX,
    Admit,
    Charter,
    Collection,
    ContextId,
    Delta,
    DeltaId,
    DeviceId,
    Digest,
    Draft,
    Frontier,
    HybridTime,
    Payload,
    Reader,
    Table,
    Tip,
    Write,
    limits,
)
from covey.rules import Cut, closure_of, join_frontiers, record_frontier, record_position
from covey.sync.ranges import RangeIndex

__all__ = ["Ledger", "Summary"]

_CLOCK, _ARRIVAL, _LTHASH = (b"clock",), (b"arrival",), (b"lthash",)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is asked most often of an applied delta."""

    author: DeviceId
    tip: Tip
    time: HybridTime
    is_governance: bool
    gov_parents: tuple[DeltaId, ...]


class Ledger:
    """The applied part of a context. Invariant: every parent of an applied delta is applied."""

    def __init__(
        self,
        context: ContextId,
        charter: Charter,
        collections: tuple[Collection, ...],
        reader: Reader,
    ) -> None:
        self.context = context
        self.charter = charter
        self.collections = {c.name: c for c in collections}
        self._base = reader
        self._draft: Draft | None = None
        self.frontier: dict[DeviceId, tuple[Tip, ...]] = {}
        self.heads: dict[DeltaId, None] = {}
        self.count = 0
        self.clock = HybridTime(0)
        self._lthash = LtHash()
        self._digest: Digest | None = None
        self._frontier_digest: Digest | None = None
        self._ranges: RangeIndex | None = None
        self._has_ranges = False  # of the frontier as it is now
        self._summaries: OrderedDict[DeltaId, Summary] = OrderedDict()
        self._closures: OrderedDict[DeltaId, Frontier] = OrderedDict()
        self._closure_tips = 0
        self._maximal: OrderedDict[tuple[DeltaId, ...], tuple[DeltaId, ...]] = OrderedDict()
        self._load()

    def _load(self) -> None:
        accumulator = self.view.get(Table.META, _LTHASH)
        if accumulator is None:
            for admin in self.charter.admins:
                self._lthash.add(device_element(admin.device, admin.member))
            self._lthash.add(release_element(self.charter.release))
            return
        self._lthash = LtHash(shape.exactly(accumulator, LTHASH_SIZE_BYTES, "digest"))
        self.count = _number(self.view.get(Table.META, _ARRIVAL))
        self.clock = HybridTime(_number(self.view.get(Table.META, _CLOCK)))
        for key, _ in self.view.scan(Table.HEAD):
            self.heads[DeltaId(shape.exactly(_packed(key[0]), 32, "head"))] = None
        for key, row in self.view.scan(Table.TIP):
            device = DeviceId(shape.exactly(_packed(key[0]), 32, "device"))
            tip = Tip(_number(row), DeltaId(shape.exactly(_packed(key[1]), 32, "tip")))
            self.frontier[device] = tuple(sorted((*self.frontier.get(device, ()), tip)))

    @property
    def view(self) -> Reader:
        """The context's rows with everything applied so far."""
        return self._base if self._draft is None else self._draft

    @property
    def committed(self) -> Reader:
        """The rows whose commits are done: only what is here may leave this node."""
        return self._base

    # -- questions -----------------------------------------------------------------------------

    def digest(self) -> Digest:
        """The state digest."""
        if self._digest is None:
            self._digest = state_digest(self.context, self._lthash)
        return self._digest

    def frontier_digest(self) -> Digest:
        """The digest of the current frontier."""
        if self._frontier_digest is None:
            self._frontier_digest = frontier_digest(self.context, self.frontier)
        return self._frontier_digest

    def ranges(self) -> RangeIndex:
        """The current frontier, by ranges of devices."""
        if self._ranges is None or not self._has_ranges:
            self._ranges, self._has_ranges = RangeIndex(self.frontier, self._ranges), True
        return self._ranges

    def summary(self, delta: DeltaId) -> Summary | None:
        """What is known of an applied delta, or None if it is not applied."""
        known = self._summaries.get(delta)
        if known is not None:
            return known
        row = self.view.get(Table.SUMMARY, (delta,))
        if row is None:
            return None
        return self._remember(delta, _decode_summary(delta, row))

    def is_applied(self, delta: DeltaId) -> bool:
        """Whether a delta is applied."""
        return self.summary(delta) is not None

    def frame(self, delta: DeltaId) -> bytes | None:
        """The wire form of an applied delta."""
        return self.view.get(Table.DELTA, (delta,))

    def own_tip(self, device: DeviceId) -> Tip | None:
        """The last applied delta of a device that never forked."""
        tips = self.frontier.get(device, ())
        return tips[0] if len(tips) == 1 else None

    def cut_of_parents(self, parents: tuple[DeltaId, ...]) -> Frontier:
        """The frontier of everything that some applied deltas and their pasts hold."""
        if len(self.heads) <= len(parents) and all(head in parents for head in self.heads):
            return dict(self.frontier)
        return join_frontiers(self.view, *(self.closure(parent) for parent in parents))

    def closure(self, delta: DeltaId) -> Frontier:
        """The frontier of an applied delta and its past."""
        known = self._closures.get(delta)
        if known is None:
            summary = self.summary(delta)
            assert summary is not None
            known = closure_of(self.view, summary.author, summary.tip)
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
            cuts = {head: Cut(self.view, self.closure(head)) for head in candidates}
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
        return Cut(self.view, self.closure(later)).holds(earlier.author, earlier.tip)

    # -- changes -------------------------------------------------------------------------------

    def apply(self, delta: Delta, payload: Payload, cut: Frontier) -> int:
        """Make an admissible delta part of the context; `save` gives the rows to commit.

        Returns its place in this node's log.
        """
        if self._draft is None:
            self._draft = Draft(self._base)
        draft = self._draft
        core = delta.core
        tip = Tip(core.sequence, delta.id)
        previous = None
        if core.previous is not None:
            previous = Tip(core.sequence - 1, core.previous)
        self.count += 1
        position = record_position(draft, core.author, tip, previous, self.count)
        record_frontier(draft, tip, cut, self._bases(delta))
        self._remember_closure(delta.id, {**cut, core.author: (tip,)})
        summary = Summary(core.author, tip, core.time, bool(core.governance), core.gov_parents)
        self._remember(delta.id, summary)
        draft.put(Table.SUMMARY, (delta.id,), _encode_summary(summary))
        draft.put(Table.DELTA, (delta.id,), delta.frame)
        draft.put(Table.LOG, (self.count,), delta.id)
        self._move_heads(draft, delta, tip, previous)
        origin = Origin(position, tip, previous, core.time)
        index = 0
        for effects in payload.effects:
            for effect in effects:
                collection = self.collections[effect.collection]
                fold_effect(draft, self._lthash, collection, origin, index, effect)
                index += 1
        for governance in core.governance:
            if isinstance(governance, Admit):
                self._change_membership(
                    fold_admit(draft, self.charter, core.author, tip, core.time, governance)
                )
        self.clock = max(self.clock, core.time)
        self._digest = self._frontier_digest = None
        self._has_ranges = False
        return self.count

    def _bases(self, delta: Delta) -> list[tuple[DeltaId, DeviceId, Frontier]]:
        """What the cut of a delta may be stored as a difference from: two near ones are enough.

        The device's own last delta, and the latest of the other parents: a device that writes
        for the first time, or seldom, has seen about what that one's author had.
        """
        chosen = [] if delta.core.previous is None else [delta.core.previous]
        latest: Summary | None = None
        for parent in delta.core.parents:
            summary = self.summary(parent)
            assert summary is not None
            if latest is None or summary.time > latest.time:
                latest = summary
        if latest is not None:
            chosen.append(latest.tip.id)
        bases = []
        for base in chosen:
            summary = self.summary(base)
            assert summary is not None
            bases.append((base, summary.author, self.closure(base)))
        return bases

    def save(self) -> tuple[Write, ...]:
        """The rows that everything applied since the last `settle` changes; none if nothing was.

        Until `settle` they stay visible here, whether or not the write has finished.
        """
        draft = self._draft
        if draft is None:
            return ()
        draft.put(Table.META, _ARRIVAL, pack((self.count,)))
        draft.put(Table.META, _CLOCK, pack((self.clock,)))
        draft.put(Table.META, _LTHASH, self._lthash.accumulator())
        return draft.writes()

    def settle(self) -> None:
        """What was saved is committed: read it from the store from now on."""
        self._draft = None

    def _move_heads(self, draft: Draft, delta: Delta, tip: Tip, previous: Tip | None) -> None:
        core = delta.core
        for parent in (core.previous, *core.parents):
            if parent is not None and parent in self.heads:
                del self.heads[parent]
                draft.delete(Table.HEAD, (parent,))
        self.heads[delta.id] = None
        draft.put(Table.HEAD, (delta.id,), b"")
        tips = self.frontier.get(core.author, ())
        if previous is not None and previous in tips:
            draft.delete(Table.TIP, (core.author, previous.id))
            tips = tuple(t for t in tips if t != previous)
        draft.put(Table.TIP, (core.author, delta.id), pack((tip.sequence,)))
        self.frontier[core.author] = tuple(sorted((*tips, tip)))

    def _change_membership(self, change: MembershipChange) -> None:
        if change.before is not None:
            self._lthash.subtract(device_element(change.device, change.before))
        self._lthash.add(device_element(change.device, change.after))

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


def _packed(part: bytes | int) -> Packed:
    return part


def _number(row: bytes | None) -> int:
    assert row is not None, "a row that every commit writes is there"
    (number,) = shape.fields(unpack(row, 64), 1, "number row")
    return shape.integer(number, 0, TIME_MAX, "number")


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
