"""Counters at a cut: of devices that did nothing to one, or nothing since, none is looked at.

Source: protocols/merge.md, "State at a cut".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice
from typing import Protocol, TypeAlias

from covey.merge.entries import decode_sum
from covey.merge.fold import live_total
from covey.model import DeltaId, DeviceId, Reader, RowKey, Table, Tip
from covey.rules import Cut, is_silent

__all__ = ["CountersAtCut", "SilentAt"]

_WALKED_MAX = 8  # devices that a counter may have before it is found out who wrote since the cut

_Row: TypeAlias = tuple[RowKey, bytes]


class SilentAt(Protocol):
    """Which deltas of a cut have no effect on entries there."""

    def touches(self, device: DeviceId) -> bool:
        """Whether any delta of a device can be silent."""
        ...

    def is_silent(self, device: DeviceId, tip: Tip) -> bool:
        """Whether a delta of the cut is."""
        ...


class CountersAtCut:
    """The sums that the deltas of a cut alone make. silent: as of `StateAtCut`.

    Few devices that touched a counter are added up. Of more, the live sum is taken, and what
    those devices make of it that are *apart*: whose part at the cut may be another than now. A
    member pays as much for a counter that thousands touched as for any other, so one costs about
    two rows for each device that touched it and is apart, and never one for each of the cut.
    """

    def __init__(self, reader: Reader, cut: Cut, silent: SilentAt | None) -> None:
        self._reader = reader
        self._cut = cut
        self._silent = silent
        self._apart: dict[DeviceId, bool] | None = None  # whether its live part is a prefix
        self._order: list[DeviceId] = []  # of those apart

    def total(self, place: tuple[bytes, bytes]) -> int | None:
        """The exact sum of a counter, or None where nothing in the cut touched it."""
        if self._apart is None:
            rows = list(islice(self._last_rows(place), _WALKED_MAX + 1))
            if len(rows) <= _WALKED_MAX:
                parts = [
                    part for row in rows if (part := self._part_at_cut(place, row)) is not None
                ]
                return sum(parts) if parts else None
            self._apart = self._find_apart()
            self._order = sorted(self._apart)
        return self._from_live(place, self._apart)

    def _from_live(self, place: tuple[bytes, bytes], apart: dict[DeviceId, bool]) -> int | None:
        total, is_live = live_total(self._reader, place) or 0, False
        row = self._last_row(place, None)
        while row is not None:
            below = device = _device_of(row[0])
            if device in apart:
                part = self._part_at_cut(place, row)
                total += (part or 0) - self._live_part(place, row, is_prefix=apart[device])
                is_live = is_live or part is not None
            else:
                is_live = True  # All that it did is in the cut, and heard there.
            if is_live:
                index = bisect_left(self._order, device)
                if index == 0:
                    break
                below = _following(self._order[index - 1])
            row = self._last_row(place, below)
        return total if is_live else None

    def _find_apart(self) -> dict[DeviceId, bool]:
        """The devices that wrote since the cut, or of which something is silent, here or there."""
        live: dict[DeviceId, list[bytes]] = {}
        for (device, delta), _ in self._reader.scan(Table.TIP):
            assert isinstance(device, bytes)
            assert isinstance(delta, bytes)
            live.setdefault(DeviceId(device), []).append(delta)
        frontier, silent = self._cut.frontier, self._silent
        apart: dict[DeviceId, bool] = {}
        for device, deltas in live.items():
            tips = frontier.get(device, ())
            is_same = len(tips) == len(deltas) and {tip.id for tip in tips} == {*deltas}
            if not is_same or (silent is not None and silent.touches(device)):
                apart[device] = len(deltas) == 1
        row = next(self._reader.scan(Table.SILENT), None)
        while row is not None:
            device = DeviceId(_bytes_at(row[0], 0))
            apart[device] = False
            row = next(self._reader.scan(Table.SILENT, after=device), None)
        return apart

    def _last_rows(self, place: tuple[bytes, bytes]) -> Iterator[_Row]:
        """The last row of each device that touched a counter, the greatest device first."""
        row = self._last_row(place, None)
        while row is not None:
            yield row
            row = self._last_row(place, _device_of(row[0]))

    def _last_row(self, place: tuple[bytes, bytes], below: DeviceId | None) -> _Row | None:
        """The last row of the greatest device that is less than another, or of all."""
        return next(self._reader.scan(Table.SUM, place, after=below, reverse=True), None)

    def _live_part(self, place: tuple[bytes, bytes], last: _Row, *, is_prefix: bool) -> int:
        """What a device makes of the live sum."""
        key, row = last
        if is_prefix:
            return decode_sum(row).prefix
        device = _device_of(key)
        return sum(
            decode_sum(row).amount
            for key, row in self._reader.scan(Table.SUM, (*place, device))
            if not is_silent(self._reader, device, _tip_of(key))
        )

    def _part_at_cut(self, place: tuple[bytes, bytes], last: _Row) -> int | None:
        """What a device makes of the sum at the cut, if anything. last: its last row."""
        device = _device_of(last[0])
        tips = self._cut.frontier.get(device)
        if tips is None:
            return None
        silent = self._silent
        if len(tips) > 1 or (silent is not None and silent.touches(device)):
            return self._sum_over_branches(place, device)
        if self._cut.holds(device, _tip_of(last[0])):
            return decode_sum(last[1]).prefix
        rows = self._reader.scan(
            Table.SUM, (*place, device), after=tips[0].sequence + 1, reverse=True
        )
        for key, row in rows:
            if self._cut.holds(device, _tip_of(key)):
                return decode_sum(row).prefix
        return None

    def _sum_over_branches(self, place: tuple[bytes, bytes], device: DeviceId) -> int | None:
        silent = self._silent
        amounts = [
            decode_sum(row).amount
            for key, row in self._reader.scan(Table.SUM, (*place, device))
            if self._cut.holds(device, _tip_of(key))
            and (silent is None or not silent.is_silent(device, _tip_of(key)))
        ]
        return sum(amounts) if amounts else None


def _following(device: DeviceId) -> DeviceId:
    """The device after one that is not the last of all."""
    return DeviceId((int.from_bytes(device, "big") + 1).to_bytes(len(device), "big"))


def _device_of(key: RowKey) -> DeviceId:
    return DeviceId(_bytes_at(key, 2))


def _tip_of(key: RowKey) -> Tip:
    sequence = key[3]
    assert isinstance(sequence, int)
    return Tip(sequence, DeltaId(_bytes_at(key, 4)))


def _bytes_at(key: RowKey, place: int) -> bytes:
    part = key[place]
    assert isinstance(part, bytes)
    return part
