"""A batch: calls as JSON lines in, one reply line for each, in order, as they take effect.

The body was read whole before: a client that sends everything before it reads never waits for a
node that answers before it has read everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing

import msgspec
import trio
from litestar.types import ASGIApp, Receive, Scope, Send

from covey.api.failures import error_body, error_status
from covey.api.guard import send_error
from covey.api.present import batch_reply
from covey.api.schema import TOO_LARGE, USAGE, BatchReply, CallRequest, ErrorBody, ErrorReply
from covey.api.streams import Outgoing, end_with, start_lines, until_left
from covey.errors import NodeError
from covey.model import limits
from covey.node import NodeService

__all__ = ["answer_batch"]

_decode = msgspec.json.Decoder(CallRequest).decode
_LONG_LINE = ErrorReply(
    error=ErrorBody(
        code=TOO_LARGE, message=f"a line is at most {limits.API_BATCH_LINE_BYTES_MAX} bytes"
    )
)


def answer_batch(service: NodeService, context: str, body: bytes) -> ASGIApp:
    """The application that answers one batch to `context`."""

    async def answer(_: Scope, receive: Receive, send: Send) -> None:
        failure: NodeError | None = None
        is_done = False
        async with until_left(receive), aclosing(_replies(service, context, body)) as replies:
            try:
                first = await anext(replies, None)
            except NodeError as error:
                failure = error
            else:
                await _send_lines(first, replies, send)
            is_done = True
        if failure is not None:
            await send_error(send, error_status(failure), error_body(failure))
        elif is_done:
            await end_with(send, None)

    return answer


_Reply = BatchReply | ErrorReply


async def _send_lines(first: _Reply | None, replies: AsyncIterator[_Reply], send: Send) -> None:
    await start_lines(send)
    outgoing = Outgoing()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outgoing.run, send)
        try:
            if first is not None:
                await outgoing.add(first)
            async for reply in replies:
                await outgoing.add(reply)
        except NodeError as error:
            await outgoing.add(ErrorReply(error=error_body(error)))
        outgoing.end()


async def _replies(service: NodeService, context: str, body: bytes) -> AsyncGenerator[_Reply, None]:
    """One reply for each line, in order; a line that is no call never reaches the node."""
    lines = _Lines(body)
    place = 0
    async for answer in service.batch(context, lines):
        for refusal in lines.refused_before(place):
            yield refusal
        place += 1
        if isinstance(answer, NodeError):
            yield ErrorReply(error=error_body(answer))
        else:
            yield batch_reply(answer)
    for refusal in lines.refused_before(place):
        yield refusal


class _Lines(Iterator[tuple[str, bytes]]):
    """The calls of a body, (method, arguments) each, decoded as they are asked for.

    Lines that are no calls are kept aside with their place; empty lines are nothing.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self._given = 0
        self._refused: deque[tuple[int, ErrorReply]] = deque()

    def refused_before(self, place: int) -> Iterator[ErrorReply]:
        """The refusals of lines that stand before the call number `place`, each once."""
        while self._refused and self._refused[0][0] <= place:
            yield self._refused.popleft()[1]

    def __next__(self) -> tuple[str, bytes]:
        while self._at < len(self._body):
            end = self._body.find(b"\n", self._at)
            end = len(self._body) if end < 0 else end
            line, self._at = self._body[self._at : end], end + 1
            if not line or line.isspace():
                continue
            if len(line) > limits.API_BATCH_LINE_BYTES_MAX:
                self._refused.append((self._given, _LONG_LINE))
                continue
            try:
                call = _decode(line)
            except msgspec.DecodeError as error:
                reason = ErrorBody(code=USAGE, message=f"a line is no call: {error}")
                self._refused.append((self._given, ErrorReply(error=reason)))
                continue
            self._given += 1
            return call.method, bytes(call.args)
        raise StopIteration
