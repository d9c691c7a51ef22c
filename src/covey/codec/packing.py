"""Canonical MessagePack: arrays only, minimal integers, nil/bool/int/bin/str, one form each.

Source: protocols/encoding.md. A frame is accepted only if encoding what it decodes to gives the
same bytes again; ids and signatures cover the exact bytes.
"""

from __future__ import annotations

from typing import NoReturn, TypeAlias

import msgpack

from covey.errors import ProtocolViolation

__all__ = ["Packed", "pack", "unpack"]

Packed: TypeAlias = "bytes | str | int | bool | tuple[Packed, ...] | None"


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


def unpack(frame: bytes, size_bytes_max: int) -> tuple[Packed, ...]:
    """The array in a frame, its elements untyped still.

    Raises ProtocolViolation "oversized", "malformed" or "non-canonical".
    """
    if len(frame) > size_bytes_max:
        raise ProtocolViolation(
            "oversized", f"{len(frame)} bytes where {size_bytes_max} are allowed"
        )
    try:
        value = msgpack.unpackb(
            frame,
            use_list=False,
            raw=False,
            strict_map_key=True,
            object_hook=_no_map,
            ext_hook=_no_extension,
            max_ext_len=0,
        )
        again = msgpack.packb(value, use_bin_type=True)
    except (
        ValueError,
        TypeError,
        OverflowError,
        RecursionError,
        msgpack.exceptions.StackError,
        msgpack.exceptions.UnpackException,
    ) as error:
        raise ProtocolViolation("malformed", "the frame is not MessagePack") from error
    if again != frame:
        raise ProtocolViolation("non-canonical", "the frame has another, shorter encoding")
    if not isinstance(value, tuple):
        raise ProtocolViolation("wrong-shape", "the frame is not an array")
    return value
