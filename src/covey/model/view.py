"""How the pure core sees what is stored: tables of rows, read synchronously; writes are values.

A row's key is a tuple whose shape its table fixes; tables are ordered by key, integers
numerically and byte strings bytewise, element by element. Physical keys are the store's alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from covey.model.ids import ContextId

__all__ = [
    "EntryReader",
    "KeyPart",
    "Reader",
    "RowKey",
    "ScopedWrites",
    "StateAt",
    "Table",
    "Write",
]

KeyPart: TypeAlias = bytes | int
RowKey: TypeAlias = tuple[KeyPart, ...]


class Table(enum.IntEnum):
    """The tables of one context; the comment gives the shape of the key and the value.

    b32, b36: bytes of that length. bytes: any bytes (order kept, also when not last).
    int: 0 to 2^64 - 1. Values are MessagePack unless said otherwise.
    """

    META = 1  # (name: bytes) -> local facts of the replica: counts, digest accumulator, clock
    DELTA = 2  # (id: b32) -> frame, raw bytes
    LOG = 3  # (arrival: int) -> id, raw; arrival counts from 1 in the order of application
    CHAIN = 4  # (device: b32, sequence: int, id: b32) -> [branch, arrival, ...] position
    BRANCH = 5  # (device: b32, branch: int) -> [parent branch, first sequence]
    FRONTIER = 6  # (id: b32) -> the cut of a delta, whole or as difference from one below
    HEAD = 7  # (id: b32) -> empty; the current heads
    ENTRY = 8  # (collection: bytes, key: bytes) -> the live merged value and its version
    VERSION = 9  # (collection: bytes, key: bytes, time: int, id: b32, index: int) -> effect
    SUM = 10  # (collection: bytes, key: bytes, device: b32, sequence: int, id: b32) -> sums
    ADMISSION = 11  # (device: b32, sequence: int, id: b32) -> an admission, by whom, as whose
    DEVICE = 12  # (device: b32) -> facts about a known device
    TIP = 13  # (device: b32, id: b32) -> sequence; the current frontier

    SUMMARY = 14  # (id: b32) -> what is asked most often of an applied delta
    PROMOTION = 15  # (device: b32, role: bytes, sequence: int, id: b32) -> who gave it
    RESTRICTION = 16  # (target: b32, sequence: int, id: b32, index: int) -> a close or demote
    GOVERNED = 17  # (author: b32, sequence: int, id: b32) -> a governance delta; what it needs
    CODE_RULE = 18  # (kind: int, id: b32, index: int) -> an upgrade, approval, tighten, …
    SILENT = 19  # (device: b32, sequence: int, id: b32) -> why a delta's effects are folded out

    REFUSAL = 20  # (author: b32, place: int) -> a refused delta, as the proof of it
    BUDGET = 21  # (id: b32) -> fuel that its device may still use, by its own times

    # Of the node itself (scope None):
    BLOB = 32  # (cid: b36) -> the bytes, raw
    CONTEXT = 33  # (context id: b36) -> what this node keeps of a context: name, device, phase
    RELEASE = 34  # (release id: b36) -> an installed application
    NODE = 35  # (name: bytes) -> facts of the node


@dataclass(frozen=True, slots=True)
class Write:
    """One row to set, or to remove where `value` is None."""

    table: Table
    key: RowKey
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ScopedWrites:
    """Part of one atomic write: rows of one context, or of the node where `scope` is None."""

    scope: ContextId | None
    writes: tuple[Write, ...]


class Reader(Protocol):
    """One scope's rows as they stand; every answer is immediate."""

    def get(self, table: Table, key: RowKey) -> bytes | None:
        """The value of a row, or None."""
        ...

    def scan(
        self,
        table: Table,
        prefix: RowKey = (),
        *,
        start: bytes = b"",
        after: KeyPart | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[RowKey, bytes]]:
        """Rows whose key begins with `prefix`, in key order (or reversed), lazily.

        start: the bytes with which the part after `prefix` must begin (bytes parts only).
        after: only rows whose part after `prefix` is greater (with `reverse`: smaller).
        The caller stops when it has enough; closing the generator releases the iterator.
        """
        ...

    def pages(
        self, table: Table, prefix: RowKey, *, start: bytes = b"", after: bytes | None = None
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        """As `scan` in key order, in pages of (last part of the key, value), none empty.

        For tables whose key ends with one part of bytes after `prefix`. A page costs a fraction
        of as many rows; the first is small, for whoever wants few.
        """
        ...


class EntryReader(Protocol):
    """Application state as a call sees it: live entries by collection and key."""

    def get(self, collection: str, key: bytes) -> bytes | None:
        """The value of a live entry; a counter as 8 bytes little-endian, clamped."""
        ...

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Live entries whose key begins with prefix and is greater than after, in key order."""
        ...


class StateAt(Protocol):
    """The state that some calls saw; read from a snapshot that holds all they follow."""

    def entries(self, reader: Reader) -> EntryReader:
        """As calls read it."""
        ...
