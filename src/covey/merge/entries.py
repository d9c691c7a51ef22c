"""Rows of application state: how merged entries, versions and sums are encoded.

Source: protocols/merge.md. These rows are local to a node, but what they say is not: a version is
(time, delta id, index), and the greatest, or in frozen collections the smallest, wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.codec import Packed, pack, shape, unpack
from covey.model import TIME_MAX, DeltaId, DeviceId, HybridTime, Tip, limits

__all__ = [
    "Entry",
    "Stamp",
    "Sum",
    "Version",
    "amount_bytes",
    "amount_of",
    "clamped",
    "decode_entry",
    "decode_sum",
    "decode_version",
    "entry_value",
    "entry_values",
    "encode_entry",
    "encode_sum",
    "encode_version",
]

_ROW_BYTES_MAX = limits.VALUE_BYTES_MAX + 4 * limits.KIB
_ARRAY_OF_4, _SHORT_BYTES = 0x94, 0xC4  # MessagePack; the length of these bytes is one byte
_AMOUNT_BYTES = 16
_I64_MIN, _I64_MAX = -(2**63), 2**63 - 1
_INDEX_MAX = limits.DELTA_EFFECTS_MAX


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """What orders two values of one entry; index: of the effect in its whole delta."""

    time: HybridTime
    delta: DeltaId
    index: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A live register, owned or frozen entry."""

    value: bytes
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Version:
    """One effect on an entry; value: None for a delete. author, tip: the delta it came in."""

    stamp: Stamp
    value: bytes | None
    author: DeviceId
    tip: Tip


@dataclass(frozen=True, slots=True)
class Sum:
    """What one delta added to a counter, and its device's chain up to and with it."""

    amount: int
    prefix: int


def amount_bytes(amount: int) -> bytes:
    """A sum of any number of 64 bit amounts: 16 bytes, signed, big-endian."""
    return amount.to_bytes(_AMOUNT_BYTES, "big", signed=True)


def amount_of(packed: Packed) -> int:
    """The sum in 16 bytes."""
    return int.from_bytes(shape.exactly(packed, _AMOUNT_BYTES, "amount"), "big", signed=True)


def clamped(total: int) -> bytes:
    """A counter as application code reads it: 8 bytes, little-endian, clamped to 64 bits."""
    return max(_I64_MIN, min(_I64_MAX, total)).to_bytes(8, "little", signed=True)


def encode_entry(entry: Entry) -> bytes:
    """[value, time, delta id, index]."""
    return pack((entry.value, entry.stamp.time, entry.stamp.delta, entry.stamp.index))


def decode_entry(row: bytes) -> Entry:
    """The entry in a row."""
    value, time, delta, index = shape.fields(unpack(row, _ROW_BYTES_MAX), 4, "entry row")
    return Entry(
        shape.blob(value, _ROW_BYTES_MAX, "value"),
        Stamp(
            HybridTime(shape.integer(time, 0, TIME_MAX, "time")),
            DeltaId(shape.exactly(delta, 32, "delta")),
            shape.integer(index, 0, _INDEX_MAX, "index"),
        ),
    )


def entry_value(row: bytes) -> bytes:
    """`decode_entry(row).value`, without looking at the rest of the row.

    Values of up to 255 bytes, which most are, are cut out by hand: every read passes here.
    """
    if row[0] == _ARRAY_OF_4 and row[1] == _SHORT_BYTES and len(row) > 3 + row[2]:
        return row[3 : 3 + row[2]]
    return decode_entry(row).value


def entry_values(page: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """(key, `entry_value` of the row) for a page of a scan."""
    return [
        (key, row[3 : 3 + row[2]])
        if row[0] == _ARRAY_OF_4 and row[1] == _SHORT_BYTES and len(row) > 3 + row[2]
        else (key, decode_entry(row).value)
        for key, row in page
    ]


def encode_version(version: Version) -> bytes:
    """[value or nil, author, sequence]; the stamp is in the key."""
    return pack((version.value, version.author, version.tip.sequence))


def decode_version(stamp: Stamp, row: bytes) -> Version:
    """The version in a row."""
    value, author, sequence = shape.fields(unpack(row, _ROW_BYTES_MAX), 3, "version row")
    return Version(
        stamp,
        None if value is None else shape.blob(value, _ROW_BYTES_MAX, "value"),
        DeviceId(shape.exactly(author, 32, "author")),
        Tip(shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"), stamp.delta),
    )


def encode_sum(total: Sum) -> bytes:
    """[amount, prefix]."""
    return pack((amount_bytes(total.amount), amount_bytes(total.prefix)))


def decode_sum(row: bytes) -> Sum:
    """The sums in a row."""
    amount, prefix = shape.fields(unpack(row, 64), 2, "sum row")
    return Sum(amount_of(amount), amount_of(prefix))
