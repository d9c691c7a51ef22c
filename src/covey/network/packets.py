"""Noise packets of one connection, read and written in bulk instead of byte by byte."""

from __future__ import annotations

from typing import Protocol, cast

import trio
from libp2p.security.noise.io import MAX_PLAINTEXT_LENGTH, NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession

__all__ = ["PacketStream"]

_LENGTH_BYTES = 2
_READ_BYTES = 256 * 1024


class _RawStream(Protocol):
    async def read(self, n: int | None = None) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


class PacketStream:
    """The encrypted byte stream below a multiplexer, after the Noise handshake.

    py-libp2p reads each packet's length and body with one system call each; here one call takes
    whatever has arrived. One task reads and one task writes.
    """

    def __init__(self, session: SecureSession) -> None:
        transport = session.conn
        assert isinstance(transport, NoiseTransportReadWriter)
        self._session = session
        self._noise = transport
        self._raw = cast("_RawStream", transport.read_writer.read_write_closer)
        self._encrypted = bytearray()

    async def read(self) -> bytes:
        """The next decrypted bytes, b"" at the end of the connection."""
        early = self._session._drain(None)
        if early:
            await trio.lowlevel.checkpoint()
            return early
        while True:
            clear = self._decrypt_whole_packets()
            if clear:
                return clear
            received = await self._raw.read(_READ_BYTES)
            if not received:
                return b""
            self._encrypted += received

    async def write(self, clear: bytes) -> None:
        """Encrypt and write; a cancelled write leaves the connection unusable."""
        packets = bytearray()
        for start in range(0, len(clear), MAX_PLAINTEXT_LENGTH):
            sealed = self._noise.encrypt(clear[start : start + MAX_PLAINTEXT_LENGTH])
            packets += len(sealed).to_bytes(_LENGTH_BYTES, "big")
            packets += sealed
        await self._raw.write(bytes(packets))

    async def close(self) -> None:
        """Close the socket; pending reads and writes end."""
        await self._session.close()

    def _decrypt_whole_packets(self) -> bytes:
        buffer = self._encrypted
        clear: list[bytes] = []
        offset = 0
        while len(buffer) - offset >= _LENGTH_BYTES:
            body = offset + _LENGTH_BYTES
            end = body + int.from_bytes(buffer[offset:body], "big")
            if len(buffer) < end:
                break
            clear.append(self._noise.decrypt(bytes(buffer[body:end])))
            offset = end
        if offset:
            del buffer[:offset]
        return clear[0] if len(clear) == 1 else b"".join(clear)
