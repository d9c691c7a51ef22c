"""What carries the encrypted packets of a connection: a socket, or a circuit through a relay."""

from __future__ import annotations

import os
from typing import Protocol

import trio
from libp2p.abc import INetStream
from libp2p.exceptions import BaseLibp2pError
from libp2p.io.abc import ReadWriteCloser
from libp2p.io.exceptions import ConnectionClosedError, IOException
from libp2p.io.trio import TrioTCPStream

from covey.errors import PeerUnavailable

__all__ = ["Circuit", "Pipe", "pipe_of"]

_WRITE_BYTES = 64 * 1024


class Pipe(Protocol):
    """Bytes in both directions; one task reads and one task writes."""

    @property
    def local_port(self) -> int | None:
        """The port of this side's socket, if there is one."""

    async def receive_into(self, room: memoryview) -> int:
        """Take what has arrived, at least a byte; 0 at the end. Raises PeerUnavailable."""

    async def send_some(self, packets: memoryview) -> int:
        """Write a part, perhaps nothing; returns how much. Raises PeerUnavailable."""


class _Socket:
    """The system's own calls: py-libp2p's layers above it cost more than the encryption."""

    def __init__(self, stream: TrioTCPStream) -> None:
        self._socket = stream.stream.socket
        self._is_drained = True  # it probably has nothing more
        self._local_port = int(self._socket.getsockname()[1])

    @property
    def local_port(self) -> int | None:
        """As of `Pipe`."""
        return self._local_port

    async def receive_into(self, room: memoryview) -> int:
        """As of `Pipe`. Others get a turn before every call."""
        while True:
            if self._is_drained:
                try:
                    await trio.lowlevel.wait_readable(self._socket.fileno())
                except trio.ClosedResourceError:
                    return 0
            else:
                await trio.lowlevel.checkpoint()
            try:
                size = os.readv(self._socket.fileno(), [room])
            except BlockingIOError:
                self._is_drained = True
                continue
            except OSError as error:
                raise PeerUnavailable("the connection broke") from error
            self._is_drained = size < len(room)
            return size

    async def send_some(self, packets: memoryview) -> int:
        """As of `Pipe`."""
        try:
            return os.write(self._socket.fileno(), packets)
        except BlockingIOError:
            await trio.lowlevel.wait_writable(self._socket.fileno())
            return 0
        except OSError as error:
            raise PeerUnavailable("the connection broke") from error


class Circuit(ReadWriteCloser):
    """A stream to a relay that goes on to the peer, in place of a socket.

    It has no half-closing, as an encrypted connection has no use for it.
    """

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        """At most n bytes, b"" at the end."""
        try:
            return await self._stream.read(n)
        except (BaseLibp2pError, IOException):
            return b""

    async def write(self, data: bytes) -> None:
        """All of it; raises ConnectionClosedError."""
        try:
            await self._stream.write(data)
        except (BaseLibp2pError, IOException) as error:
            raise ConnectionClosedError("the circuit has ended") from error

    async def close(self) -> None:
        """End it, after what was written; idempotent."""
        try:
            await self._stream.close()
            await self._stream.reset()
        except (BaseLibp2pError, IOException):
            return  # The relay or the peer ended it before.

    def get_remote_address(self) -> tuple[str, int] | None:
        """Nothing: the address of the far end is not known here."""
        return None

    @property
    def local_port(self) -> int | None:
        """As of `Pipe`."""
        return None

    async def receive_into(self, room: memoryview) -> int:
        """As of `Pipe`."""
        received = await self.read(len(room))
        room[: len(received)] = received
        return len(received)

    async def send_some(self, packets: memoryview) -> int:
        """As of `Pipe`."""
        part = bytes(packets[:_WRITE_BYTES])
        try:
            await self.write(part)
        except ConnectionClosedError as error:
            raise PeerUnavailable("the circuit has ended") from error
        return len(part)


def pipe_of(stream: object) -> Pipe:
    """The pipe below py-libp2p's raw connection."""
    if isinstance(stream, Circuit):
        return stream
    assert isinstance(stream, TrioTCPStream)
    return _Socket(stream)
