"""Rows as they are now, for whoever keeps a reader for long."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from covey.model import KeyPart, Reader, RowKey, Table

__all__ = ["Through"]


class Through:
    """A `Reader` of whatever reader is the current one whenever it is asked."""

    def __init__(self, current: Callable[[], Reader]) -> None:
        self._current = current

    def get(self, table: Table, key: RowKey) -> bytes | None:
        """As `Reader.get`."""
        return self._current().get(table, key)

    def scan(
        self,
        table: Table,
        prefix: RowKey = (),
        *,
        start: bytes = b"",
        after: KeyPart | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[RowKey, bytes]]:
        """As `Reader.scan`."""
        return self._current().scan(table, prefix, start=start, after=after, reverse=reverse)

    def pages(
        self, table: Table, prefix: RowKey, *, start: bytes = b"", after: bytes | None = None
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        """As `Reader.pages`."""
        return self._current().pages(table, prefix, start=start, after=after)
