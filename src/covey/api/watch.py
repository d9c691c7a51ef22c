"""A watch: applied deltas as JSON lines, pushed as they come, until somebody ends it.

Empty lines are heartbeats: they show a client that the node lives, and the node that the client
left. A last line with an error says why the node ended the watch.
"""

from __future__ import annotations

import msgspec
import trio
from litestar.types import ASGIApp, Receive, Scope, Send

from covey.api.failures import error_body, error_status
from covey.api.guard import send_error
from covey.api.present import applied_row
from covey.api.schema import ErrorBody, ErrorReply
from covey.api.streams import end_with, start_lines, until_left
from covey.errors import NodeError
from covey.model import limits
from covey.node import NodeService
from covey.node.views import DeltaRow

__all__ = ["answer_watch"]

_encode = msgspec.json.Encoder().encode
_STOPPING = ErrorBody(code="unavailable", message="the node is stopping")
_CUT_OFF = ErrorBody(
    code="unavailable", message="the watch fell behind, or the context was left: watch again"
)
_HEARTBEAT = b"\n"
_Rows = trio.MemoryReceiveChannel[tuple[int, DeltaRow]]


def answer_watch(
    service: NodeService, context: str, after: int | None, stopping: trio.Event
) -> ASGIApp:
    """The application that answers one watch of `context`."""

    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        has_started = False
        reason: ErrorBody | None = None
        failure: NodeError | None = None
        async with until_left(receive):
            try:
                async with service.watch(context, after) as rows:
                    has_started = True
                    await start_lines(send)
                    # This line takes the head along: from now on nothing is missed.
                    await _send(send, _HEARTBEAT)
                    reason = await _send_rows(rows, send, stopping)
            except NodeError as error:
                failure, reason = error, error_body(error)
        if has_started and reason is not None:
            await end_with(send, ErrorReply(error=reason))
        elif failure is not None:
            await send_error(send, error_status(failure), error_body(failure))

    return answer


async def _send_rows(rows: _Rows, send: Send, stopping: trio.Event) -> ErrorBody:
    """Send until the node ends the watch, and say why it did."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_at, stopping, nursery.cancel_scope)
        while True:
            content = _HEARTBEAT
            with trio.move_on_after(limits.API_HEARTBEAT_S):
                try:
                    content = _gathered(await rows.receive(), rows)
                except trio.EndOfChannel:
                    nursery.cancel_scope.cancel()
                    break
            await _send(send, content)
    return _STOPPING if stopping.is_set() else _CUT_OFF


async def _send(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


async def _cancel_at(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _gathered(first: tuple[int, DeltaRow], rows: _Rows) -> bytes:
    """The lines of all that wait, up to the size of one write."""
    content = bytearray()
    row: tuple[int, DeltaRow] | None = first
    while row is not None:
        content += _encode(applied_row(*row)) + b"\n"
        row = None
        if len(content) < limits.API_REPLY_BUFFER_BYTES:
            try:
                row = rows.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                row = None
    return bytes(content)
