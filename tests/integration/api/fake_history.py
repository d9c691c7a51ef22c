"""What a node that is none answers about what was refused, and audits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from covey.errors import NotFound
from covey.node import AuditRow, ContextRow, RefusedRow

__all__ = ["FakeHistory"]


class FakeHistory:
    """Says what a test put there."""

    def __init__(self) -> None:
        self.refusals: list[RefusedRow] = []
        self.audited: list[AuditRow] = []

    @abstractmethod
    def context(self, name: str) -> ContextRow:
        """As `NodeService.context`."""

    def refused(self, context: str) -> tuple[RefusedRow, ...]:
        """What a test put there."""
        self.context(context)
        return tuple(self.refusals)

    def proof(self, context: str, delta: str) -> bytes:
        """A frame for each refusal."""
        for row in self.refused(context):
            if row.delta == delta:
                return b"frame"
        raise NotFound("no such refused delta is kept here")

    @asynccontextmanager
    async def audit(self, context: str) -> AsyncIterator[trio.MemoryReceiveChannel[AuditRow]]:
        """The rows that a test put there."""
        self.context(context)
        send, receive = trio.open_memory_channel[AuditRow](len(self.audited))
        for row in self.audited:
            send.send_nowait(row)
        send.close()
        yield receive
