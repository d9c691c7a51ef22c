"""Deltas that travel together: compressed, and bounded when they are opened.

Source: protocols/session.md. batch = zlib(MessagePack array of delta frames).
"""

from __future__ import annotations

from collections.abc import Sequence

from covey.codec.deflate import deflate, inflate
from covey.codec.packing import pack
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
    frames = _frames_of(clear)
    if sum(map(len, frames)) > size_bytes_max:
        raise ProtocolViolation("wrong-credit", "the peer sent more than its credit")
    return frames


def _frames_of(clear: bytes) -> tuple[bytes, ...]:
    """The elements of a canonical array of bytes, read in their place: it may have megabytes."""
    count, start = _count_of(clear)
    if count > limits.SYNC_BATCH_DELTAS_MAX:
        raise ProtocolViolation("oversized", f"a batch of {count} deltas")
    if not count:
        raise ProtocolViolation("wrong-shape", "a batch without deltas")
    frames = []
    for _ in range(count):
        kind = clear[start : start + 1]
        if kind == b"\xc5":
            size, length_min = 3, 1 << 8  # a shorter one has a shorter form
        elif kind == b"\xc4":
            size, length_min = 2, 0
        elif kind == b"\xc6":
            size, length_min = 5, 1 << 16
        else:
            raise ProtocolViolation("wrong-shape", "a delta is not bytes")
        length = int.from_bytes(clear[start + 1 : start + size], "big")
        if length < length_min:
            raise ProtocolViolation("non-canonical", "a length has a shorter form")
        end = start + size + length
        frames.append(clear[start + size : end])
        start = end
    if max(map(len, frames)) > limits.DELTA_SIZE_BYTES_MAX:
        raise ProtocolViolation("oversized", "a delta is too large")
    if start != len(clear):  # Where it ends early, the last one is shorter than it says.
        raise ProtocolViolation("malformed", "a batch is cut short or followed by more")
    return tuple(frames)


def _count_of(clear: bytes) -> tuple[int, int]:
    """How many elements an array says it has, and where they begin."""
    first = clear[:1]
    if b"\x90" <= first <= b"\x9f":
        return first[0] - 0x90, 1
    if first not in (b"\xdc", b"\xdd"):
        raise ProtocolViolation("wrong-shape", "a batch is not an array")
    start = 3 if first == b"\xdc" else 5
    count = int.from_bytes(clear[1:start], "big")
    if count < (16 if first == b"\xdc" else 1 << 16):
        raise ProtocolViolation("non-canonical", "a length has a shorter form")
    return count, start
