"""What a run reads piece by piece: the records of a scan, the bytes of its seeded stream."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from covey.crypto import SeededStream
from covey.model import limits
from covey.runtime.engine import Guest, Interrupt, stop

__all__ = ["RandomBytes", "Scan"]

_FRAME_BYTES: Final = 8  # the two lengths of a record
_PARTS: Final = 4  # of a record: two lengths, key and value
_INTERRUPT_EVERY: Final = 64  # entries of a scan between two looks at the interrupt
_LENGTHS_COUNT: Final = limits.KEY_BYTES_MAX + 1
_LENGTHS: Final = tuple(size.to_bytes(4, "little") for size in range(_LENGTHS_COUNT))
_ENTRY_FUEL: Final = limits.SCAN_ENTRY_FUEL
_BYTE_FUEL: Final = limits.COPY_FUEL_PER_BYTE
_DRAWN_BYTES_MIN: Final = 32


class Scan:
    """One open scan with the entry that comes next, where it was read and did not fit."""

    __slots__ = ("_entries", "_held")

    def __init__(self, entries: Iterator[tuple[bytes, bytes]]) -> None:
        self._entries = entries
        self._held: tuple[bytes, bytes] | None = None

    def take(self, guest: Guest, cap: int, interrupt: Interrupt) -> bytes | int:
        """As many whole records as fit; if not even one does its size, 0 at the end.

        Each entry is charged when it is first seen, whether or not it fits.
        """
        parts: list[bytes] = []
        room_bytes, fuel = cap, guest.fuel
        if self._held is not None:
            key, value = self._held
            room_bytes -= _FRAME_BYTES + len(key) + len(value)
            if room_bytes < 0:
                return cap - room_bytes
            parts += (_length(key), key, _length(value), value)
            self._held = None
        # A page of a thousand entries passes here at once, so nothing is called that need not be.
        while True:
            before = len(parts)
            for key, value in islice(self._entries, _INTERRUPT_EVERY):
                key_size, value_size = len(key), len(value)
                size_bytes = _FRAME_BYTES + key_size + value_size
                fuel -= _ENTRY_FUEL + size_bytes * _BYTE_FUEL
                room_bytes -= size_bytes
                if fuel <= 0 or room_bytes < 0:
                    guest.charge(guest.fuel - fuel)
                    self._held = key, value
                    return b"".join(parts) if parts else size_bytes
                length = _LENGTHS[value_size] if value_size < _LENGTHS_COUNT else _length(value)
                parts += (_LENGTHS[key_size], key, length, value)
            if len(parts) - before < _INTERRUPT_EVERY * _PARTS:
                break
            if interrupt.reason is not None:
                stop(interrupt.reason, "the node stopped the code")
        guest.charge(guest.fuel - fuel)
        return b"".join(parts) if parts else 0

    def close(self) -> None:
        """Let go of what it holds of the store."""
        close = getattr(self._entries, "close", None)
        if close is not None:
            close()


def _length(content: bytes) -> bytes:
    return len(content).to_bytes(4, "little")


class RandomBytes:
    """The seeded stream, read ahead by doubling: it is hashed from its start every time."""

    __slots__ = ("_at", "_block", "_drawn", "_stream")

    def __init__(self, seed: bytes) -> None:
        self._stream = SeededStream(seed)
        self._block = b""
        self._at = 0
        self._drawn = 0

    def take(self, size_bytes: int) -> bytes:
        """The next bytes."""
        taken = self._block[self._at : self._at + size_bytes]
        self._at += len(taken)
        missing = size_bytes - len(taken)
        if missing:
            self._block = self._stream.take(max(missing, self._drawn, _DRAWN_BYTES_MIN))
            taken += self._block[:missing]
            self._at = missing
        self._drawn += size_bytes
        return taken
