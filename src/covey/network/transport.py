"""TCP listening and dialling, with the accepting tasks in a nursery that somebody owns."""

from __future__ import annotations

import logging
import socket

import trio
from libp2p.abc import IListener, IRawConnection
from libp2p.custom_types import THandler
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.transport.exceptions import OpenConnectionError
from libp2p.transport.tcp.tcp import TCP
from libp2p.utils.multiaddr_utils import multiaddr_from_socket
from multiaddr import Multiaddr

from covey.network.address import host_and_port
from covey.network.door import Door

__all__ = ["Listener", "TcpTransport"]

_logger = logging.getLogger(__name__)


class Listener(IListener):
    """A listening TCP socket without SO_REUSEPORT: a port in use is an error, not a shared port.

    py-libp2p's own sets it, so that two nodes on one port both seem to work and each gets half of
    the connections.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        handler: THandler,
        failures: dict[str, OSError],
        door: Door,
    ) -> None:
        self._nursery = nursery
        self._handler = handler
        self._failures = failures
        self._sockets: list[trio.SocketListener] = []
        self._scope = trio.CancelScope()
        self._door = door

    async def listen(self, maddr: Multiaddr) -> None:
        """Bind and accept; raises OpenConnectionError and notes the reason for the caller."""
        host, port = host_and_port(maddr)
        try:
            self._sockets = list(await trio.open_tcp_listeners(port, host=host))
        except OSError as error:
            self._failures[str(maddr)] = error
            raise OpenConnectionError(f"cannot listen on {maddr}: {error}") from error
        self._nursery.start_soon(self._accept, self._sockets)

    def get_addrs(self) -> tuple[Multiaddr, ...]:
        """Bound addresses, with the port that the system chose; of closed sockets none."""
        sockets = [listener.socket for listener in self._sockets]
        return tuple(multiaddr_from_socket(socket) for socket in sockets if socket.fileno() >= 0)

    async def close(self) -> None:
        """Stop accepting; idempotent."""
        self._scope.cancel()
        sockets, self._sockets = self._sockets, []  # Nobody asks a closed one for its address.
        for listener in sockets:
            await listener.aclose()

    async def _accept(self, sockets: list[trio.SocketListener]) -> None:
        with self._scope:
            try:
                await trio.serve_listeners(self._serve, sockets, handler_nursery=self._nursery)
            except trio.ClosedResourceError:
                return  # `close` came between two accepts.

    async def _serve(self, stream: trio.SocketStream) -> None:
        try:
            with self._door.pass_through(stream.socket.getpeername()[0]) as is_admitted:
                if is_admitted:
                    await self._handler(TrioTCPStream(stream))
        except Exception as error:  # noqa: BLE001
            # A stranger's failed handshake ends this socket and nothing else.
            _logger.debug("inbound connection failed", extra={"reason": repr(error)})
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(1):
                await stream.aclose()


class TcpTransport(TCP):
    """py-libp2p's TCP dialler with our listeners, which share a door."""

    def __init__(self, nursery: trio.Nursery) -> None:
        super().__init__()
        self.listen_failures: dict[str, OSError] = {}
        self.door = Door()
        self._nursery = nursery

    async def dial(self, maddr: Multiaddr) -> IRawConnection:
        """Connect; from the port of this socket others may be dialled later (`punch`)."""
        raw = await super().dial(maddr)
        assert isinstance(raw, RawConnection)
        assert isinstance(raw.stream, TrioTCPStream)
        raw.stream.stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return raw

    def create_listener(self, handler_function: THandler) -> Listener:  # type: ignore[override]
        """A listener whose tasks run in the network's nursery."""
        return Listener(self._nursery, handler_function, self.listen_failures, self.door)
