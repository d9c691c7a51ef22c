"""Ranges of devices, for comparing large frontiers piece by piece.

Source: protocols/session.md. A range is all devices whose id begins with the same bits. Two
frontiers agree on a range when the sums of their fingerprints do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from covey.codec import shape
from covey.codec.frontier import (
    frontier_bytes_max,
    frontier_of,
    frontier_packed,
    tips_packed,
)
from covey.codec.packing import Packed
from covey.crypto import Tag, tagged_hash
from covey.errors import ProtocolViolation
from covey.model import DeviceId, Frontier, Tip, limits

__all__ = [
    "WHOLE_RANGE",
    "DeviceRange",
    "Listing",
    "Parts",
    "fingerprint",
    "fitting_listings",
    "listings_of",
    "listings_packed",
    "parts_of",
    "parts_packed",
]

_FINGERPRINT_BYTES = 6
_LISTING_BYTES_MAX = 1 + 1 + 5 + 5  # three parts: bits, prefix, the length of the frontier
_BITS_MAX = 32
_PART_BITS_MAX = 10


@dataclass(frozen=True, slots=True, order=True)
class DeviceRange:
    """Devices whose first `bits` bits (0 to 32) are the number `prefix`."""

    bits: int
    prefix: int

    @property
    def first(self) -> int:
        """The first 32 bits of the least device in it."""
        return self.prefix << (_BITS_MAX - self.bits)

    @property
    def end(self) -> int:
        """The first 32 bits of the least device after it; 2^32 at the end."""
        return (self.prefix + 1) << (_BITS_MAX - self.bits)

    def holds(self, device: DeviceId) -> bool:
        """Whether a device is in it."""
        return self.first <= int.from_bytes(device[:4], "big") < self.end

    def split(self, bits: int) -> tuple[DeviceRange, ...]:
        """Its 2^bits equal parts, in order."""
        first = self.prefix << bits
        return tuple(DeviceRange(self.bits + bits, first + i) for i in range(2**bits))


WHOLE_RANGE = DeviceRange(0, 0)


@dataclass(frozen=True, slots=True)
class Parts:
    """The fingerprints of the 2^n equal parts of a range, in order."""

    range: DeviceRange
    fingerprints: tuple[int, ...]

    def parts(self) -> tuple[DeviceRange, ...]:
        """The ranges that the fingerprints are of."""
        return self.range.split(len(self.fingerprints).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Listing:
    """All that somebody holds of the devices in a range."""

    range: DeviceRange
    frontier: Frontier


def fingerprint(device: DeviceId, tips: tuple[Tip, ...]) -> int:
    """What one device's tips add to the fingerprint of every range that holds it."""
    digest = tagged_hash(Tag.RANGE, device, tips_packed(tips))
    return int.from_bytes(digest[:_FINGERPRINT_BYTES], "big")


def parts_packed(several: tuple[Parts, ...]) -> Packed:
    """[[bits, prefix, fingerprints]...]."""
    return tuple(
        (
            parts.range.bits,
            parts.range.prefix,
            b"".join(f.to_bytes(_FINGERPRINT_BYTES, "big") for f in parts.fingerprints),
        )
        for parts in several
    )


def parts_of(value: Packed) -> tuple[Parts, ...]:
    """The parts in a decoded array: at least one, ascending."""
    several = []
    total = 0
    for item in shape.array(value, limits.SYNC_RANGES_MAX, "ranges"):
        bits, prefix, body = shape.fields(item, 3, "range")
        devices = _range_of(bits, prefix)
        packed = shape.blob(body, _FINGERPRINT_BYTES * 2**_PART_BITS_MAX, "fingerprints")
        count, rest = divmod(len(packed), _FINGERPRINT_BYTES)
        depth = count.bit_length() - 1
        total += count
        if total > limits.SYNC_FINGERPRINTS_MAX:
            raise ProtocolViolation("oversized", "too many fingerprints")
        if rest or count != 2**depth or not 1 <= depth <= _BITS_MAX - devices.bits:
            raise ProtocolViolation("wrong-shape", "the fingerprints are not of two parts or more")
        starts = range(0, len(packed), _FINGERPRINT_BYTES)
        several.append(
            Parts(
                devices,
                tuple(int.from_bytes(packed[i : i + _FINGERPRINT_BYTES], "big") for i in starts),
            )
        )
    _require_apart([parts.range for parts in several])
    return tuple(several)


def listings_packed(several: tuple[Listing, ...]) -> Packed:
    """[[bits, prefix, frontier]...]."""
    return tuple(
        (listing.range.bits, listing.range.prefix, frontier_packed(listing.frontier))
        for listing in several
    )


def listings_of(value: Packed) -> tuple[Listing, ...]:
    """The listings in a decoded array: at least one, ascending, each of its own devices alone."""
    several = []
    for item in shape.array(value, limits.SYNC_RANGES_MAX, "listings"):
        bits, prefix, body = shape.fields(item, 3, "listing")
        devices = _range_of(bits, prefix)
        frontier = frontier_of(body)
        if not all(devices.holds(device) for device in frontier):
            raise ProtocolViolation("wrong-shape", "a listing names a device outside its range")
        several.append(Listing(devices, frontier))
    _require_apart([listing.range for listing in several])
    return tuple(several)


def fitting_listings(several: Iterable[Listing]) -> tuple[Listing, ...]:
    """As many listings as one frame of a stream can tell; each fits by itself.

    The small ones come first, whole: a device with thousands of branches holds up no other.
    """
    room_bytes = limits.SYNC_TOLD_BYTES_MAX - limits.KIB
    fitting: list[Listing] = []
    for listing in sorted(several, key=lambda listing: frontier_bytes_max(listing.frontier)):
        room_bytes -= _LISTING_BYTES_MAX + frontier_bytes_max(listing.frontier)
        if fitting and room_bytes < 0:
            break
        fitting.append(listing)
    return tuple(sorted(fitting, key=lambda listing: listing.range.first))


def _range_of(bits: Packed, prefix: Packed) -> DeviceRange:
    depth = shape.integer(bits, 0, _BITS_MAX, "bits of a range")
    return DeviceRange(depth, shape.integer(prefix, 0, 2**depth - 1, "prefix of a range"))


def _require_apart(ranges: list[DeviceRange]) -> None:
    end = 0
    for devices in ranges:
        if devices.first < end:
            raise ProtocolViolation("wrong-shape", "the ranges overlap or are not ascending")
        end = devices.end
    if not ranges:
        raise ProtocolViolation("wrong-shape", "no range at all")
