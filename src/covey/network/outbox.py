"""What waits to be sent to one gossip peer: bounded, control first, several RPCs a write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import trio

from covey.model import limits

__all__ = ["Outbox"]


class Outbox:
    """Packed RPCs for one peer. One task takes from it; anybody puts.

    write_now: sends bytes at once if the stream has room, or says False; so that a message that
    nothing waits before does not wait for a task either.
    """

    def __init__(self, write_now: Callable[[bytes], bool] | None = None) -> None:
        self._write_now = write_now
        self._is_taken = False  # bytes were handed out and may not have left yet
        self._control: deque[bytes] = deque()
        self._frames: deque[bytes] = deque()
        self._frames_bytes = 0
        self._is_closed = False
        self._lot = trio.lowlevel.ParkingLot()
        self._room_lot = trio.lowlevel.ParkingLot()

    def offer(self, packed: bytes) -> bool:
        """Queue a message if there is room; False if there is none (a closed box takes all)."""
        if self._is_closed or self._leaves_now(packed):
            return True
        if self._frames and (
            len(self._frames) >= limits.GOSSIP_QUEUE_FRAMES_MAX
            or self._frames_bytes + len(packed) > limits.GOSSIP_QUEUE_BYTES_MAX
        ):
            return False
        self._frames.append(packed)
        self._frames_bytes += len(packed)
        self._lot.unpark_all()
        return True

    async def put(self, packed: bytes) -> None:
        """Queue a message, waiting for room; returns too when the peer is gone."""
        while not self.offer(packed):
            await self._room_lot.park()

    def control(self, packed: bytes) -> None:
        """Queue a control RPC ahead of messages; dropped when far too many wait already."""
        if self._is_closed or self._leaves_now(packed):
            return
        if len(self._control) < limits.GOSSIP_CONTROL_FRAMES_MAX:
            self._control.append(packed)
            self._lot.unpark_all()

    async def take(self) -> bytes:
        """The next RPCs as one write; waits for the first."""
        self._is_taken = False
        while not self._control and not self._frames:
            await self._lot.park()
        self._is_taken = True
        taken: list[bytes] = []
        size = 0
        while size < limits.GOSSIP_WRITE_BYTES_MAX and (self._control or self._frames):
            if self._control:
                packed = self._control.popleft()
            else:
                packed = self._frames.popleft()
                self._frames_bytes -= len(packed)
            taken.append(packed)
            size += len(packed)
        self._room_lot.unpark_all()
        return b"".join(taken)

    def _leaves_now(self, packed: bytes) -> bool:
        if self._write_now is None or self._is_taken or self._control or self._frames:
            return False
        return self._write_now(packed)

    def close(self) -> None:
        """The peer is gone: drop everything and let waiting publishers go on."""
        self._is_closed = True
        self._control.clear()
        self._frames.clear()
        self._frames_bytes = 0
        self._room_lot.unpark_all()
