"""Deltas that travel together: compressed, and bounded when they are opened.

Source: protocols/session.md. batch = zlib(MessagePack array of delta frames).
"""

from __future__ import annotations

from collections.abc import Sequence

from covey.codec import shape
from covey.codec.deflate import deflate, inflate
from covey.codec.packing import pack, unpack
from covey.errors import ProtocolViolation
from covey.model import limits

__all__ = ["open_batch", "pack_batch"]

_FRAMING_BYTES_MAX = 3 + 5 * limits.SYNC_BATCH_DELTAS_MAX  # of the array and each of its elements


def pack_batch(frames: Sequence[bytes]) -> bytes:
    """The bytes of a batch of at most `limits.SYNC_BATCH_DELTAS_MAX` delta frames."""
    assert 0 < len(frames) <= limits.SYNC_BATCH_DELTAS_MAX
    return deflate(pack(tuple(frames)))


def open_batch(packed: bytes, size_bytes_max: int) -> tuple[bytes, ...]:
    """The delta frames in a batch, of at most so many bytes together.

    Nothing beyond the bound is ever decompressed. Raises ProtocolViolation: "wrong-credit" where
    there is more, "malformed" where it is no batch.
    """
    clear = inflate(packed, size_bytes_max + _FRAMING_BYTES_MAX)
    if clear is None:
        raise ProtocolViolation("wrong-credit", "the peer sent more than its credit")
    elements = unpack(clear, len(clear), limits.ELEMENTS_MAX)
    array = shape.array(elements, limits.SYNC_BATCH_DELTAS_MAX, "batch")
    if not array:
        raise ProtocolViolation("wrong-shape", "a batch without deltas")
    frames = tuple(shape.blob(item, limits.DELTA_SIZE_BYTES_MAX, "delta") for item in array)
    if sum(map(len, frames)) > size_bytes_max:
        raise ProtocolViolation("wrong-credit", "the peer sent more than its credit")
    return frames
