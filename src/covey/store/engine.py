"""What a store of scoped tables stands on: one ordered map from bytes to bytes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from covey.store.keys import KeyRange

__all__ = ["Change", "Engine", "PageGenerator", "Row", "View"]

Change: TypeAlias = tuple[bytes, bytes | None]
"""A physical key, and its new value or None to remove it."""


Row: TypeAlias = tuple[bytes, bytes]
"""A physical key and a stored value."""

PageGenerator: TypeAlias = Generator[list[Row], None, None]


class View(Protocol):
    """Physical rows to read; raises StoreError only."""

    def get(self, key: bytes) -> bytes | None:
        """The stored value, or None."""
        ...

    def pages(self, keys: KeyRange, *, reverse: bool) -> PageGenerator:
        """The rows of a range in order, as they stood when the first was asked for.

        In pages of at most `limits.STORE_PAGE_ROWS`, none empty, the first a small one. keys:
        empty where its end is not above its beginning. Closing it releases what it holds.
        """
        ...


class Engine(View, Protocol):
    """The map itself, read live. Each of its writing methods is called by one thread at a time."""

    def frozen(self) -> AbstractContextManager[View]:
        """The map as it is at entry."""
        ...

    def apply(self, changes: Sequence[Change], *, durable: bool) -> None:
        """Make all changes, in order, or none."""
        ...

    def compact(self, keys: KeyRange) -> None:
        """Write out what is in memory; make removed rows of a range leave the disk as well.

        What an open view still sees stays on the disk.
        """
        ...

    def close(self) -> None:
        """Release everything; idempotent."""
        ...
