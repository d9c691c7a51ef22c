"""Application state as calls read it: now, and at a cut.

Source: protocols/merge.md, "State at a cut".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covey.merge.counters import CountersAtCut, SilentAt
from covey.merge.entries import clamped, decode_sum, entry_value, entry_values
from covey.merge.fold import versions_of
from covey.model import (
    Collection,
    HybridTime,
    Reader,
    Rule,
    Table,
    limits,
)
from covey.rules import Cut

__all__ = ["StateAtCut", "StateReader"]

_PASSED_EVERY = 64  # keys that a scan passes; one of so many remembers where it came to


class StateReader:
    """The merged state as the reader below it stands; an `EntryReader`."""

    def __init__(self, reader: Reader, collections: tuple[Collection, ...]) -> None:
        self._reader = reader
        self._collections = {
            collection.name: (
                collection.place,
                *(_COUNTERS if collection.rule is Rule.COUNTER else _ENTRIES),
            )
            for collection in collections
        }

    def get(self, collection: str, key: bytes) -> bytes | None:
        """As `EntryReader.get`."""
        name, value_of, _ = self._collections[collection]
        row = self._reader.get(Table.ENTRY, (name, key))
        return None if row is None else value_of(row)

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `EntryReader.scan`."""
        name, _, values_of = self._collections[collection]
        pages = self._reader.pages(Table.ENTRY, (name,), start=prefix, after=after or None)
        for page in pages:
            yield from values_of(page)


def _counter_value(row: bytes) -> bytes:
    return clamped(decode_sum(row).amount)


def _counter_values(page: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(key, _counter_value(row)) for key, row in page]


_ENTRIES = (entry_value, entry_values)
_COUNTERS = (_counter_value, _counter_values)


class StateAtCut:
    """The state that the deltas of a cut alone make; an `EntryReader` of a reader that stays.

    silent: what in the cut has no effect there; None: nothing. before: a time later than that of
    every delta in the cut. What came after the cut is met at each first read of an entry, and a
    member could have an entry read any number of times: so what was read is remembered (bounded).
    """

    def __init__(
        self,
        reader: Reader,
        collections: tuple[Collection, ...],
        cut: Cut,
        silent: SilentAt | None = None,
        before: HybridTime | None = None,
    ) -> None:
        self._reader = reader
        self._silent = silent
        self._before = before
        self._collections = {collection.name: collection for collection in collections}
        self._cut = cut
        self._counters = CountersAtCut(reader, cut, silent)
        self._known: dict[tuple[str, bytes], bytes | None] = {}
        self._live_after: dict[tuple[str, bytes, bytes], bytes | None] = {}
        self._known_bytes = 0

    def get(self, collection: str, key: bytes) -> bytes | None:
        """As `EntryReader.get`."""
        place = (collection, key)
        if place in self._known:
            return self._known[place]
        declared = self._collections[collection]
        value = self._value_at(declared, key)
        if self._has_room(len(key) + len(value or b"")):
            self._known[place] = value
        return value

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `EntryReader.scan`: costs the number of keys ever written, not of live ones."""
        last: bytes | None = after or None
        while True:
            last = self._next_live(collection, prefix, last)
            if last is None:
                return
            value = self.get(collection, last)
            assert value is not None
            yield last, value

    def _next_live(self, collection: str, prefix: bytes, after: bytes | None) -> bytes | None:
        """The next key that is live at the cut; of those that are not some know it then."""
        declared = self._collections[collection]
        table = Table.SUM if declared.rule is Rule.COUNTER else Table.VERSION
        passed: list[tuple[str, bytes, bytes]] = []
        found, count = after, 0
        while True:
            rows = self._reader.scan(table, (declared.place,), start=prefix, after=found)
            row = next(rows, None)
            if row is None:
                found = None
                break
            key = row[0][1]
            assert isinstance(key, bytes)
            found = key
            place = (collection, prefix, found)
            if place in self._live_after:
                found = self._live_after[place]
                break
            if self._is_live(declared, found):
                break
            if count % _PASSED_EVERY == 0:
                passed.append(place)
            count += 1
        for place in passed:
            if self._has_room(len(place[1]) + len(place[2]) + len(found or b"")):
                self._live_after[place] = found
        return found

    def _is_live(self, declared: Collection, key: bytes) -> bool:
        if (declared.name, key) in self._known:
            return self._known[declared.name, key] is not None
        value = self._value_at(declared, key)
        if value is not None and self._has_room(len(key) + len(value)):
            self._known[declared.name, key] = value
        return value is not None

    def _value_at(self, declared: Collection, key: bytes) -> bytes | None:
        place, silent = (declared.place, key), self._silent
        if declared.rule is Rule.COUNTER:
            total = self._counters.total(place)
            return None if total is None else clamped(total)
        for version in versions_of(self._reader, declared.rule, place, self._before):
            if self._cut.holds(version.author, version.tip) and (
                silent is None or not silent.is_silent(version.author, version.tip)
            ):
                return version.value
        return None

    def _has_room(self, size_bytes: int) -> bool:
        """Whether one more may be remembered; where not, all is forgotten."""
        self._known_bytes += limits.PAST_ENTRY_BYTES + size_bytes
        if self._known_bytes <= limits.PAST_ENTRIES_BYTES_MAX:
            return True
        self._known.clear()
        self._live_after.clear()
        self._known_bytes = 0
        return False
