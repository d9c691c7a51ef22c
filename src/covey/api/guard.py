"""What every request passes first: the right host, the token, a body of bounded size.

The Host header is checked against DNS rebinding: a page whose name was turned to 127.0.0.1 still
names itself there. No origin is ever allowed, so that no page of a browser reads an answer.
"""

from __future__ import annotations

import hmac
import re

import msgspec
import trio
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send
from litestar.types.asgi_types import HTTPRequestEvent, WebSocketReceiveMessage

from covey.api.schema import TOO_LARGE, USAGE, ErrorBody, ErrorReply
from covey.model import limits

__all__ = ["Guard", "send_error"]

_HOST = re.compile(rb"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.IGNORECASE)
_HTTP: tuple[str, ...] = ("http",)
_BATCH = re.compile(r"/v1/contexts/[^/]+/batch")
_WRONG_HOST = ErrorBody(code="unauthorised", message="commanded as 127.0.0.1 or localhost only")
_NO_TOKEN = ErrorBody(
    code="unauthorised", message="the node's token, in its home, is missing or wrong"
)
_STALLED = ErrorBody(code=USAGE, message="the rest of the request never came")


class Guard:
    """An application around the application, which sees only whole requests that may pass."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._bearer = b"Bearer " + token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on with its whole body read."""
        if scope["type"] not in _HTTP:
            return  # Neither lifespan nor web sockets are served.
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(receive, send, *refusal)
            return
        bound = limits.API_REQUEST_BYTES_MAX
        if _BATCH.fullmatch(scope["path"]):
            bound = limits.API_BATCH_BYTES_MAX
        body = await _read_body(receive, bound)
        if isinstance(body, ErrorBody):
            await _refuse(receive, send, 413 if body.code == TOO_LARGE else 400, body)
        elif body is not None:
            await self._app(scope, _Replay(body, receive), send)

    def _refusal(self, scope: Scope) -> tuple[int, ErrorBody] | None:
        hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return 403, _WRONG_HOST
        shown = [value for name, value in scope["headers"] if name.lower() == b"authorization"]
        if len(shown) != 1 or not hmac.compare_digest(shown[0], self._bearer):
            return 401, _NO_TOKEN
        return None


async def _read_body(receive: Receive, bound_bytes: int) -> bytes | ErrorBody | None:
    """The body, why there is none, or None for a client that left."""
    body = bytearray()
    is_whole = False
    while not is_whole:
        with trio.move_on_after(limits.API_STALL_S) as patience:
            message = await receive()
        if patience.cancelled_caught:
            return _STALLED
        if message["type"] != "http.request":
            return None
        body += message["body"]
        if len(body) > bound_bytes:
            return ErrorBody(code=TOO_LARGE, message=f"this request is at most {bound_bytes} bytes")
        is_whole = not message["more_body"]
    return bytes(body)


class _Replay:
    """A body that was read already, then whatever still comes."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return HTTPRequestEvent(type="http.request", body=body, more_body=False)


async def _refuse(receive: Receive, send: Send, status: int, body: ErrorBody) -> None:
    """Answer without the application, while what still arrives is thrown away.

    The server's queue of an unread body would fill, and its end would wait for it for ever.
    """
    async with trio.open_nursery() as nursery:
        finished = trio.Event()
        nursery.start_soon(_drain, receive, finished)
        with trio.move_on_after(limits.API_DRAIN_S):
            await finished.wait()
        await send_error(send, status, body, closing=True)
        nursery.cancel_scope.cancel()


async def _drain(receive: Receive, finished: trio.Event) -> None:
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message["more_body"]:
            finished.set()
        if message["type"] == "http.disconnect":
            return


async def send_error(send: Send, status: int, body: ErrorBody, *, closing: bool = False) -> None:
    """A failed request's whole reply, from below the framework."""
    content = msgspec.json.encode(ErrorReply(error=body))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if closing:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})
