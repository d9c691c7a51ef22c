"""Compressed bytes, opened within a bound. zlib format (RFC 1950).

Each piece is compressed by itself and holds deltas of one context, so the length of one tells
nothing of another context's data.
"""

from __future__ import annotations

import zlib

from covey.errors import ProtocolViolation

__all__ = ["deflate", "inflate"]

_LEVEL = 1  # of 9: deltas are text and hashes; higher ones take thrice the time for a tenth less


def deflate(clear: bytes) -> bytes:
    """The compressed form; other implementations may make other bytes of the same."""
    return zlib.compress(clear, _LEVEL)


def inflate(packed: bytes, size_bytes_max: int) -> bytes | None:
    """What was compressed, or None where that is more than so many bytes.

    Nothing beyond the bound is ever decompressed. Raises ProtocolViolation ("malformed") where it
    is not compressed, cut short or followed by more.
    """
    opener = zlib.decompressobj()
    try:
        clear = opener.decompress(packed, size_bytes_max + 1)
    except zlib.error as error:
        raise ProtocolViolation("malformed", "what is compressed does not decompress") from error
    if len(clear) > size_bytes_max:
        return None
    if not opener.eof or opener.unused_data:
        raise ProtocolViolation("malformed", "what is compressed is cut short or followed by more")
    return clear
