"""How the row of an admission keeps above whom it stands: whole, or by the author's own row.

In a chain, where each device lets the next one in, the sets of all devices would grow as the
square of its length. A row names its author's admission instead, and what of the set there it
lacks; a whole set comes now and then, and where it is small.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from covey.codec import Packed, shape, unpack
from covey.model import DeltaId, DeviceId, Reader, RowKey, Table, Tip, limits

__all__ = ["above_fields", "above_of", "admission_fields"]

_SMALL: Final = 8
_BEFORE: Final = 3  # fields of a row that are before these


def above_fields(
    reader: Reader,
    author: DeviceId,
    above: frozenset[DeviceId],
    chains: Mapping[Tip, frozenset[DeviceId]],
) -> tuple[Packed, ...]:
    """The last fields of a new row: [set], or [depth, base, what is in its set and not here].

    chains: the author's admissions that `above` was made of, each by its delta, with its set.
    """
    whole = (tuple(sorted(above)),)
    if len(above) <= _SMALL or not chains:
        return whole
    base = min(chains, key=lambda tip: (len(chains[tip]), tip))
    lacking = sorted(chains[base] - above)
    depth = _depth_of(reader, (author, base.sequence, base.id)) + 1
    if depth >= limits.FRONTIER_FULL_EVERY or len(lacking) >= len(above):
        return whole
    return (depth, (base.sequence, base.id), tuple(lacking))


def admission_fields(value: bytes) -> tuple[Packed, ...]:
    """All fields of a row."""
    fields = shape.array(unpack(value, len(value)), _BEFORE + 3, "governance row")
    count = _BEFORE + (3 if len(fields) > _BEFORE + 1 else 1)
    return shape.fields(fields, count, "governance row")


def above_of(reader: Reader, fields: tuple[Packed, ...]) -> frozenset[DeviceId]:
    """Above whom the admission of a row stands, whose fields these are."""
    steps: list[tuple[DeviceId, tuple[Packed, ...]]] = []
    while len(fields) > _BEFORE + 1:
        author, (_, base, lacking) = _device(fields[0]), fields[_BEFORE:]
        steps.append((author, _array(lacking)))
        assert len(steps) < limits.FRONTIER_FULL_EVERY, "a whole set comes now and then"
        sequence, delta = shape.fields(base, 2, "base")
        number = shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence")
        key = (author, number, DeltaId(shape.exactly(delta, 32, "base")))
        fields = _fields_at(reader, key)
    above = {_device(each) for each in _array(fields[_BEFORE])}
    for author, lacking in reversed(steps):
        above.difference_update(_device(each) for each in lacking)
        above.add(author)
    return frozenset(above)


def _depth_of(reader: Reader, key: RowKey) -> int:
    fields = _fields_at(reader, key)
    if len(fields) == _BEFORE + 1:
        return 0
    return shape.integer(fields[_BEFORE], 1, limits.FRONTIER_FULL_EVERY, "depth")


def _fields_at(reader: Reader, key: RowKey) -> tuple[Packed, ...]:
    value = reader.get(Table.ADMISSION, key)
    assert value is not None, "an admission that others rest on is stored"
    return admission_fields(value)


def _array(value: Packed) -> tuple[Packed, ...]:
    return shape.array(value, limits.SEQUENCE_MAX, "governance row")


def _device(value: Packed) -> DeviceId:
    return DeviceId(shape.exactly(value, 32, "device"))
