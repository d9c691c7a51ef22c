"""One stream of a multiplexed connection: buffers, windows, half-closing."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

import trio
from libp2p.abc import IMuxedStream
from libp2p.stream_muxer.exceptions import (
    MuxedStreamClosed,
    MuxedStreamEOF,
    MuxedStreamReset,
)
from libp2p.stream_muxer.yamux.yamux import (
    DEFAULT_WINDOW_SIZE,
    FLAG_FIN,
    FLAG_RST,
    HEADER_SIZE,
    MAX_MESSAGE_SIZE,
    TYPE_DATA,
    TYPE_WINDOW_UPDATE,
)

from covey.model import limits

if TYPE_CHECKING:
    from covey.network.muxer import Muxer

__all__ = ["MuxedStream"]

_FRAME_BODY_BYTES = MAX_MESSAGE_SIZE - HEADER_SIZE


class MuxedStream(IMuxedStream):
    """A yamux stream.

    A writer without window waits for as long as its caller does (the keep-alive of the connection
    notices a dead peer), and the reader returns window when half of it has been read. A stream that
    the peer opened is of no use to this side once it is closed here: what arrives is dropped then.
    """

    def __init__(self, stream_id: int, muxer: Muxer, *, is_local: bool) -> None:
        self.stream_id = stream_id
        self.muxed_conn = muxer
        self.is_local = is_local
        self.is_send_closed = False
        self.is_receive_closed = False
        self.is_reset = False
        self._muxer = muxer
        self._buffer = bytearray()
        self._send_window_bytes = DEFAULT_WINDOW_SIZE
        self._receive_window_bytes = DEFAULT_WINDOW_SIZE  # what the peer may still send
        self._window_target_bytes = DEFAULT_WINDOW_SIZE
        self._waiting = trio.lowlevel.ParkingLot()

    @property
    def is_finished(self) -> bool:
        """Nothing more can be sent or arrive on the wire."""
        return self.is_reset or (self.is_send_closed and self.is_receive_closed)

    @property
    def is_closed(self) -> bool:
        """As py-libp2p asks: of no more use."""
        return self.is_finished and not self._buffer

    @property
    def _is_served(self) -> bool:
        """The peer opened it, and has had its answer."""
        return self.is_send_closed and not self.is_local

    @property
    def unread_bytes(self) -> int:
        """What has arrived and waits for its reader."""
        return len(self._buffer)

    async def read(self, n: int | None = None) -> bytes:
        """At least one and at most n bytes; raises MuxedStreamEOF or MuxedStreamReset.

        Cancelled, it has taken nothing.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._buffer:
            if self.is_reset:
                raise MuxedStreamReset("stream was reset")
            if self.is_receive_closed:
                raise MuxedStreamEOF("stream is closed for receiving")
            await self._waiting.park()
        if n is None or n < 0 or n >= len(self._buffer):
            received = bytes(self._buffer)
            self._buffer.clear()
        else:
            received = bytes(self._buffer[:n])
            del self._buffer[:n]
        self._muxer.note_unread(self, -len(received))
        self._return_window()
        return received

    async def write(self, data: bytes) -> None:
        """Queue all bytes, in order; cancelled half way, only a whole prefix of them left."""
        sent = 0
        while sent < len(data):
            if self.is_reset:
                raise MuxedStreamReset("stream was reset")
            if self.is_send_closed:
                raise MuxedStreamClosed("stream is closed for sending")
            size = min(self._send_window_bytes, _FRAME_BODY_BYTES, len(data) - sent)
            if size == 0:
                await self._waiting.park()
                continue
            self._send_window_bytes -= size
            body = data[sent : sent + size]
            sent += size
            await self._muxer.send(TYPE_DATA, 0, self.stream_id, size, body)

    def write_now(self, data: bytes) -> bool:
        """Queue all bytes at once, or none of them where that would have to wait."""
        if self.is_send_closed or len(data) > self._send_window_bytes or not self._muxer.has_room:
            return False
        self._send_window_bytes -= len(data)
        for start in range(0, len(data), _FRAME_BODY_BYTES):
            body = data[start : start + _FRAME_BODY_BYTES]
            self._muxer.post(TYPE_DATA, 0, self.stream_id, len(body), body)
        return True

    async def close(self) -> None:
        """Say that nothing more will be sent; the other direction stays open."""
        if not self.is_send_closed:
            self.is_send_closed = True
            self._muxer.post(TYPE_WINDOW_UPDATE, FLAG_FIN, self.stream_id, 0)
            if self._is_served:
                self.drop_unread()
            self._wake()
            self._muxer.forget_if_finished(self)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def reset(self) -> None:
        """End both directions at once."""
        if not self.is_finished:
            self._muxer.post(TYPE_WINDOW_UPDATE, FLAG_RST, self.stream_id, 0)
        self.drop_unread()
        self.on_reset()
        self._muxer.forget_if_finished(self)
        await trio.lowlevel.checkpoint_if_cancelled()

    def set_deadline(self, ttl: int) -> None:  # noqa: ARG002
        """Not offered: callers bound their waiting with cancel scopes."""
        raise ValueError("streams have no deadlines")

    def get_remote_address(self) -> tuple[str, int] | None:
        """Host and port of the peer."""
        return self._muxer.get_remote_address()

    async def __aenter__(self) -> MuxedStream:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def on_data(self, body: bytes) -> bool:
        """Take bytes of the peer; False if it sent more than it was granted."""
        self._receive_window_bytes -= len(body)
        if self._receive_window_bytes < 0:
            return False
        if not self.is_receive_closed and not self._is_served:
            self._buffer += body
            self._muxer.note_unread(self, len(body))
            self._wake()
        return True

    def drop_unread(self) -> None:
        """Nobody will read what has arrived."""
        self._muxer.note_unread(self, -len(self._buffer))
        self._buffer.clear()

    def on_window(self, increment_bytes: int) -> None:
        """The peer grants more."""
        self._send_window_bytes += increment_bytes
        self._wake()

    def on_finished(self) -> None:
        """The peer will send nothing more."""
        self.is_receive_closed = True
        self._wake()

    def on_reset(self) -> None:
        """The stream ended for both sides."""
        self.is_reset = True
        self.is_send_closed = True
        self.is_receive_closed = True
        self._wake()

    def _return_window(self) -> None:
        if self.is_receive_closed:
            return
        owed = self._window_target_bytes - self._receive_window_bytes - len(self._buffer)
        if owed < self._window_target_bytes // 2:
            return
        # A stream that moves this much gets the large window: 256 KiB is too little for a long way.
        owed += limits.MUXER_WINDOW_BYTES - self._window_target_bytes
        self._window_target_bytes = limits.MUXER_WINDOW_BYTES
        self._receive_window_bytes += owed
        self._muxer.post(TYPE_WINDOW_UPDATE, 0, self.stream_id, owed)

    def _wake(self) -> None:
        self._waiting.unpark_all()
