"""What an element of a decoded array must be: every border check is one of these.

Each raises ProtocolViolation("wrong-shape" or "oversized") that names the field.
"""

from __future__ import annotations

import itertools

from covey.codec.packing import Packed, leading, unpack
from covey.errors import ProtocolViolation
from covey.model import HASH_SIZE_BYTES, DeltaId

__all__ = [
    "array",
    "blob",
    "delta_ids",
    "exactly",
    "fields",
    "hash_or_none",
    "integer",
    "text",
    "version",
    "versioned",
]


def fields(value: Packed, count: int, name: str) -> tuple[Packed, ...]:
    """An array of exactly `count` elements."""
    if type(value) is not tuple or len(value) != count:
        raise ProtocolViolation("wrong-shape", f"{name} is not an array of {count}")
    return value


def array(value: Packed, count_max: int, name: str) -> tuple[Packed, ...]:
    """An array of at most `count_max` elements."""
    if type(value) is not tuple:
        raise ProtocolViolation("wrong-shape", f"{name} is not an array")
    if len(value) > count_max:
        raise ProtocolViolation("oversized", f"{name} has {len(value)} elements")
    return value


def exactly(value: Packed, size_bytes: int, name: str) -> bytes:
    """Bytes of one length."""
    if type(value) is not bytes or len(value) != size_bytes:
        raise ProtocolViolation("wrong-shape", f"{name} is not {size_bytes} bytes")
    return value


def blob(value: Packed, size_bytes_max: int, name: str) -> bytes:
    """Bytes up to a length."""
    if type(value) is not bytes:
        raise ProtocolViolation("wrong-shape", f"{name} is not bytes")
    if len(value) > size_bytes_max:
        raise ProtocolViolation("oversized", f"{name} has {len(value)} bytes")
    return value


def text(value: Packed, size_bytes_max: int, name: str) -> str:
    """A string up to a length in UTF-8."""
    if type(value) is not str:
        raise ProtocolViolation("wrong-shape", f"{name} is not a string")
    if len(value if value.isascii() else value.encode()) > size_bytes_max:
        raise ProtocolViolation("oversized", f"{name} is too long")
    return value


def integer(value: Packed, low: int, high: int, name: str) -> int:
    """An integer in a closed range; a bool is none."""
    if type(value) is not int or not low <= value <= high:
        raise ProtocolViolation("wrong-shape", f"{name} is not an integer from {low} to {high}")
    return value


def hash_or_none(value: Packed, name: str) -> bytes | None:
    """32 bytes, or nil."""
    return None if value is None else exactly(value, HASH_SIZE_BYTES, name)


def delta_ids(value: Packed, count_max: int, name: str) -> tuple[DeltaId, ...]:
    """Sorted, distinct delta ids."""
    ids = tuple(DeltaId(exactly(i, HASH_SIZE_BYTES, name)) for i in array(value, count_max, name))
    if any(a >= b for a, b in itertools.pairwise(ids)):
        raise ProtocolViolation("wrong-shape", f"{name} are not sorted and distinct")
    return ids


def versioned(
    frame: bytes, known: int, name: str, size_bytes_max: int, elements_max: int
) -> tuple[Packed, ...]:
    """The elements of an object that begins with its version; of another one nothing is read."""
    if len(frame) <= size_bytes_max and (told := leading(frame)) and told != known:
        raise _newer(told, name)
    parts = unpack(frame, size_bytes_max, elements_max)
    version(parts[0] if parts else None, known, name)
    return parts


def version(value: Packed, known: int, name: str) -> None:
    """The version of an object; another one is held, not refused ("unknown-version")."""
    if type(value) is not int or value < 1:
        raise ProtocolViolation("wrong-shape", f"{name} has no version")
    if value != known:
        raise _newer(value, name)


def _newer(told: int, name: str) -> ProtocolViolation:
    return ProtocolViolation("unknown-version", f"{name} has version {told}: upgrade needed")
