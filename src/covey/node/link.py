"""The driver of one session: one stream to one peer.

The session's answers are queued in the order in which it gave them; one task writes them. A peer
that asks faster than it reads waits: while its answers fill the queue, nothing more is read. So
does one that sends deltas faster than they are taken in; what came besides is still attended to.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable

import trio

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import ContextId, PeerId, limits
from covey.network import FrameStream
from covey.node.costs import Costs
from covey.sync import (
    AskFrontiers,
    BatchDue,
    Close,
    DeltaDelivered,
    FrameArrived,
    More,
    OpenBatch,
    Pump,
    Send,
    Session,
    SessionEffect,
    SessionEvent,
    Tick,
)

__all__ = ["Link"]

_logger = logging.getLogger(__name__)


class Link:
    """One session at work; `run` is its task.

    on_effect: carries out what is no business of the stream; awaited for the effects of what
    arrived, so that a full inbox holds up this peer alone. on_ask: what concerns other
    streams, at once. costs: what this peer may cost. is_crowded: whether so much waits to be
    opened, of all peers, that nothing more is read of those with something in it.
    """

    def __init__(
        self,
        session: Session,
        stream: FrameStream,
        on_effect: Callable[[Link, SessionEffect], Awaitable[None]],
        on_ask: Callable[[AskFrontiers], None],
        costs: Costs,
        is_crowded: Callable[[], bool],
    ) -> None:
        self.session = session
        self.peer: PeerId = session.peer
        self._stream = stream
        self._on_effect = on_effect
        self._on_ask = on_ask
        self._costs = costs
        self._is_crowded = is_crowded
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._more: dict[ContextId, None] = {}
        self._pump_again_s = -math.inf
        self._batches: dict[ContextId, None] = {}  # of these one may be opened
        self._is_closing = False
        self._scope = trio.CancelScope()
        self._wake = trio.Event()
        self._drained = trio.Event()
        self._batch_due = trio.Event()
        self._batch_opened = trio.Event()

    async def run(self) -> None:
        """Serve the stream until it ends on either side."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write, nursery.cancel_scope)
                    nursery.start_soon(self._tick)
                    nursery.start_soon(self._open_batches)
                    nursery.start_soon(self._require_greeting)
                    self._queue(self.session.start())
                    await self._read()
                    nursery.cancel_scope.cancel()
        finally:
            self._is_closing = True
            await self._stream.close()

    def tell(self, event: SessionEvent) -> None:
        """Tell the session something that came from this node; what it answers is sent soon."""
        if not self._is_closing:
            self._queue(self.session.handle(event, time.time()))

    def close(self) -> None:
        """End the stream soon."""
        self._is_closing = True
        self._wake.set()

    def cut(self) -> None:
        """End the stream now, whatever waits to be sent."""
        self._is_closing = True
        self._scope.cancel()

    async def _read(self) -> None:
        while not self._is_closing:
            while self._outbox_bytes > limits.LINK_OUTBOX_BYTES_MAX:
                self._drained = trio.Event()
                await self._drained.wait()
            while self.session.unopened_bytes and self._is_crowded():
                self._batch_opened = trio.Event()
                await self._batch_opened.wait()
            try:
                frame = await self._stream.receive(self.session.frame_bytes_max())
            except PeerUnavailable as error:
                _logger.debug("sync stream ended", extra={"peer": self.peer, "why": str(error)})
                return
            except ProtocolViolation as error:
                await self._on_effect(self, Close(error.code))
                return
            await self._take(FrameArrived(frame))

    async def _open_batches(self) -> None:
        while True:
            while self._batches and not self._is_closing:
                context = next(iter(self._batches))
                del self._batches[context]
                await self._take(OpenBatch(context))
                self._batch_opened.set()
            self._batch_due = trio.Event()
            await self._batch_due.wait()

    async def _take(self, event: FrameArrived | OpenBatch) -> None:
        began_s = time.thread_time()
        effects = self._queue(self.session.handle(event, time.time()))
        taken_s = time.thread_time() - began_s
        for effect in effects:
            await self._on_effect(self, effect)
        is_news = any(isinstance(effect, DeltaDelivered) for effect in effects)
        # Others get a turn in any case: neither many small frames that came in one piece nor
        # batches of what is known wait for anything else.
        await trio.sleep(0.0 if is_news else self._costs.spend(taken_s))

    def _queue(self, effects: list[SessionEffect]) -> list[SessionEffect]:
        """Queue what goes out on the stream; gives back the rest."""
        others: list[SessionEffect] = []
        for effect in effects:
            match effect:
                case Send(frame):
                    self._outbox.append(frame)
                    self._outbox_bytes += len(frame)
                case More(context):
                    self._more[context] = None
                case BatchDue(context):
                    self._batches[context] = None
                    self._batch_due.set()
                case AskFrontiers():
                    self._on_ask(effect)
                case Close(code):
                    _logger.debug("sync stream closed", extra={"peer": self.peer, "code": code})
                    self._is_closing = True
                    others.append(effect)
                case _:
                    others.append(effect)
        self._wake.set()
        return others

    async def _write(self, scope: trio.CancelScope) -> None:
        while True:
            while self._outbox:
                frame = self._outbox.popleft()
                try:
                    await self._stream.send(frame)
                except PeerUnavailable:
                    scope.cancel()
                    return
                self._outbox_bytes -= len(frame)
                if self._outbox_bytes <= limits.LINK_OUTBOX_BYTES_MAX:
                    self._drained.set()
            if self._is_closing:
                scope.cancel()
                return
            if self._more and trio.current_time() >= self._pump_again_s:
                self._pump()
                await trio.lowlevel.checkpoint()
                continue
            self._wake = trio.Event()
            with trio.move_on_at(self._pump_again_s if self._more else math.inf):
                await self._wake.wait()

    def _pump(self) -> None:
        """Have the session send more; what it looked at in vain is at the peer's cost.

        A peer decides where it says to stand, so also how much is looked at that it holds.
        """
        context = next(iter(self._more))
        del self._more[context]
        began_s = time.thread_time()
        effects = self.session.handle(Pump(context), time.time())
        taken_s = time.thread_time() - began_s
        if not any(isinstance(effect, Send) for effect in effects):
            self._pump_again_s = trio.current_time() + self._costs.spend(taken_s)
        self._queue(effects)

    async def _require_greeting(self) -> None:
        await trio.sleep(limits.SYNC_HELLO_S)
        if not self.session.is_greeted:
            self.close()

    async def _tick(self) -> None:
        while True:
            await trio.sleep(limits.SYNC_INTERVAL_S)
            self.tell(Tick())
