"""Authoring: queued calls become a batch, what the engine made of it becomes a delta.

Source: protocols/delta.md, "Group commit". The cut, time and sequence are fixed before the first
call of a batch runs; deltas that arrive meanwhile wait.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from covey.codec import encode_payload, make_delta
from covey.crypto import Signer
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
from covey.sync.events import CallRequest
from covey.sync.following import Following
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
        self.following = Following(ledger, self.device)
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
            self.following.heads() if parents is None else parents,
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
