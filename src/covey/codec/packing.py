"""Canonical MessagePack: arrays only, minimal integers, nil/bool/int/bin/str, one form each.

Source: protocols/encoding.md. A frame is accepted only if encoding what it decodes to gives the
same bytes again; ids and signatures cover the exact bytes. What it costs to look at one is bounded
by the elements that its object may have, not by its bytes: a kilobyte, compressed, is half a
million arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeAlias

import msgpack

from covey.errors import ProtocolViolation

__all__ = ["Packed", "leading", "pack", "unpack"]

Packed: TypeAlias = "bytes | str | int | bool | tuple[Packed, ...] | None"

_TOO_LONG = "max_array_len"  # what MessagePack's error names where one array is
_BUFFER_BYTES = 256 * 1024
# Making one takes twice the time of using it. It lets nobody else run: threads may share it.
_AGAIN = msgpack.Packer(use_bin_type=True, buf_size=_BUFFER_BYTES)


def pack(value: Packed) -> bytes:
    """The one encoding of a value."""
    packed: bytes = msgpack.packb(value, use_bin_type=True)
    return packed


def _no_map(_: object) -> NoReturn:
    # At the first one: five megabytes of empty maps would take seconds and 400 MB to refuse.
    raise ValueError("a map, of which there is none here")


def _no_extension(kind: int, content: bytes) -> NoReturn:
    del kind, content
    # One without content passes the limit of 0, and would be read as a tuple of two.
    raise ValueError("an extension, of which there is none here")


class _TooManyError(Exception):
    """The arrays of a frame have more elements than its object may have."""


def _counting(elements_max: int) -> Callable[[tuple[Packed, ...]], tuple[Packed, ...]]:
    left = elements_max

    def count(array: tuple[Packed, ...]) -> tuple[Packed, ...]:
        nonlocal left
        left -= len(array)
        if left < 0:
            raise _TooManyError
        return array

    return count


def leading(frame: bytes) -> int | None:
    """The integer that the array in a frame begins with, not negative; None where it is none.

    Nothing after it is looked at: what an unknown version holds is nobody's to judge.
    """
    if len(frame) > 1 and 0x90 < frame[0] < 0xA0 and frame[1] < 0x80:
        return frame[1]  # Nearly all of them.
    first = frame[:1]
    start = 5 if first == b"\xdd" else 3 if first == b"\xdc" else 1
    if not (b"\x91" <= first <= b"\x9f" or any(frame[1:start])):
        return None
    kind = frame[start] if len(frame) > start else 0xFF
    if kind < 0x80:
        return kind
    size = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(kind)
    number = frame[start + 1 : start + 1 + (size or 0)]
    return int.from_bytes(number, "big") if len(number) == size else None


def unpack(
    frame: bytes, size_bytes_max: int, elements_max: int | None = None
) -> tuple[Packed, ...]:
    """The array in a frame, its elements untyped still.

    elements_max: in all its arrays together; None for this node's own bytes alone.
    Raises ProtocolViolation "oversized", "malformed" or "non-canonical".
    """
    if len(frame) > size_bytes_max:
        raise ProtocolViolation(
            "oversized", f"{len(frame)} bytes where {size_bytes_max} are allowed"
        )
    # Each element takes a byte: in a short frame there cannot be too many.
    most = elements_max if elements_max is not None and len(frame) > elements_max else None
    try:
        value = msgpack.unpackb(
            frame,
            use_list=False,
            raw=False,
            strict_map_key=True,
            object_hook=_no_map,
            list_hook=None if most is None else _counting(most),
            ext_hook=_no_extension,
            max_array_len=-1 if most is None else most,
            max_ext_len=0,
        )
        # What is canonical is the shortest: the buffer that is kept does not grow.
        again = _AGAIN.pack(value) if len(frame) <= _BUFFER_BYTES else pack(value)
    except _TooManyError as error:
        raise ProtocolViolation("oversized", f"more than {elements_max} elements") from error
    except (
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
        msgpack.exceptions.StackError,
        msgpack.exceptions.UnpackException,
    ) as error:
        if most is not None and _TOO_LONG in str(error):
            raise ProtocolViolation("oversized", f"more than {elements_max} elements") from error
        raise ProtocolViolation("malformed", "the frame is not MessagePack") from error
    if again != frame:
        raise ProtocolViolation("non-canonical", "the frame has another, shorter encoding")
    if not isinstance(value, tuple):
        raise ProtocolViolation("wrong-shape", "the frame is not an array")
    return value
