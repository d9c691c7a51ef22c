"""A disk that can lose power: rows that survive, and writes that perhaps do.

LevelDB's log: a durable write takes all earlier ones with it; a power cut loses a suffix of what
came after the last durable write, never a middle; the end of the process loses nothing.
"""

from __future__ import annotations

import random

from covey.model import ContextId, Reader, RowKey, ScopedWrites, Table, Write
from covey.store import MemoryStore

__all__ = ["Disk"]


class Disk:
    """The disk of one node, and the store that is open on it."""

    def __init__(self, context: ContextId) -> None:
        self._context = context
        self._safe: dict[tuple[Table, RowKey], bytes] = {}
        self._unsafe: list[tuple[Write, ...]] = []
        self._store = MemoryStore()

    @property
    def reader(self) -> Reader:
        """The rows of the context as the running process sees them."""
        return self._store.reader(self._context)

    def write(self, writes: tuple[Write, ...], *, durable: bool) -> None:
        """One atomic write, done when this returns."""
        self._store.write([ScopedWrites(self._context, writes)], durable=durable)
        self._unsafe.append(writes)
        if durable:
            self._keep(len(self._unsafe))

    def is_safe(self, table: Table, key: RowKey) -> bool:
        """Whether a row would survive a power cut now."""
        return (table, key) in self._safe

    def crash(self, rng: random.Random, *, is_power_cut: bool) -> None:
        """The process ends; what survives is what a new one will find."""
        kept = rng.randint(0, len(self._unsafe)) if is_power_cut else len(self._unsafe)
        self._keep(kept)
        self._store.close()
        self._store = MemoryStore()
        rows = tuple(Write(table, key, value) for (table, key), value in self._safe.items())
        self._store.write([ScopedWrites(self._context, rows)], durable=True)

    def _keep(self, count: int) -> None:
        for writes in self._unsafe[:count]:
            for write in writes:
                place = (write.table, write.key)
                if write.value is None:
                    self._safe.pop(place, None)
                else:
                    self._safe[place] = write.value
        self._unsafe = []
