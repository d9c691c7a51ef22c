"""LevelDB's descriptor (MANIFEST), read before LevelDB does, to notice a loss that it would not.

A descriptor cut short at the end of a record reads as an older one: LevelDB then opens without
a word and deletes the tables that the older one does not name. But the log that a descriptor
names is only ever deleted after a later record named another, so a log that is missing betrays
the cut. Tables that are missing LevelDB notices itself.
Source: LevelDB 1.22, doc/log_format.md and db/version_edit.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["missing_log"]

_BLOCK_SIZE_BYTES: Final = 32_768
_HEADER: Final = struct.Struct("<IHB")  # checksum, length, kind of fragment
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4

_LOG_NUMBER: Final = 2
_SHAPES: Final = {  # tag -> fields: "i" an integer, "s" length and bytes
    1: "s",  # comparator
    _LOG_NUMBER: "i",
    3: "i",  # next file number
    4: "i",  # last sequence
    5: "is",  # compaction pointer: level, key
    6: "ii",  # deleted table: level, number
    7: "iiiss",  # new table: level, number, size, smallest key, largest key
    9: "i",  # previous log number
}


def missing_log(folder: Path) -> str | None:
    """The name of the log that the descriptor says is in use and that is not there, or None.

    A descriptor that cannot be read is LevelDB's to refuse: the answer is None.
    """
    descriptor = folder / (folder / "CURRENT").read_text("ascii", "replace").strip()
    if not descriptor.is_file():
        return None
    number = 0
    for record in _records(descriptor.read_bytes()):
        number = _log_number(record, number)
    if number == 0:  # a store whose creation was cut short has no log yet
        return None
    name = f"{number:06}.log"
    return None if (folder / name).exists() else name


def _records(content: bytes) -> Iterator[bytes]:
    """The whole records of a file in LevelDB's log format; ends where it is torn."""
    position = 0
    record = b""
    while position + _HEADER.size <= len(content):
        left_bytes = _BLOCK_SIZE_BYTES - position % _BLOCK_SIZE_BYTES
        if left_bytes < _HEADER.size:
            position += left_bytes
            continue
        _, length, kind = _HEADER.unpack_from(content, position)
        position += _HEADER.size
        fragment = content[position : position + length]
        position += length
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or len(fragment) < length:
            return
        record = fragment if kind in (_FULL, _FIRST) else record + fragment
        if kind in (_FULL, _LAST):
            yield record


def _log_number(record: bytes, number: int) -> int:
    """The log number after one edit; `number` where it sets none or cannot be read."""
    position = 0
    try:
        while position < len(record):
            tag, position = _varint(record, position)
            for field in _SHAPES[tag]:
                value, position = _varint(record, position)
                if field == "s":
                    position += value
                elif tag == _LOG_NUMBER:
                    number = value
    except (IndexError, KeyError):
        return number
    return number


def _varint(record: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = record[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
