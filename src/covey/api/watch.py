"""Streams that the node pushes as JSON lines: watches and audits.

Empty lines are heartbeats: they show a client that the node lives, and the node that the client
left. A last line with an error says why the node ended a watch; an audit's last row says it itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Generic, TypeVar

import msgspec
import trio
from litestar.types import ASGIApp, Receive, Scope, Send

from covey.api.failures import error_body, error_status
from covey.api.guard import send_error
from covey.api.history_schema import AuditLine
from covey.api.present import applied_row, mirrored
from covey.api.schema import ErrorBody, ErrorReply
from covey.api.streams import end_with, start_lines, until_left
from covey.errors import NodeError
from covey.model import limits
from covey.node import NodeService
from covey.node.views import AuditRow, DeltaRow

__all__ = ["answer_audit", "answer_watch"]

_T = TypeVar("_T")

_encode = msgspec.json.Encoder().encode
_STOPPING = ErrorBody(code="unavailable", message="the node is stopping")
_CUT_OFF = ErrorBody(
    code="unavailable", message="the watch fell behind, or the context was left: watch again"
)
_HEARTBEAT = b"\n"


def answer_watch(
    service: NodeService, context: str, after: int | None, stopping: trio.Event
) -> ASGIApp:
    """The application that answers one watch of `context`."""
    watched = _Pushed(lambda: service.watch(context, after), _applied_line, _CUT_OFF)
    return watched.answered(stopping)


def answer_audit(service: NodeService, context: str, stopping: trio.Event) -> ASGIApp:
    """The application that answers one audit of `context`."""
    return _Pushed(lambda: service.audit(context), _audit_line, None).answered(stopping)


def _applied_line(row: tuple[int, DeltaRow]) -> msgspec.Struct:
    return applied_row(*row)


def _audit_line(row: AuditRow) -> msgspec.Struct:
    return mirrored(row, AuditLine)


class _Pushed(Generic[_T]):
    """Rows on their way. opened: gives them. ended: what is said when they end by themselves."""

    def __init__(
        self,
        opened: Callable[[], AbstractAsyncContextManager[trio.MemoryReceiveChannel[_T]]],
        line_of: Callable[[_T], msgspec.Struct],
        ended: ErrorBody | None,
    ) -> None:
        self._opened = opened
        self._line_of = line_of
        self._ended = ended

    def answered(self, stopping: trio.Event) -> ASGIApp:
        """The application that answers with them."""

        async def answer(_: Scope, receive: Receive, send: Send) -> None:
            has_started = False
            reason: ErrorBody | None = None
            failure: NodeError | None = None
            async with until_left(receive):
                try:
                    async with self._opened() as rows:
                        has_started = True
                        await start_lines(send)
                        # This line takes the head along: from now on nothing is missed.
                        await _send(send, _HEARTBEAT)
                        reason = await self._send_rows(rows, send, stopping)
                except NodeError as error:
                    failure, reason = error, error_body(error)
            if has_started:
                await end_with(send, None if reason is None else ErrorReply(error=reason))
            elif failure is not None:
                await send_error(send, error_status(failure), error_body(failure))

        return answer

    async def _send_rows(
        self, rows: trio.MemoryReceiveChannel[_T], send: Send, stopping: trio.Event
    ) -> ErrorBody | None:
        """Send until the node ends the stream, and say why it did."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at, stopping, nursery.cancel_scope)
            while True:
                content = _HEARTBEAT
                with trio.move_on_after(limits.API_HEARTBEAT_S):
                    try:
                        content = self._gathered(await rows.receive(), rows)
                    except trio.EndOfChannel:
                        nursery.cancel_scope.cancel()
                        break
                await _send(send, content)
        return _STOPPING if stopping.is_set() else self._ended

    def _gathered(self, first: _T, rows: trio.MemoryReceiveChannel[_T]) -> bytes:
        """The lines of all that wait, up to the size of one write."""
        content = bytearray()
        waiting = [first]
        while waiting:
            content += _encode(self._line_of(waiting.pop())) + b"\n"
            if len(content) < limits.API_REPLY_BUFFER_BYTES:
                with suppress(trio.WouldBlock, trio.EndOfChannel):
                    waiting.append(rows.receive_nowait())
        return bytes(content)


async def _send(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


async def _cancel_at(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
