"""Counters at a cut: of devices that did nothing to one, or nothing since, none is looked at.

Source: protocols/merge.md, "State at a cut".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from covey.merge.entries import decode_sum
from covey.merge.fold import live_total
from covey.model import DeltaId, DeviceId, Reader, RowKey, Table, Tip
from covey.rules import Cut, is_silent

__all__ = ["CountersAtCut", "SilentAt"]

_WALKED_MAX = 8  # devices that a counter may have before it is found out who wrote since the cut
_PASSED_MAX = 3  # rows of a device that are passed: a scan reads so many more at once

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
    member pays as much for a counter that thousands touched as for any other, so one costs a
    scan or two for each device that touched it and is apart, and none for others of the cut.
    """

    def __init__(self, reader: Reader, cut: Cut, silent: SilentAt | None) -> None:
        self._reader = reader
        self._cut = cut
        self._silent = silent
        self._apart: dict[DeviceId, bool] | None = None  # whether its live part is a prefix
        self._order: list[DeviceId] = []  # of those apart

    def total(self, place: tuple[bytes, bytes]) -> int | None:
        """The exact sum of a counter, or None where nothing in the cut touched it."""
        rows = _Rows(self._reader, place)
        if self._apart is None:
            total: int | None = None
            for _ in range(_WALKED_MAX):
                if rows.last is None:
                    break
                device = _device_of(rows.last[0])
                part = self._part_at_cut(place, device, rows)
                total = total if part is None else (total or 0) + part
                rows.go_below(device)
            if rows.last is None:
                return total
            self._apart = self._find_apart()
            self._order = sorted(self._apart)
        return self._from_live(place, self._apart)

    def _from_live(self, place: tuple[bytes, bytes], apart: dict[DeviceId, bool]) -> int | None:
        total, is_live = live_total(self._reader, place) or 0, False
        rows = _Rows(self._reader, place)
        while rows.last is not None:
            device = _device_of(rows.last[0])
            if device in apart:
                if apart[device]:
                    total -= decode_sum(rows.last[1]).prefix
                else:
                    total -= self._live_part(place, device)
                part = self._part_at_cut(place, device, rows)
                total += part or 0
                is_live = is_live or part is not None
            else:
                is_live = True  # All that it did is in the cut, and heard there.
            index = bisect_left(self._order, device)
            if is_live and index == 0:
                break
            rows.go_below(_following(self._order[index - 1]) if is_live else device)
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

    def _live_part(self, place: tuple[bytes, bytes], device: DeviceId) -> int:
        """What a device makes of the live sum, one by one."""
        return sum(
            decode_sum(row).amount
            for key, row in self._reader.scan(Table.SUM, (*place, device))
            if not is_silent(self._reader, device, _tip_of(key))
        )

    def _part_at_cut(self, place: tuple[bytes, bytes], device: DeviceId, rows: _Rows) -> int | None:
        """What a device makes of the sum at the cut, if anything. rows: at its last one."""
        tips = self._cut.frontier.get(device)
        if tips is None:
            return None
        if len(tips) > 1 or (self._silent is not None and self._silent.touches(device)):
            return self._sum_over_branches(place, device)
        for key, row in rows.until(device, tips[0].sequence):
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


class _Rows:
    """The rows of a counter, from the last one back. last: where it stands; None: at the end.

    To skip rows takes a scan, as long as ten rows: where few lie between they are passed.
    """

    def __init__(self, reader: Reader, place: tuple[bytes, bytes]) -> None:
        self._reader = reader
        self._place = place
        self.last: _Row | None = None
        self._scan(None)

    def go_below(self, device: DeviceId) -> None:
        """Go back to the last row of those devices that are less."""
        while self.last is not None and _device_of(self.last[0]) >= device:
            if not self._pass():
                self._scan(device)
        self._left = _PASSED_MAX

    def until(self, device: DeviceId, sequence: int) -> Iterator[_Row]:
        """The rows of the device at whose last one it stands, from a sequence back."""
        while self.last is not None and _device_of(self.last[0]) == device:
            if _tip_of(self.last[0]).sequence <= sequence:
                yield self.last
            if not self._pass():
                yield from self._reader.scan(
                    Table.SUM, (*self._place, device), after=sequence + 1, reverse=True
                )
                return

    def _pass(self) -> bool:
        """Go back by a row, unless as many were passed as come with a scan."""
        if not self._left:
            return False
        self._left -= 1
        self.last = next(self._rows, None)
        return True

    def _scan(self, below: DeviceId | None) -> None:
        self._rows = self._reader.scan(Table.SUM, self._place, after=below, reverse=True)
        self.last = next(self._rows, None)
        self._left = _PASSED_MAX


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
