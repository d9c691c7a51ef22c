"""The driver of one context: carries out what its replica asks, one event after the other.

While a commit is under way nothing else of the context moves; what must not leave before it is
released after it, because effects are carried out in order.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio
from trio_typing import TaskStatus

from covey.codec import topic_mark, topic_text
from covey.errors import NodeError
from covey.model import (
    Call,
    Certificate,
    Delta,
    DeltaId,
    Denied,
    Failed,
    Failure,
    Governance,
    Interface,
    Join,
    PeerId,
    ScopedWrites,
    Verdict,
    Write,
    limits,
)
from covey.node.code import Code
from covey.node.foresight import RuleForbids, way_out
from covey.node.notices import Notices, delta_row
from covey.node.outlets import Outlets
from covey.node.standing import Standing
from covey.runtime import Executor
from covey.store import Store
from covey.sync import (
    BUDGET,
    AdmissionAnswered,
    AdmissionRequested,
    Applied,
    Ask,
    Broadcast,
    CallRequest,
    CallsSubmitted,
    Commit,
    Dealt,
    DeltaReceived,
    Effect,
    Event,
    Execute,
    GovernanceAnswered,
    GovernanceRequested,
    Heard,
    Misbehaved,
    NeedRelease,
    RecordSequence,
    Replica,
    Reply,
    SetTimer,
    TimerFired,
    Use,
    Verify,
)

__all__ = ["ContextDriver"]

_logger = logging.getLogger(__name__)
_INLINE_WRITES_MAX = 256  # a volatile write of fewer rows costs less than a thread's hop


@dataclass(frozen=True, slots=True)
class _Item:
    """Something for the replica, and what to do when it is dealt with."""

    event: Event | tuple[Heard, PeerId]
    done: Callable[[], None] | None = None


class ContextDriver:
    """One context's replica at work. `run` is its task; everything else may be called meanwhile."""

    def __init__(
        self,
        replica: Replica,
        interface: Interface,
        store: Store,
        executor: Executor,
        outlets: Outlets,
    ) -> None:
        self.replica = replica
        self.code = Code(replica, interface, store, executor, outlets, self.deliver)
        self.topic = topic_text(replica.context)
        self.notices = Notices()
        self.standing = Standing()
        self._store = store
        self._outlets = outlets
        self._timers: dict[str, float] = {}
        self._replies: dict[int, Callable[[Reply], None]] = {}
        self._admissions: dict[int, Callable[[str], None]] = {}
        self._wishes: dict[int, Callable[[GovernanceAnswered], None]] = {}
        self._next_request = 0
        self._receipts: dict[int, Callable[[Use], None]] = {}
        self._next_receipt = 0
        self._is_abandoned = False
        self._inbox_send, self._inbox = trio.open_memory_channel[_Item](limits.CONTEXT_INBOX_MAX)
        self._out_send, self._out = trio.open_memory_channel[bytes](limits.CONTEXT_OUTBOX_MAX)
        self._heard_bytes = 0
        self._scope = trio.CancelScope()

    @property
    def budget_wait_s(self) -> float | None:
        """How long calls wait for the fuel budget, where they do."""
        until_s = self._timers.get(BUDGET)
        if until_s is None or not self.replica.has_waiting:
            return None
        return max(0.0, until_s - trio.current_time())

    # -- what others tell it ---

    def validate(self, peer: PeerId, envelope: bytes) -> Verdict:
        """Gossip's word on a frame, at once; what it carried is taken in afterwards."""
        verdict, heard = self.replica.verdict(envelope, time.time())
        if heard.delta is None and heard.announcement is None:
            return verdict  # Where it is wrong, the network holds it against the peer.
        is_full = self._heard_bytes + len(envelope) > limits.CONTEXT_HEARD_BYTES_MAX
        if is_full or not self._enqueue(_Item((heard, peer), self._unheard(len(envelope)))):
            mark = topic_mark(self.replica.context)
            _logger.debug("inbox full, frame dropped", extra={"context": mark})
            return Verdict.IGNORE  # Sync brings it; a hint may be lost.
        self._heard_bytes += len(envelope)
        return verdict

    async def deliver(self, event: Event) -> None:
        """Hand an event over; waits while the inbox is full."""
        with contextlib.suppress(trio.BrokenResourceError):  # The context was left.
            await self._inbox_send.send(_Item(event))

    async def deliver_delta(self, delta: Delta, peer: PeerId, done: Callable[[Use], None]) -> None:
        """Hand a delta over that came on a stream; waits while the inbox is full.

        done: called when it is dealt with, and told what it was good for.
        """
        self._next_receipt += 1
        receipt = self._next_receipt
        self._receipts[receipt] = done
        is_there = False
        try:
            await self.deliver(DeltaReceived(delta, peer, receipt=receipt))
            is_there = True
        finally:
            if not is_there:  # The stream ended while there was no room.
                del self._receipts[receipt]
        if self._is_abandoned:
            self._forget_receipts()

    def deliver_soon(self, event: Event) -> bool:
        """Hand an event over if there is room; whether there was."""
        return self._enqueue(_Item(event))

    def _enqueue(self, item: _Item) -> bool:
        try:
            self._inbox_send.send_nowait(item)
        except (trio.WouldBlock, trio.BrokenResourceError):
            return False
        return True

    def _unheard(self, size_bytes: int) -> Callable[[], None]:
        def forget() -> None:
            self._heard_bytes -= size_bytes

        return forget

    async def submit(self, calls: Sequence[Call], on_reply: Callable[[int, Reply], None]) -> None:
        """Queue calls; on_reply gets the place of each call and its reply, in no set order."""
        requests = []
        for place, call in enumerate(calls):
            self._next_request += 1
            self._replies[self._next_request] = _placed(on_reply, place)
            requests.append(CallRequest(self._next_request, call))
        await self.deliver(CallsSubmitted(tuple(requests)))
        if self._is_abandoned:
            self._answer_all()

    def request_admission(
        self, certificate: Certificate, join: Join, answer: Callable[[str], None]
    ) -> None:
        """A device asks to be admitted; answer: gets the reason why not, or an empty one."""
        self._next_request += 1
        self._admissions[self._next_request] = answer
        event = AdmissionRequested(self._next_request, certificate, join)
        if not self.deliver_soon(event):
            del self._admissions[self._next_request]
            answer("busy")

    async def govern(
        self, effects: tuple[Governance, ...], migration: Call | None = None
    ) -> DeltaId:
        """Write governance; durable when this returns. Raises Refused with the rule's reason."""
        self._next_request += 1
        request = self._next_request
        answers: list[GovernanceAnswered] = []
        is_answered = trio.Event()

        def answered(answer: GovernanceAnswered) -> None:
            answers.append(answer)
            is_answered.set()

        self._wishes[request] = answered
        await self.deliver(GovernanceRequested(request, effects, migration))
        if self._is_abandoned:
            self._answer_all()
        await is_answered.wait()
        delta, denied = answers[0].delta, answers[0].denied
        if delta is None:
            assert denied is not None
            replica = self.replica
            raise RuleForbids(way_out(replica.ledger, replica.device, effects, denied))
        return delta

    # -- the task ---

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the context until `stop`; ends the watches."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._publish_all)
                    await self._perform(self.replica.start(time.time()), nursery)
                    self._note_standing()
                    task_status.started()
                    await self._serve(nursery)
        finally:
            self._abandon()

    def _abandon(self) -> None:
        """Nobody serves the context any more: end its watches, let go who waits to deliver."""
        self.notices.close()
        with contextlib.suppress(trio.WouldBlock):
            while True:
                item = self._inbox.receive_nowait()
                if item.done is not None:
                    item.done()
        self._inbox.close()
        self._is_abandoned = True
        self._answer_all()
        self._forget_receipts()

    def _forget_receipts(self) -> None:
        """Nothing waits any more for this context to take it in."""
        while self._receipts:
            self._receipts.popitem()[1](Use.NONE)

    def _answer_all(self) -> None:
        """Whoever waits for this context's word gets one: it ended here."""
        failed = Failed(Failure.CANCELLED, "the context was left before the call was done", 0, ())
        while self._replies:
            request, on_reply = self._replies.popitem()
            on_reply(Reply(request, failed, None))
        while self._admissions:
            self._admissions.popitem()[1]("not here")
        gone = Denied("not-admitted", "the context was left before it was done")
        while self._wishes:
            request, answer = self._wishes.popitem()
            answer(GovernanceAnswered(request, None, gone))

    def stop(self) -> None:
        """End the task."""
        self._scope.cancel()

    async def _serve(self, nursery: trio.Nursery) -> None:
        while True:
            item = await self._next_item()
            now = time.time()
            if isinstance(item.event, tuple):
                heard, peer = item.event
                effects = self.replica.hear(heard, peer, now)
            else:
                effects = self.replica.handle(item.event, now)
            await self._perform(effects, nursery)
            self._note_standing()
            if item.done is not None:
                item.done()

    async def _next_item(self) -> _Item:
        name = min(self._timers, key=self._timers.__getitem__)
        items: list[_Item] = []
        with trio.move_on_at(self._timers[name]):
            items.append(await self._inbox.receive())
        if not items:
            del self._timers[name]
            items.append(_Item(TimerFired(name)))
        return items[0]

    def _note_standing(self) -> None:
        replica = self.replica
        self.standing.note(is_admitted=replica.is_admitted, is_removed=replica.is_removed)

    async def _perform(self, effects: list[Effect], nursery: trio.Nursery) -> None:
        for effect in effects:
            match effect:
                case Commit(writes, durable):
                    await self._commit(writes, durable=durable)
                case Execute(batch):
                    nursery.start_soon(self.code.execute, batch)
                case Verify():
                    nursery.start_soon(self.code.verify, self.code.snapshot(), effect)
                case Broadcast(envelope):
                    # Gossip is a hint: a network that is stuck must not hold up the context.
                    with trio.move_on_after(limits.PUBLISH_WAIT_S):
                        await self._out_send.send(envelope)
                case Reply(request):
                    self._replies.pop(request)(effect)
                case Applied():
                    self._notify(effect)
                case SetTimer(name, after_s):
                    self._timers[name] = trio.current_time() + after_s
                case RecordSequence(sequence):
                    self._outlets.record_sequence(sequence)
                case Ask(peer, ids):
                    self._outlets.ask(peer, ids)
                case AdmissionAnswered(request, reason):
                    self._admissions.pop(request)(reason)
                case GovernanceAnswered(request):
                    self._wishes.pop(request)(effect)
                case Dealt(receipt, use):
                    self._receipts.pop(receipt)(use)
                case NeedRelease():
                    nursery.start_soon(self.code.get_ready, effect)
                case Misbehaved(peer, code):
                    self._outlets.misbehaved(peer, code)

    async def _commit(self, writes: tuple[Write, ...], *, durable: bool) -> None:
        batch = [ScopedWrites(self.replica.context, writes)]
        if not durable and len(writes) < _INLINE_WRITES_MAX:
            self._store.write(batch, durable=False)
            return
        # Once begun a commit is finished: the ledger has moved on already.
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(lambda: self._store.write(batch, durable=durable))

    async def _publish_all(self) -> None:
        async for envelope in self._out:
            try:
                await self._outlets.publish(self.topic, envelope)
            except NodeError as error:
                _logger.debug("not published", extra={"reason": str(error)})

    def _notify(self, applied: Applied) -> None:
        if self.notices.is_watched:
            row = delta_row(applied.delta, applied.payload, applied.member)
            self.notices.tell(applied.arrival, row)


def _placed(on_reply: Callable[[int, Reply], None], place: int) -> Callable[[Reply], None]:
    return lambda reply: on_reply(place, reply)
