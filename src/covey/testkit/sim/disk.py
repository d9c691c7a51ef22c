"""A disk that loses power, fills up, gets slow and cannot be read: LevelDB's promises, no more.

Every write is one record of a log, with a checksum. A durable write takes all earlier ones with it;
a power cut loses a suffix of the bytes since, in the middle of a record too; what is torn is found
by its checksum and left out when the store is opened again. The end of the process loses nothing.
The store on it passes the contract tests of the real one.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from covey.errors import StoreError
from covey.model import ContextId, Reader, RowKey, ScopedWrites, Table, Write
from covey.store import (
    Change,
    KeyRange,
    MemoryEngine,
    PageGenerator,
    ScopedStore,
    physical_key,
)

__all__ = ["Disk", "DiskStore", "Hurt", "Survived"]

_RECORD = struct.Struct(">II")  # size of the body, its CRC-32
_CHANGE = struct.Struct(">Ii")  # size of the key; of the value, -1 where the row is removed


@dataclass(frozen=True, slots=True)
class Survived:
    """What is found on a disk. lost: writes that are not; is_torn: one of them in part."""

    rows: dict[bytes, bytes]
    lost: int
    is_torn: bool


@dataclass(slots=True)
class Hurt:
    """What ails a disk now. reads_left: before reads fail. met: told what did harm."""

    is_full: bool = False
    reads_left: int | None = None
    met: Callable[[str], None] = lambda _kind: None


class _LogEngine(MemoryEngine):
    """A sorted map, and what of it is on the platter.

    safe: the rows that no power cut takes. The rest is in the log since the last durable write.
    """

    def __init__(self, safe: dict[bytes, bytes], hurt: Hurt) -> None:
        super().__init__()
        self.safe = safe
        self.hurt = hurt
        self._since: list[Sequence[Change]] = []
        self._torn = b""
        super().apply(tuple(safe.items()), durable=True)

    def get(self, key: bytes) -> bytes | None:
        if self.hurt.reads_left is not None:
            self._count_read()
        return super().get(key)

    def pages(self, keys: KeyRange, *, reverse: bool) -> PageGenerator:
        if self.hurt.reads_left is not None:
            self._count_read()
        return super().pages(keys, reverse=reverse)

    def apply(self, changes: Sequence[Change], *, durable: bool) -> None:
        if self.hurt.is_full:
            record = _record(changes)
            self._torn = record[: 1 + len(record) // 2]
            self.hurt.met("full-disk")
            raise StoreError("the disk is full")
        super().apply(changes, durable=durable)
        self._since.append(changes)
        if durable:
            _keep(self.safe, self._since)
            self._since = []

    def survive(self, rng: random.Random, *, is_power_cut: bool) -> Survived:
        """What the next process finds; this one is not used any more."""
        log = b"".join(map(_record, self._since)) + self._torn
        if is_power_cut:
            log = log[: rng.randint(0, len(log))]
        whole, size_bytes = _records(log)
        _keep(self.safe, whole)
        return Survived(self.safe, len(self._since) - len(whole), size_bytes < len(log))

    def _count_read(self) -> None:
        assert self.hurt.reads_left is not None
        self.hurt.reads_left -= 1
        if self.hurt.reads_left < 0:
            self.hurt.reads_left = None
            self.hurt.met("read-error")
            raise StoreError("a block of the disk cannot be read")


class DiskStore(ScopedStore):
    """Implements `Store` on a log that may be torn. safe: the rows found on the disk."""

    def __init__(self, safe: dict[bytes, bytes] | None = None, hurt: Hurt | None = None) -> None:
        self.log = _LogEngine({} if safe is None else safe, hurt or Hurt())
        super().__init__(self.log)
        self.load()

    def would_survive(self, scope: ContextId, table: Table, key: RowKey) -> bool:
        """Whether a row would be there after a power cut now."""
        number = self._numbers.get(scope)
        return number is not None and physical_key(number, table, key) in self.log.safe


class Disk:
    """The disk of one node, and the store that is open on it. hurt: to be set from outside."""

    def __init__(self, context: ContextId) -> None:
        self._context = context
        self.hurt = Hurt()
        self._store = DiskStore(None, self.hurt)

    @property
    def reader(self) -> Reader:
        """The rows of the context as the running process sees them. Raises StoreError."""
        return self._store.reader(self._context)

    def write(self, writes: tuple[Write, ...], *, durable: bool) -> None:
        """One atomic write, done when this returns. Raises StoreError."""
        self._store.write([ScopedWrites(self._context, writes)], durable=durable)

    def is_safe(self, table: Table, key: RowKey) -> bool:
        """Whether a row would survive a power cut now."""
        return self._store.would_survive(self._context, table, key)

    @contextmanager
    def unhurt(self) -> Iterator[None]:
        """Whoever looks from outside the simulation reads without faults."""
        reads_left, self.hurt.reads_left = self.hurt.reads_left, None
        try:
            yield
        finally:
            self.hurt.reads_left = reads_left

    def crash(self, rng: random.Random, *, is_power_cut: bool) -> Survived:
        """The process ends; what survives is what a new one will find."""
        survived = self._store.log.survive(rng, is_power_cut=is_power_cut)
        self._store.close()
        with self.unhurt():  # The next process opens it, later.
            self._store = DiskStore(survived.rows, self.hurt)
        return survived


def _record(changes: Sequence[Change]) -> bytes:
    parts = []
    for key, value in changes:
        parts += [_CHANGE.pack(len(key), -1 if value is None else len(value)), key, value or b""]
    body = b"".join(parts)
    return _RECORD.pack(len(body), zlib.crc32(body)) + body


def _records(log: bytes) -> tuple[list[list[Change]], int]:
    """The whole records at the beginning of a log, and how many bytes they take."""
    whole: list[list[Change]] = []
    at = 0
    while at + _RECORD.size <= len(log):
        size_bytes, checksum = _RECORD.unpack_from(log, at)
        body = log[at + _RECORD.size : at + _RECORD.size + size_bytes]
        if len(body) < size_bytes or zlib.crc32(body) != checksum:
            break
        whole.append(_changes(body))
        at += _RECORD.size + size_bytes
    return whole, at


def _changes(body: bytes) -> list[Change]:
    changes: list[Change] = []
    at = 0
    while at < len(body):
        key_size, value_size = _CHANGE.unpack_from(body, at)
        at += _CHANGE.size
        key, at = body[at : at + key_size], at + key_size
        value = None if value_size < 0 else body[at : at + value_size]
        at += max(0, value_size)
        changes.append((key, value))
    return changes


def _keep(safe: dict[bytes, bytes], written: Sequence[Sequence[Change]]) -> None:
    for changes in written:
        for key, value in changes:
            if value is None:
                safe.pop(key, None)
            else:
                safe[key] = value
