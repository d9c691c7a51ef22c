"""Rows as they will be: writes gathered over a reader, seen by whoever reads through it."""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedList

from covey.model.view import KeyPart, Reader, RowKey, Table, Write

__all__ = ["Draft"]


class _Top:
    """Greater than any key part."""

    def __gt__(self, other: object) -> bool:
        return True

    def __lt__(self, other: object) -> bool:
        return False


_TOP = _Top()


class _Rows:
    """The written rows of one table; None: removed. Keys are in order once a scan asks."""

    __slots__ = ("_keys", "values")

    def __init__(self) -> None:
        self.values: dict[RowKey, bytes | None] = {}
        self._keys: SortedList[RowKey] | None = None

    def set(self, key: RowKey, value: bytes | None) -> None:
        if self._keys is not None and key not in self.values:
            self._keys.add(key)
        self.values[key] = value

    def between(self, low: object, high: object, *, reverse: bool) -> Iterator[RowKey]:
        if self._keys is None:
            self._keys = SortedList(self.values)
        keys: Iterator[RowKey] = self._keys.irange(low, high, reverse=reverse)
        return keys


class Draft:
    """A `Reader` whose own writes come before those of the reader below it.

    A scan must be consumed before the next write. Bounded by the delta or batch it is made for.
    """

    def __init__(self, base: Reader) -> None:
        self._base = base
        self._rows: dict[Table, _Rows] = {}

    def put(self, table: Table, key: RowKey, value: bytes) -> None:
        """Set one row."""
        self._set(table, key, value)

    def delete(self, table: Table, key: RowKey) -> None:
        """Remove one row."""
        self._set(table, key, None)

    def writes(self) -> tuple[Write, ...]:
        """Everything written so far, by table and key."""
        return tuple(
            Write(table, key, value)
            for table in sorted(self._rows)
            for key, value in sorted(self._rows[table].values.items())
        )

    def get(self, table: Table, key: RowKey) -> bytes | None:
        """As `Reader.get`."""
        rows = self._rows.get(table)
        if rows is not None and key in rows.values:
            return rows.values[key]
        return self._base.get(table, key)

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
        below = self._base.scan(table, prefix, start=start, after=after, reverse=reverse)
        rows = self._rows.get(table)
        if rows is None:
            return below
        return _merged(below, self._own(rows, prefix, start, after, reverse=reverse), reverse)

    def pages(
        self, table: Table, prefix: RowKey, *, start: bytes = b"", after: bytes | None = None
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        """As `Reader.pages`; one row a page where rows of the table are written."""
        if table not in self._rows:
            return self._base.pages(table, prefix, start=start, after=after)
        return _single(self.scan(table, prefix, start=start, after=after))

    def _set(self, table: Table, key: RowKey, value: bytes | None) -> None:
        rows = self._rows.get(table)
        if rows is None:
            rows = self._rows[table] = _Rows()
        rows.set(key, value)

    def _own(
        self,
        rows: _Rows,
        prefix: RowKey,
        start: bytes,
        after: KeyPart | None,
        *,
        reverse: bool,
    ) -> Iterator[tuple[RowKey, bytes | None]]:
        place = len(prefix)
        low: tuple[object, ...] = (*prefix, start) if start else prefix
        high: tuple[object, ...] = (*prefix, _TOP)
        if after is not None:
            low, high = (low, (*prefix, after)) if reverse else ((*prefix, after), high)
        for key in rows.between(low, high, reverse=reverse):
            part = key[place] if len(key) > place else b""
            if after is not None and part == after:
                continue  # Rows with longer keys under the very part to begin after.
            if start and not (isinstance(part, bytes) and part.startswith(start)):
                continue
            yield key, rows.values[key]


def _single(rows: Iterator[tuple[RowKey, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    for key, value in rows:
        part = key[-1]
        assert isinstance(part, bytes)
        yield [(part, value)]


def _merged(
    below: Iterator[tuple[RowKey, bytes]],
    own: Iterator[tuple[RowKey, bytes | None]],
    reverse: bool,
) -> Iterator[tuple[RowKey, bytes]]:
    lower, mine = next(below, None), next(own, None)
    while lower is not None or mine is not None:
        if mine is None or (
            lower is not None and (lower[0] > mine[0] if reverse else lower[0] < mine[0])
        ):
            assert lower is not None
            yield lower
            lower = next(below, None)
            continue
        if lower is not None and lower[0] == mine[0]:
            lower = next(below, None)
        if mine[1] is not None:
            yield mine[0], mine[1]
        mine = next(own, None)
