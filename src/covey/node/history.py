"""What happened in contexts, as a node answers it: the log, what was refused, audits."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from covey.errors import NotFound
from covey.model import DeltaId
from covey.node.auditing import refused_frame, refused_rows
from covey.node.auditor import Auditor
from covey.node.context import ContextDriver
from covey.node.held import Held
from covey.node.log import read_log, replay
from covey.node.views import AuditRow, DeltaRow, RefusedRow

__all__ = ["History"]

_DELTA_HEX = re.compile(r"[0-9a-f]{64}")


class History:
    """The part of a node that looks back."""

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor

    @abstractmethod
    def _held(self, name: str) -> Held:
        """A context by its name; raises NotFound."""

    @abstractmethod
    async def _served(self, held: Held) -> ContextDriver:
        """The driver of a context, once it is there; raises Refused."""

    def log(self, context: str, after: int, limit: int) -> tuple[tuple[int, DeltaRow], ...]:
        """As `NodeService.log`."""
        held = self._held(context)
        return () if held.driver is None else read_log(held.driver.replica, after, limit)

    def refused(self, context: str) -> tuple[RefusedRow, ...]:
        """As `NodeService.refused`."""
        held = self._held(context)
        return () if held.driver is None else refused_rows(held.driver.replica.ledger.committed)

    def proof(self, context: str, delta: str) -> bytes:
        """As `NodeService.proof`."""
        held = self._held(context)
        if held.driver is not None and _DELTA_HEX.fullmatch(delta):
            reader = held.driver.replica.ledger.committed
            frame = refused_frame(reader, DeltaId(bytes.fromhex(delta)))
            if frame is not None:
                return frame
        raise NotFound("no such refused delta is kept here: `covey context log` lists them")

    @asynccontextmanager
    async def audit(self, context: str) -> AsyncIterator[trio.MemoryReceiveChannel[AuditRow]]:
        """As `NodeService.audit`."""
        replica = (await self._served(self._held(context))).replica
        first = replica.ledger.governor.first
        async with self._auditor.audit(replica.context, replica.charter, first) as rows:
            yield rows

    @asynccontextmanager
    async def watch(
        self, context: str, after: int | None
    ) -> AsyncIterator[trio.MemoryReceiveChannel[tuple[int, DeltaRow]]]:
        """As `NodeService.watch`."""
        driver = await self._served(self._held(context))
        async with driver.notices.watch() as live:
            if after is None:
                yield live
                return
            send, receive = trio.open_memory_channel[tuple[int, DeltaRow]](0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(replay, driver.replica, after, live, send)
                yield receive
                nursery.cancel_scope.cancel()
