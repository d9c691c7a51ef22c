"""The applied deltas of one context: what is known, the current cut, heads and digest.

Source: protocols/delta.md and protocols/merge.md. The ledger keeps in memory what every step
needs; all of it is in the store too, and `open` reads it back.
"""

from __future__ import annotations

from covey.codec import Packed, frontier_digest, pack, shape, unpack
from covey.crypto import LTHASH_SIZE_BYTES, LtHash
from covey.governance import Authority, Governor, admissions_of, record_governance, silence_at
from covey.merge import Origin, fold_effect, state_digest
from covey.model import (
    TIME_MAX,
    Charter,
    ContextId,
    Delta,
    DeltaId,
    Denied,
    DeviceId,
    Digest,
    Draft,
    Frontier,
    HybridTime,
    Payload,
    Reader,
    ReleaseId,
    ReleaseTerms,
    Table,
    Tip,
    Write,
)
from covey.rules import (
    bucket_at,
    cost_of,
    is_forked,
    join_frontiers,
    record_budget,
    record_frontier,
    record_position,
    set_silent,
)
from covey.sync.pasts import Pasts, Summary
from covey.sync.ranges import RangeIndex
from covey.sync.refusals import Refusals
from covey.sync.through import Through
from covey.sync.voids import count_code, count_outcomes, follow

__all__ = ["Ledger", "Summary"]

_CLOCK, _ARRIVAL, _LTHASH = (b"clock",), (b"arrival",), (b"lthash",)


class Ledger:
    """The applied part of a context. Invariant: every parent of an applied delta is applied."""

    def __init__(
        self,
        context: ContextId,
        charter: Charter,
        first: ReleaseTerms,
        reader: Reader,
    ) -> None:
        self.context = context
        self.charter = charter
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
        live = Through(lambda: self.view)
        self.pasts = Pasts(live)
        self.governor = Governor(context, charter, first, live, self.pasts.closure)
        self._authority: Authority | None = None
        self._refusals = Refusals(reader)
        self._load()

    def _load(self) -> None:
        accumulator = self.view.get(Table.META, _LTHASH)
        if accumulator is None:
            founders = [admin.device for admin in self.charter.admins]
            count_outcomes(self._lthash, self.authority, founders, 1)
            count_code(self._lthash, self.governor, self.authority, 1)
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
        self.governor.load(dict(self.frontier))

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
        return self.pasts.summary(delta)

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

    def is_everything(self, cut: Frontier) -> bool:
        """Whether a cut is all that is applied."""
        return cut == self.frontier

    def bucket(self, previous: DeltaId | None, time: HybridTime) -> int:
        """What a device may use at a time; asked where the charter has a budget.

        previous: its applied delta before.
        """
        before = None
        if previous is not None:
            summary = self.summary(previous)
            assert summary is not None
            before = (previous, summary.time)
        return bucket_at(self.view, self.charter.fuel_budget, before, time)

    def closure(self, delta: DeltaId) -> Frontier:
        """The frontier of an applied delta and its past."""
        return self.pasts.closure(delta)

    def governance_heads(self, parents: tuple[DeltaId, ...]) -> tuple[DeltaId, ...]:
        """The governance deltas in a cut that no other one in it follows, sorted."""
        return self.pasts.governance_heads(parents)

    def follows(self, later: DeltaId, earlier: Summary) -> bool:
        """Whether the past of one applied delta holds another."""
        return self.pasts.follows(later, earlier)

    @property
    def authority(self) -> Authority:
        """The word on everything applied."""
        if self._authority is None:
            heads = self.governance_heads(tuple(self.heads))
            self._authority = self.governor.at(dict(self.frontier), heads)
        return self._authority

    @property
    def release(self) -> ReleaseId:
        """The release in force by everything applied."""
        return self.governor.rule(self.authority).release

    def release_at(self, parents: tuple[DeltaId, ...], heads: tuple[DeltaId, ...]) -> ReleaseId:
        """As above, by some applied deltas and their pasts. heads: the governance heads there."""
        authority = self.governor.at(self.cut_of_parents(parents), heads)
        return self.governor.rule(authority).release

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
        before = self.authority
        position = record_position(draft, core.author, tip, previous, self.count)
        if is_forked(draft, core.author):
            self.governor.note_fork(core.author)
        record_frontier(draft, tip, cut, self._bases(delta))
        self.pasts.note(draft, tip, core, {**cut, core.author: (tip,)})
        draft.put(Table.DELTA, (delta.id,), delta.frame)
        draft.put(Table.LOG, (self.count,), delta.id)
        self._move_heads(draft, delta, tip, previous)
        if self.charter.fuel_budget:
            left = self.bucket(core.previous, core.time) - cost_of(core, len(delta.frame))
            record_budget(draft, delta.id, left)
        if core.governance:
            at_cut = self.governor.at(cut, core.gov_parents)
            record_governance(draft, self.governor, at_cut, cut, delta)
            self.governor.note_governance(core.author, delta.id, dict(self.frontier))
        if core.governance or self.governor.forked:
            self._authority = None
            follow(draft, self._lthash, self.governor, delta, before, self.authority, tip)
        silence = silence_at(self.governor, self.authority)
        silent = silence is not None and silence.is_silent(core.author, tip)
        if silent:
            set_silent(draft, core.author, tip, silent=True)
        self._fold(draft, delta, payload, Origin(position, tip, previous, core.time), silent=silent)
        self.clock = max(self.clock, core.time)
        self._digest = self._frontier_digest = None
        self._has_ranges = False
        return self.count

    def _fold(
        self, draft: Draft, delta: Delta, payload: Payload, origin: Origin, *, silent: bool
    ) -> None:
        if not payload.calls:
            return
        collections = self.governor.collections_of(delta)
        for index, effect in enumerate(e for effects in payload.effects for e in effects):
            collection = collections[effect.collection]
            fold_effect(draft, self._lthash, collection, origin, index, effect, silent=silent)

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

    def note_refusal(self, delta: Delta, denied: Denied) -> None:
        """Keep what a device signed and nobody may apply, if it was ever let in."""
        if self.wants_refusal(delta, denied):
            if self._draft is None:
                self._draft = Draft(self._base)
            self._refusals.note(self._draft, delta, denied)

    def wants_refusal(self, delta: Delta, denied: Denied) -> bool:
        """Whether `note_refusal` would keep it."""
        if not self._refusals.wants(delta, denied):
            return False
        author = delta.core.author
        return self.authority.is_founder(author) or bool(admissions_of(self.view, author))

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


def _packed(part: bytes | int) -> Packed:
    return part


def _number(row: bytes | None) -> int:
    assert row is not None, "a row that every commit writes is there"
    (number,) = shape.fields(unpack(row, 64), 1, "number row")
    return shape.integer(number, 0, TIME_MAX, "number")
