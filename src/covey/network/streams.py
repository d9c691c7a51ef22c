"""Frames over one stream: length-prefixed, bounded, written by one task."""

from __future__ import annotations

from collections import deque

import trio
from libp2p.abc import INetStream
from libp2p.exceptions import BaseLibp2pError
from libp2p.io.exceptions import IOException

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import PeerId, limits

__all__ = ["FrameStream"]

_LENGTH_BYTES = 4
_READ_BYTES = 256 * 1024


class FrameStream:
    """A two-way stream of frames to one peer.

    On the wire a frame is its length (4 bytes, big-endian) and its bytes, at most
    `limits.SYNC_FRAME_SIZE_BYTES_MAX`. `send` queues a whole frame; the task `run` alone writes, so
    cancelling a sender never tears a frame, and a slow reader makes senders wait, not fail. One
    that takes nothing for `limits.STREAM_STALL_S` has its stream reset.
    One task receives at a time; a cancelled `receive` loses nothing.
    """

    def __init__(self, peer: PeerId, stream: INetStream) -> None:
        self.peer = peer
        self._stream = stream
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._is_open = True
        self._lot = trio.lowlevel.ParkingLot()
        self._room_lot = trio.lowlevel.ParkingLot()
        self._finished = trio.Event()
        self._buffer = bytearray()

    async def send(self, frame: bytes) -> None:
        """Queue a frame once there is room; raises PeerUnavailable when the stream has ended.

        Cancelled, it has queued nothing.
        """
        assert len(frame) <= limits.SYNC_FRAME_SIZE_BYTES_MAX
        await trio.lowlevel.checkpoint_if_cancelled()
        while self._is_open and self._queued_bytes and self._overfull(len(frame)):
            await self._room_lot.park()
        if not self._is_open:
            raise PeerUnavailable("the stream to the peer has ended")
        self._queue.append(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
        self._queued_bytes += _LENGTH_BYTES + len(frame)
        self._lot.unpark_all()

    async def receive(self, size_bytes_max: int = limits.SYNC_FRAME_SIZE_BYTES_MAX) -> bytes:
        """The next frame, of at most so many bytes.

        Raises ProtocolViolation for a length over the limit (the stream is reset then), and
        PeerUnavailable at the end of the stream.
        """
        await self._fill(_LENGTH_BYTES)
        size = int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
        if size > size_bytes_max:
            await self.reset()
            raise ProtocolViolation("oversized", f"a frame of {size} bytes was announced")
        end = _LENGTH_BYTES + size
        await self._fill(end)
        frame = bytes(self._buffer[_LENGTH_BYTES:end])
        del self._buffer[:end]
        return frame

    async def close(self) -> None:
        """Let what is queued leave within `limits.STREAM_CLOSE_S`, then end; idempotent."""
        if self._is_open:
            self._is_open = False
            self._wake()
        with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
            await self._finished.wait()
        if not self._finished.is_set():
            await self.reset()

    async def reset(self) -> None:
        """End both directions at once and drop what is queued; idempotent."""
        self._is_open = False
        self._queue.clear()
        self._queued_bytes = 0
        self._wake()
        with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
            await self._stream.reset()

    async def run(self) -> None:
        """Write what is queued until the stream ends; the network runs this in its nursery."""
        try:
            while self._is_open or self._queue:
                if not self._queue:
                    await self._lot.park()
                    continue
                await self._write(self._queue[0])
                if self._queue:
                    self._queued_bytes -= len(self._queue.popleft())
                self._room_lot.unpark_all()
            with trio.move_on_after(limits.STREAM_CLOSE_S):
                await self._stream.close()
        except (BaseLibp2pError, IOException):
            # The peer went away; senders and the receiver learn it from their own calls.
            self._queue.clear()
        except trio.TooSlowError:
            await self.reset()
        finally:
            self._is_open = False
            self._finished.set()
            self._wake()

    def _overfull(self, size: int) -> bool:
        return self._queued_bytes + size > limits.STREAM_QUEUE_BYTES_MAX

    async def _write(self, framed: bytes) -> None:
        for start in range(0, len(framed), limits.STREAM_CHUNK_BYTES_MAX):
            with trio.fail_after(limits.STREAM_STALL_S):
                await self._stream.write(framed[start : start + limits.STREAM_CHUNK_BYTES_MAX])

    async def _fill(self, size: int) -> None:
        while len(self._buffer) < size:
            try:
                received = await self._stream.read(_READ_BYTES)
            except (BaseLibp2pError, IOException) as error:
                raise PeerUnavailable("the stream to the peer has ended") from error
            if not received:
                raise PeerUnavailable("the stream to the peer has ended")
            self._buffer += received

    def _wake(self) -> None:
        self._lot.unpark_all()
        self._room_lot.unpark_all()
