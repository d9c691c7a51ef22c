"""Runs audits beside the node: one at a time, each on a thread and an engine of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from covey.errors import Refused
from covey.model import Charter, ContextId, ReleaseTerms
from covey.node.auditing import audit
from covey.node.views import AuditRow
from covey.runtime import Executor
from covey.store import Store

__all__ = ["Auditor", "OpenExecutor"]

OpenExecutor = Callable[[], AbstractAsyncContextManager[Executor]]
"""An executor beside the node's own, which gets modules from where that one does."""


class Auditor:
    """Verifies whole histories. folder: for what an audit writes while it runs."""

    def __init__(self, store: Store, open_executor: OpenExecutor, folder: Path) -> None:
        self._store = store
        self._open_executor = open_executor
        self._folder = folder
        self._is_busy = False

    @asynccontextmanager
    async def audit(
        self, context: ContextId, charter: Charter, first: ReleaseTerms
    ) -> AsyncIterator[trio.MemoryReceiveChannel[AuditRow]]:
        """How far it is, now and then, and last how it ended; leaving the block ends it.

        Raises Refused while another audit runs.
        """
        if self._is_busy:
            raise Refused("another audit runs on this node: wait until it is done")
        self._is_busy = True
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            send, receive = trio.open_memory_channel[AuditRow](1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._run, (context, charter, first), send)
                yield receive
                nursery.cancel_scope.cancel()
        finally:
            self._is_busy = False

    async def _run(
        self,
        what: tuple[ContextId, Charter, ReleaseTerms],
        send: trio.MemorySendChannel[AuditRow],
    ) -> None:
        context, charter, first = what
        tell = partial(trio.lowlevel.current_trio_token().run_sync_soon, _offer, send)
        async with send, self._open_executor() as executor:
            with self._store.snapshot(context) as source:
                row = await executor.offload(
                    lambda blocking, interrupt: audit(
                        context,
                        charter,
                        first,
                        source,
                        blocking,
                        told=tell,
                        goes_on=lambda: interrupt.reason is None,
                        folder=self._folder,
                    )
                )
            await send.send(row)


def _offer(send: trio.MemorySendChannel[AuditRow], row: AuditRow) -> None:
    """Tell how far an audit is; who has not taken the last word needs no other."""
    try:
        send.send_nowait(row)
    except (trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
        return
