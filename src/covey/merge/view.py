"""Application state as calls read it: now, and at a cut.

Source: protocols/merge.md, "State at a cut".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from covey.merge.entries import clamped, decode_sum, entry_value, entry_values
from covey.merge.fold import versions_of
from covey.model import (
    Collection,
    DeltaId,
    DeviceId,
    HybridTime,
    Reader,
    RowKey,
    Rule,
    Table,
    Tip,
    limits,
)
from covey.rules import Cut

__all__ = ["SilentAt", "StateAtCut", "StateReader", "value_at"]


def _part(key: RowKey, place: int) -> bytes:
    part = key[place]
    assert isinstance(part, bytes)
    return part


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


class SilentAt(Protocol):
    """Which deltas of a cut have no effect on entries there."""

    def touches(self, device: DeviceId) -> bool:
        """Whether any delta of a device can be silent."""
        ...

    def is_silent(self, device: DeviceId, tip: Tip) -> bool:
        """Whether a delta of the cut is."""
        ...


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
        self._known: dict[tuple[str, bytes], bytes | None] = {}
        self._known_bytes = 0
        self._collections = {collection.name: collection for collection in collections}
        self._cut = cut

    def get(self, collection: str, key: bytes) -> bytes | None:
        """As `EntryReader.get`."""
        place = (collection, key)
        if place in self._known:
            return self._known[place]
        declared = self._collections[collection]
        value = value_at(self._reader, declared, key, self._cut, self._silent, self._before)
        self._known_bytes += limits.PAST_ENTRY_BYTES + len(key) + len(value or b"")
        if self._known_bytes > limits.PAST_ENTRIES_BYTES_MAX:
            self._known.clear()
            self._known_bytes = 0
        else:
            self._known[place] = value
        return value

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """As `EntryReader.scan`: costs the number of keys ever written, not of live ones."""
        declared = self._collections[collection]
        table = Table.SUM if declared.rule is Rule.COUNTER else Table.VERSION
        last = after or None
        while True:
            rows = self._reader.scan(table, (declared.place,), start=prefix, after=last)
            row = next(rows, None)
            if row is None:
                return
            last = _part(row[0], 1)
            value = self.get(collection, last)
            if value is not None:
                yield last, value


def value_at(
    reader: Reader,
    collection: Collection,
    key: bytes,
    cut: Cut,
    silent: SilentAt | None = None,
    before: HybridTime | None = None,
) -> bytes | None:
    """The value of one entry at a cut, or None where it is not live there; as `StateAtCut`."""
    rule, place = collection.rule, (collection.place, key)
    if rule is Rule.COUNTER:
        total = _total_at(reader, place, cut, silent)
        return None if total is None else clamped(total)
    for version in versions_of(reader, rule, place, before):
        if cut.holds(version.author, version.tip) and (
            silent is None or not silent.is_silent(version.author, version.tip)
        ):
            return version.value
    return None


def _total_at(
    reader: Reader, place: tuple[bytes, bytes], cut: Cut, silent: SilentAt | None
) -> int | None:
    total: int | None = None
    for device, tips in cut.frontier.items():
        hushed = silent if silent is not None and silent.touches(device) else None
        if len(tips) == 1 and hushed is None:
            part = _prefix_at(reader, place, device, tips[0], cut)
        else:
            part = _sum_over_branches(reader, place, device, cut, hushed)
        if part is not None:
            total = (total or 0) + part
    return total


def _prefix_at(
    reader: Reader, place: tuple[bytes, bytes], device: DeviceId, tip: Tip, cut: Cut
) -> int | None:
    rows = reader.scan(Table.SUM, (*place, device), after=tip.sequence + 1, reverse=True)
    for key, row in rows:
        if cut.holds(device, _tip_of(key)):
            return decode_sum(row).prefix
    return None


def _sum_over_branches(
    reader: Reader,
    place: tuple[bytes, bytes],
    device: DeviceId,
    cut: Cut,
    silent: SilentAt | None,
) -> int | None:
    amounts = [
        decode_sum(row).amount
        for key, row in reader.scan(Table.SUM, (*place, device))
        if cut.holds(device, _tip_of(key))
        and (silent is None or not silent.is_silent(device, _tip_of(key)))
    ]
    return sum(amounts) if amounts else None


def _tip_of(key: RowKey) -> Tip:
    sequence = key[3]
    assert isinstance(sequence, int)
    return Tip(sequence, DeltaId(_part(key, 4)))
