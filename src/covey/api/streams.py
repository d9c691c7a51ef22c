"""What streamed replies share: lines, gathered into writes, ended when the client leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import trio
from litestar.types import Receive, Send

from covey.model import limits

__all__ = ["LINES_TYPE", "Outgoing", "end_with", "start_lines", "until_left"]

LINES_TYPE = "application/x-ndjson"

_encode = msgspec.json.Encoder().encode


@asynccontextmanager
async def until_left(receive: Receive) -> AsyncIterator[None]:
    """Run the block, cancelled when the client leaves; a reply ends after it, never inside.

    The server says "disconnected" also of a reply that is complete: inside, its end would cancel
    itself half-way, and the connection could not be used again.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when_left, receive, nursery.cancel_scope)
        yield
        nursery.cancel_scope.cancel()


async def _cancel_when_left(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] == "http.request":
        pass  # The body was read already: nothing of it is left.
    scope.cancel()


async def start_lines(send: Send) -> None:
    """The head of a reply whose body is lines."""
    headers = [(b"content-type", LINES_TYPE.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def end_with(send: Send, line: msgspec.Struct | None) -> None:
    """The last line, if any, and the end of the reply."""
    body = b"" if line is None else _encode(line) + b"\n"
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Outgoing:
    """Reply lines on their way; those that are ready together leave together."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._filled = trio.Event()
        self._emptied = trio.Event()
        self._has_ended = False

    async def add(self, line: msgspec.Struct) -> None:
        """One line; waits while the client is too far behind."""
        while len(self._buffer) > limits.API_REPLY_BUFFER_BYTES:
            await self._emptied.wait()
        self._buffer += _encode(line)
        self._buffer += b"\n"
        self._filled.set()

    def end(self) -> None:
        """No more lines."""
        self._has_ended = True
        self._filled.set()

    async def run(self, send: Send) -> None:
        """Send what comes until there is no more; ending the reply is left to the caller."""
        while not (self._has_ended and not self._buffer):
            await self._filled.wait()
            self._filled = trio.Event()
            content, self._buffer = bytes(self._buffer), bytearray()
            self._emptied.set()
            self._emptied = trio.Event()
            await send({"type": "http.response.body", "body": content, "more_body": True})
