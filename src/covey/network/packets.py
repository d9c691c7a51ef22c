"""Noise packets of one connection, read and written in bulk instead of byte by byte."""

from __future__ import annotations

from typing import Protocol, cast

import trio
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.security.noise.io import MAX_PLAINTEXT_LENGTH, NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession

from covey.network.pipe import pipe_of

__all__ = ["PacketStream"]

_LENGTH_BYTES = 2
_BUFFER_BYTES = 160 * 1024  # room for a whole packet behind the beginning of another

_Bytes = bytes | bytearray | memoryview


class _Cipher(Protocol):
    def encrypt(self, k: object, n: int, ad: None, plaintext: _Bytes) -> bytes: ...

    def decrypt(self, k: object, n: int, ad: None, ciphertext: _Bytes) -> bytes: ...


class _CipherState(Protocol):
    """One direction of a Noise session: n counts its packets."""

    k: object
    n: int
    cipher: _Cipher


class PacketStream:
    """The encrypted byte stream below a multiplexer, after the Noise handshake.

    py-libp2p reads each packet's length and body with one system call each, through two locks and
    three checks; here one call takes whatever has arrived, straight from the socket, and the cipher
    is called without its wrappers. One task reads and one task writes.
    """

    def __init__(self, session: SecureSession) -> None:
        transport = session.conn
        assert isinstance(transport, NoiseTransportReadWriter)
        raw = cast("object", transport.read_writer.read_write_closer)
        assert isinstance(raw, RawConnection)
        protocol = transport.noise_state.noise_protocol
        self._session = session
        self._pipe = pipe_of(raw.stream)
        self._sealing: _CipherState = protocol.cipher_state_encrypt
        self._opening: _CipherState = protocol.cipher_state_decrypt
        self._buffer = bytearray(_BUFFER_BYTES)
        self._start = 0
        self._end = 0

    @property
    def local_port(self) -> int | None:
        """As of `Pipe`."""
        return self._pipe.local_port

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
            if not await self._receive():
                return b""

    async def write(self, clear: bytes | bytearray) -> None:
        """Encrypt and write; a cancelled write leaves the connection unusable."""
        packets: list[bytes] = []
        state, view = self._sealing, memoryview(clear)
        for start in range(0, len(clear), MAX_PLAINTEXT_LENGTH):
            piece = view[start : start + MAX_PLAINTEXT_LENGTH]
            sealed = state.cipher.encrypt(state.k, state.n, None, piece)
            state.n += 1
            packets += (len(sealed).to_bytes(_LENGTH_BYTES, "big"), sealed)
        leaving = memoryview(b"".join(packets))
        while leaving:
            leaving = leaving[await self._pipe.send_some(leaving) :]

    async def close(self) -> None:
        """Close the socket or circuit; pending reads and writes end."""
        await self._session.close()

    async def _receive(self) -> bool:
        """Take what has arrived; False at the end."""
        if self._start:
            self._buffer[: self._end - self._start] = self._buffer[self._start : self._end]
            self._start, self._end = 0, self._end - self._start
        with memoryview(self._buffer) as view, view[self._end :] as room:
            size = await self._pipe.receive_into(room)
        self._end += size
        return size > 0

    def _decrypt_whole_packets(self) -> bytes:
        clear: list[bytes] = []
        state = self._opening
        with memoryview(self._buffer) as view:
            while self._end - self._start >= _LENGTH_BYTES:
                body = self._start + _LENGTH_BYTES
                end = body + int.from_bytes(view[self._start : body], "big")
                if self._end < end:
                    break
                clear.append(state.cipher.decrypt(state.k, state.n, None, view[body:end]))
                state.n += 1
                self._start = end
        return clear[0] if len(clear) == 1 else b"".join(clear)
