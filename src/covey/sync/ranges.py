"""A large frontier, compared by ranges of devices instead of being told whole.

Source: protocols/session.md. With n devices of which d differ, the first half-round costs about
the square root of n fingerprints, the second about as many for each range that differs, the third
what is held in those that still do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from covey.codec import (
    WHOLE_RANGE,
    DeviceRange,
    Listing,
    Parts,
    fingerprint,
    fitting_frontier,
)
from covey.model import DeviceId, Frontier, Tip, limits

__all__ = ["RangeIndex", "answer_parts", "first_parts", "page_of"]

_MODULUS = 2**48  # of sums of fingerprints, which have 6 bytes
_PART_BITS_MAX = 10
_BITS_MAX = 32


class RangeIndex:
    """Counts and fingerprints of any range of a frontier's devices, each in O(log n).

    Made anew for a changed frontier from the former index, which costs the changed devices' hashes
    and one pass over all.
    """

    def __init__(self, frontier: Frontier, former: RangeIndex | None = None) -> None:
        known = {} if former is None else former._elements
        self._frontier = frontier
        self._elements: dict[DeviceId, tuple[tuple[Tip, ...], int]] = {}
        self._devices = sorted(frontier)
        for device in self._devices:
            tips = frontier[device]
            element = known.get(device)
            if element is None or element[0] != tips:
                element = tips, fingerprint(device, tips)
            self._elements[device] = element
        self._starts = [int.from_bytes(device[:4], "big") for device in self._devices]
        self._sums: list[int] = list(
            accumulate((self._elements[d][1] for d in self._devices), initial=0)
        )

    def count(self, devices: DeviceRange) -> int:
        """How many devices of a range there are."""
        first, end = self._bounds(devices)
        return end - first

    def fingerprint(self, devices: DeviceRange) -> int:
        """The sum over a range."""
        first, end = self._bounds(devices)
        return (self._sums[end] - self._sums[first]) % _MODULUS

    def listing(self, devices: DeviceRange) -> Listing:
        """What is held of a range: all, unless it is more than a frame can tell."""
        first, end = self._bounds(devices)
        held = {device: self._frontier[device] for device in self._devices[first:end]}
        return Listing(devices, fitting_frontier(held))

    def parts(self, devices: DeviceRange, bits: int) -> Parts:
        """The fingerprints of the 2^bits parts of a range."""
        return Parts(devices, tuple(self.fingerprint(part) for part in devices.split(bits)))

    def _bounds(self, devices: DeviceRange) -> tuple[int, int]:
        return bisect_left(self._starts, devices.first), bisect_left(self._starts, devices.end)


def first_parts(index: RangeIndex) -> tuple[Parts, ...]:
    """What a comparison begins with: about as many parts as each of them has devices."""
    count = max(4, index.count(WHOLE_RANGE))
    bits = min(_PART_BITS_MAX, (count.bit_length() + 1) // 2)
    return (index.parts(WHOLE_RANGE, bits),)


def answer_parts(
    index: RangeIndex, several: Sequence[Parts]
) -> tuple[tuple[Parts, ...], tuple[Listing, ...]]:
    """What to say of ranges that differ: small ones are listed, the others split further.

    Of more than a frame of each may hold the first are told; the next comparison finds the rest.
    """
    split: list[Parts] = []
    listed: list[Listing] = []
    split_into = tips_listed = 0
    for parts in several:
        for devices, theirs in zip(parts.parts(), parts.fingerprints, strict=True):
            if index.fingerprint(devices) == theirs:
                continue
            count = index.count(devices)
            bits = min(_PART_BITS_MAX, (count // limits.SYNC_RANGE_DEVICES).bit_length())
            bits = min(bits, _BITS_MAX - devices.bits)
            if bits and count > 2 * limits.SYNC_RANGE_DEVICES:
                split_into += 2**bits
                split.append(index.parts(devices, bits))
            else:
                listing = index.listing(devices)
                tips_listed += sum(map(len, listing.frontier.values()))
                listed.append(listing)
            if _is_full(split, split_into, limits.SYNC_FINGERPRINTS_MAX):
                split.pop()
                return tuple(split), tuple(listed)
            if _is_full(listed, tips_listed, limits.SYNC_LISTED_TIPS_MAX):
                listed[1:] = listed[1:-1]  # One device with many branches is told alone.
                return tuple(split), tuple(listed)
    return tuple(split), tuple(listed)


def page_of(index: RangeIndex, number: int) -> tuple[Listing, ...]:
    """One of the pages that together list everything, over and over."""
    bits = (index.count(WHOLE_RANGE) * 2 // limits.SYNC_LISTED_TIPS_MAX).bit_length()
    return (index.listing(DeviceRange(bits, number % 2**bits)),)


def _is_full(ranges: Sequence[object], size: int, size_max: int) -> bool:
    return len(ranges) > limits.SYNC_RANGES_MAX or size > size_max
