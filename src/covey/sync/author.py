"""Authoring: queued calls become a batch, what the engine made of it becomes a delta.

Source: protocols/delta.md, "Group commit". The cut, time and sequence are fixed before the first
call of a batch runs; deltas that arrive meanwhile wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from covey.codec import encode_payload, make_delta
from covey.crypto import Signer
from covey.governance import admissions_of
from covey.model import (
    Batch,
    Completed,
    Core,
    Delta,
    DeltaId,
    DeviceId,
    Governance,
    HybridTime,
    MemberId,
    Merge,
    Outcome,
    Payload,
    ReleaseId,
    limits,
    next_time,
)
from covey.rules import Cut
from covey.sync.events import CallRequest
from covey.sync.ledger import Ledger

__all__ = ["Author", "Draughted"]


@dataclass(frozen=True, slots=True)
class Draughted:
    """A batch under way: its requests in order, and the place its delta will have."""

    requests: tuple[CallRequest, ...]
    previous: DeltaId | None
    sequence: int
    parents: tuple[DeltaId, ...]
    time: HybridTime


class Author:
    """Turns this device's calls into deltas; owns the queue of calls."""

    def __init__(self, ledger: Ledger, device: Signer, member: MemberId) -> None:
        self._ledger = ledger
        self._signer = device
        self.device = DeviceId(device.public)
        self.member = member
        self._queue: deque[CallRequest] = deque()
        self._queued_bytes = 0

    @property
    def queued_count(self) -> int:
        """Calls that wait for a batch."""
        return len(self._queue)

    def enqueue(self, requests: tuple[CallRequest, ...]) -> tuple[CallRequest, ...]:
        """Queue calls; gives back those that are beyond the queue's bounds."""
        for place, request in enumerate(requests):
            size = len(request.call.arguments)
            if (
                len(self._queue) >= limits.CALLS_QUEUED_MAX
                or self._queued_bytes + size > limits.CALLS_QUEUED_BYTES_MAX
            ):
                return requests[place:]
            self._queue.append(request)
            self._queued_bytes += size
        return ()

    def put_back(self, requests: tuple[CallRequest, ...]) -> None:
        """Return calls that a batch had no room for to the front of the queue."""
        self._queue.extendleft(reversed(requests))
        self._queued_bytes += sum(len(r.call.arguments) for r in requests)

    def take(self, count_max: int = limits.DELTA_CALLS_MAX) -> tuple[CallRequest, ...]:
        """The next calls that one delta may hold."""
        taken: list[CallRequest] = []
        size = 0
        while self._queue and len(taken) < count_max:
            size += len(self._queue[0].call.arguments)
            if taken and size > limits.DELTA_PAYLOAD_SOFT_BYTES:
                break
            taken.append(self._queue.popleft())
        self._queued_bytes -= sum(len(r.call.arguments) for r in taken)
        return tuple(taken)

    def excess_heads(self) -> tuple[DeltaId, ...] | None:
        """What a merge must follow before one delta can follow all heads; None: nothing."""
        others = self._admitting_first(self._other_heads())
        fitting = self._fitting(others)
        if len(fitting) == len(others):
            return None
        return tuple(sorted(fitting)) or self._steps_towards(others[0])

    def draught(
        self,
        requests: tuple[CallRequest, ...],
        now_ms: int,
        parents: tuple[DeltaId, ...] | None = None,
    ) -> Draughted:
        """Fix the place of the next delta; parents: all other heads unless given."""
        tip = self._ledger.own_tip(self.device)
        return Draughted(
            requests,
            None if tip is None else tip.id,
            1 if tip is None else tip.sequence + 1,
            self._other_heads() if parents is None else parents,
            next_time(now_ms, self._ledger.clock),
        )

    def batch(self, draughted: Draughted, release: ReleaseId | None = None) -> Batch:
        """What the engine is told to run; release: another one than that in force."""
        return Batch(
            context=self._ledger.context,
            release=self._ledger.release if release is None else release,
            member=self.member,
            device=self.device,
            sequence=draughted.sequence,
            previous=draughted.previous,
            time=draughted.time,
            roles=tuple(sorted(self._ledger.authority.roles(self.device))),
            calls=tuple(request.call for request in draughted.requests),
            fuel_max=self._fuel_max(draughted),
        )

    def bucket(self, draughted: Draughted) -> int | None:
        """What this device may use there, where the charter has a budget."""
        if not self._ledger.charter.fuel_budget:
            return None
        return self._ledger.bucket(draughted.previous, draughted.time)

    def _fuel_max(self, draughted: Draughted) -> int | None:
        bucket = self.bucket(draughted)
        if bucket is None:
            return None
        # What the arguments take is certain; if the rest does not fit, it is run again later.
        size = sum(len(request.call.arguments) for request in draughted.requests[:1])
        return min(limits.CALL_FUEL_MAX, bucket - size * limits.BUDGET_FUEL_PER_BYTE)

    def sign(
        self,
        draughted: Draughted,
        outcomes: tuple[Outcome, ...],
        governance: tuple[Governance, ...],
    ) -> Delta | None:
        """The delta of a batch, or None where nothing took effect."""
        kept = [
            (request.call, outcome)
            for request, outcome in zip(draughted.requests, outcomes, strict=False)
            if isinstance(outcome, Completed)
        ]
        if not kept and not governance:
            return None
        payload = Payload(
            tuple(call for call, _ in kept),
            tuple(outcome.effects for _, outcome in kept),
            tuple(outcome.events for _, outcome in kept),
        )
        parents = draughted.parents
        if draughted.previous is not None:
            parents = (draughted.previous, *parents)
        heads = self._ledger.governance_heads(parents)
        core = Core(
            author=self.device,
            sequence=draughted.sequence,
            previous=draughted.previous,
            parents=draughted.parents,
            gov_parents=heads,
            time=draughted.time,
            # A merge follows some heads: what others brought into force is not in its cut.
            release=self._ledger.release_at(parents, heads),
            epochs=(),
            fuel=tuple(outcome.fuel for _, outcome in kept),
            governance=governance,
        )
        return make_delta(self._ledger.context, core, encode_payload(payload), self._signer)

    def merge(self, parents: tuple[DeltaId, ...], now_ms: int) -> Delta:
        """A delta that does nothing but follow some heads."""
        delta = self.sign(self.draught((), now_ms, parents), (), (Merge(),))
        assert delta is not None
        return delta

    def _other_heads(self) -> tuple[DeltaId, ...]:
        tip = self._ledger.own_tip(self.device)
        own = None if tip is None else tip.id
        return tuple(sorted(head for head in self._ledger.heads if head != own))

    def _admitting_first(self, heads: tuple[DeltaId, ...]) -> tuple[DeltaId, ...]:
        """The heads, those that follow this device's admission before the others.

        A first delta that follows only some of the heads must follow one of these.
        """
        view = self._ledger.view
        admissions = admissions_of(view, self.device)
        if self._ledger.own_tip(self.device) is not None or not admissions:
            return heads

        def follows_none(head: DeltaId) -> bool:
            cut = Cut(view, self._ledger.closure(head))
            return not any(cut.holds(row.at.author, row.at.tip) for row in admissions)

        return tuple(sorted(heads, key=follows_none))

    def _fitting(self, heads: tuple[DeltaId, ...]) -> tuple[DeltaId, ...]:
        """As many heads as one delta can follow, its governance heads counted too."""
        tip = self._ledger.own_tip(self.device)
        own = () if tip is None else (tip.id,)
        if len(self._ledger.governance_heads((*own, *heads))) <= limits.DELTA_PARENTS_MAX:
            return heads[: limits.DELTA_PARENTS_MAX]
        fitting: tuple[DeltaId, ...] = ()
        for head in heads[: limits.DELTA_PARENTS_MAX]:
            wider = (*fitting, head)
            if len(self._ledger.governance_heads((*own, *wider))) > limits.DELTA_PARENTS_MAX:
                break
            fitting = wider
        return fitting

    def _steps_towards(self, head: DeltaId) -> tuple[DeltaId, ...]:
        """What to follow first where even one head brings too many governance heads.

        A merge without parents makes this device's own governance heads one; then the head's
        governance is followed, as much as fits.
        """
        tip = self._ledger.own_tip(self.device)
        assert tip is not None, "one delta's own governance heads fit"
        if len(self._ledger.governance_heads((tip.id,))) > 1:
            return ()
        steps = []
        for candidate in self._ledger.governance_heads((head,)):
            summary = self._ledger.summary(candidate)
            assert summary is not None
            if not self._ledger.follows(tip.id, summary):
                steps.append(candidate)
        return tuple(steps[: limits.DELTA_PARENTS_MAX - 1])
