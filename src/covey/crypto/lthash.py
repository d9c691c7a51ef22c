"""A hash of a set, to which elements are added and from which they are taken: LtHash16.

1,024 lanes of 16 bits over SHAKE-128, in plain integers: even and odd lanes are summed apart, so
that no carry crosses a lane.
Source: protocols/merge.md; Lewi et al., "Securing Update Propagation with Homomorphic Hashing".
"""

from __future__ import annotations

import hashlib

from covey.crypto.hashing import Tag

__all__ = ["LTHASH_EMPTY", "LTHASH_SIZE_BYTES", "LtHash"]

_LANES = 1024
LTHASH_SIZE_BYTES = 2 * _LANES
LTHASH_EMPTY = bytes(LTHASH_SIZE_BYTES)
_EVEN = int.from_bytes(b"\x00\x00\xff\xff" * (_LANES // 2), "big")
_ODD = _EVEN << 16
_BIAS_EVEN = int.from_bytes(b"\x00\x01\x00\x00" * (_LANES // 2), "big")
_UNREDUCED_MAX = 2**15
_PREFIX = bytes((len(Tag.ELEMENT),)) + Tag.ELEMENT


def _expand(element: bytes) -> int:
    return int.from_bytes(hashlib.shake_128(_PREFIX + element).digest(LTHASH_SIZE_BYTES), "big")


class LtHash:
    """A running sum of elements; equal sets of elements give equal sums in every order."""

    __slots__ = ("_even", "_odd", "_unreduced")

    def __init__(self, accumulator: bytes = LTHASH_EMPTY) -> None:
        assert len(accumulator) == LTHASH_SIZE_BYTES
        whole = int.from_bytes(accumulator, "big")
        self._even, self._odd = whole & _EVEN, (whole & _ODD) >> 16
        self._unreduced = 0

    def add(self, element: bytes) -> None:
        """Put one element in."""
        lanes = _expand(element)
        self._even += lanes & _EVEN
        self._odd += (lanes >> 16) & _EVEN
        self._note_change()

    def subtract(self, element: bytes) -> None:
        """Take one element out."""
        lanes = _expand(element)
        self._even += _BIAS_EVEN - (lanes & _EVEN)
        self._odd += _BIAS_EVEN - ((lanes >> 16) & _EVEN)
        self._note_change()

    def accumulator(self) -> bytes:
        """The sum as 2,048 bytes, lanes big-endian, first lane first."""
        self._reduce()
        return (self._even | self._odd << 16).to_bytes(LTHASH_SIZE_BYTES, "big")

    def _note_change(self) -> None:
        # A change adds at most 2^16 to a lane, which has 32 bits: its carry stays within it.
        self._unreduced += 1
        if self._unreduced == _UNREDUCED_MAX:
            self._reduce()

    def _reduce(self) -> None:
        self._even &= _EVEN
        self._odd &= _EVEN
        self._unreduced = 0
