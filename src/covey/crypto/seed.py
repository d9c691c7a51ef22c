"""The seed of a call, from which application code draws its only randomness.

Source: protocols/delta.md; H('covey/seed/1', context, author, sequence, previous, index, call).
"""

from __future__ import annotations

import hashlib

from covey.crypto.hashing import Tag, tagged_hash
from covey.model import Call, ContextId, DeltaId, DeviceId

__all__ = ["SeededStream", "call_seed"]


def call_seed(
    context: ContextId,
    author: DeviceId,
    sequence: int,
    previous: DeltaId | None,
    index: int,
    call: Call,
) -> bytes:
    """32 bytes; index: the place of the call among the calls kept in its delta."""
    return tagged_hash(
        Tag.SEED, context, author, sequence, previous, index, [call.method, call.arguments]
    )


class SeededStream:
    """SHAKE-256 of a seed, read from the start; total bounded by the caller."""

    __slots__ = ("_read", "_shake")

    def __init__(self, seed: bytes) -> None:
        self._shake = hashlib.shake_256(seed)
        self._read = 0

    def take(self, size_bytes: int) -> bytes:
        """The next bytes of the stream."""
        end = self._read + size_bytes
        drawn = self._shake.digest(end)[self._read :]
        self._read = end
        return drawn
