"""The server: HTTP on the loopback interface, on trio, until it is cancelled.

hypercorn speaks HTTP on each connection. Accepting, bounding and ending connections is ours: its
writes are shielded from cancellation, so a client that reads nothing would hold a stop for ever.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import math
import socket
import sys
from typing import NoReturn, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app
from trio_typing import TaskStatus

from covey.api.app import build_app
from covey.errors import ConfigError
from covey.model import limits
from covey.node import NodeService

__all__ = ["serve"]

_log = logging.getLogger(__name__)
_LEFT_S = 0.1  # a request whose client left may end by itself; beyond: cancelled


async def serve(
    service: NodeService,
    *,
    host: str,
    port: int,
    token: str,
    task_status: TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> NoReturn:
    """Serve until cancelled; started with the address (host, port).

    port: 0 lets the system choose. Requests that run when it is cancelled may finish for
    `limits.API_STOP_S`; streams without an end are told and ended at once.
    Raises ConfigError if the address is not of this machine alone, or taken.
    """
    listener = _listen(host, port)
    stopping = trio.Event()
    # Both sides name the same protocol in their own types.
    app = cast("ASGIFramework", build_app(service, token, stopping))
    server = _Server(wrap_app(app, 0, "asgi"))
    async with trio.open_nursery() as nursery:
        try:
            connections = await nursery.start(_hold_connections, server, stopping)
            task_status.started(("127.0.0.1", listener.socket.getsockname()[1]))
            await trio.serve_listeners(server.converse, [listener], handler_nursery=connections)
        finally:
            stopping.set()
    raise AssertionError("serving ends by cancellation alone")


def _listen(host: str, port: int) -> trio.SocketListener:
    if not _is_loopback(host):
        raise ConfigError(f"the API is for this machine alone: use 127.0.0.1, not {host}")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(limits.API_CONNECTIONS_MAX)
        return trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} is in use: choose another with --api") from error
        raise ConfigError(f"port {port} cannot be used: {error.strerror}") from error
    except OverflowError as error:
        listening.close()
        raise ConfigError(f"{port} is no port") from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address("127.0.0.1")
    except ValueError:
        return False


async def _hold_connections(
    server: _Server,
    stopping: trio.Event,
    *,
    task_status: TaskStatus[trio.Nursery],
) -> None:
    """Keep the connections apart from the cancellation that ends the server, for a moment."""
    # Cancelled before this began, nobody would wait for it: behind the shield it would not end.
    await trio.lowlevel.checkpoint_if_cancelled()
    with trio.CancelScope(shield=True) as scope:
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await stopping.wait()
            await server.begin_stop()
            scope.deadline = trio.current_time() + limits.API_STOP_S
            server.cut_off_at(scope.deadline)


class _Server:
    """The connections that are open."""

    def __init__(self, app: AppWrapper) -> None:
        self._app = app
        self._context = WorkerContext(None)
        self._config = _configuration()
        self._open: dict[_Connection, None] = {}

    async def converse(self, stream: trio.SocketStream) -> None:
        """Serve one connection; whatever its client does, the others go on."""
        if len(self._open) >= limits.API_CONNECTIONS_MAX:
            await trio.aclose_forcefully(stream)
            return
        connection = _Connection(stream)
        self._open[connection] = None
        try:
            state = ConnectionState({})
            # The server names TLS alone; it asks for no more than this of a stream without.
            stream_like = cast("trio.SSLStream", connection)
            with connection.until_left:
                await TCPServer(self._app, self._config, self._context, state, stream_like)
        except Exception:  # noqa: BLE001 - ends one connection, never the node
            _log.exception("connection failed")
        finally:
            del self._open[connection]
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(stream)

    async def begin_stop(self) -> None:
        """Idle connections close now, the others after the request they serve."""
        await self._context.terminated.set()

    def cut_off_at(self, deadline: float) -> None:
        """End the writes that cancellation does not reach."""
        for connection in self._open:
            connection.cut_off_at(deadline)


class _Connection(trio.abc.HalfCloseableStream):
    """A socket whose writes end: after a while without progress, or when the node stops.

    until_left: around whoever serves it. The server idles on for `limits.API_KEEP_ALIVE_S` after a
    client that left before its reply was complete, and there are only so many connections.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        self.socket = stream.socket
        self.until_left = trio.CancelScope()
        self._stream = stream
        self._deadline = math.inf
        self._write: trio.CancelScope | None = None

    def cut_off_at(self, deadline: float) -> None:
        """No write lasts longer than until then."""
        self._deadline = deadline
        if self._write is not None:
            self._write.deadline = min(self._write.deadline, deadline)

    async def send_all(self, data: bytes | memoryview) -> None:
        """Send, or give the connection up: BrokenResourceError."""
        soon = trio.current_time() + limits.API_STALL_S
        is_sent = False
        with trio.CancelScope(deadline=min(soon, self._deadline)) as self._write:
            await self._stream.send_all(data)
            is_sent = True
        if not is_sent:
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the client takes nothing")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What the client sent next; empty at its end."""
        received = await self._stream.receive_some(max_bytes)
        if not received:
            self.until_left.deadline = trio.current_time() + _LEFT_S
        return received

    async def send_eof(self) -> None:
        """Nothing more will be sent."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the socket."""
        await self._stream.aclose()


def _configuration() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = _log
    config.h11_max_incomplete_size = limits.API_HEADERS_BYTES_MAX
    config.include_server_header = False
    config.keep_alive_timeout = limits.API_KEEP_ALIVE_S
    # The default closes a connection after 1,000 requests, in the middle of somebody's work.
    config.keep_alive_max_requests = sys.maxsize
    return config
