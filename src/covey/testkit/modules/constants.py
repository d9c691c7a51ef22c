"""Numbers that find mistakes: the edges of every type, and some between."""

from __future__ import annotations

import random
import struct

from covey.runtime.module.values import F32, F64, I32
from covey.testkit.modules.encode import signed

__all__ = ["constant", "draw_integer"]

_EDGES = (0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 4096, 65_535, 65_536)
_FLOATS = (0.0, -0.0, 1.0, -1.5, 0.5, 1e-310, -1e-45, 2.0**31, -(2.0**31), 2.0**63, 1e300)
_NANS_32 = (0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FA12345, 0x7F800000, 0xFF800000, 1, 0x80000001)
_NANS_64 = tuple(
    (high << 52) | low for high in (0x7FF, 0xFFF) for low in (0, 1, 1 << 51, 0x4000000000123)
)


def draw_integer(rng: random.Random, bits: int) -> int:
    """A signed integer of that many bits."""
    choice = rng.random()
    if choice < 0.5:
        return rng.choice(_EDGES) * (1 if rng.random() < 0.8 else -1)
    if choice < 0.7:
        shift = rng.randrange(bits)
        value = (1 << shift) + rng.randint(-1, 1)
        return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
    return rng.getrandbits(bits) - (1 << (bits - 1))


def constant(rng: random.Random, value_type: int) -> bytes:
    """An instruction that gives some value of that type."""
    if value_type == F32:
        return b"\x43" + _float(rng, "<f", "<I", 32, _NANS_32)
    if value_type == F64:
        return b"\x44" + _float(rng, "<d", "<Q", 64, _NANS_64)
    bits = 32 if value_type == I32 else 64
    return (b"\x41" if value_type == I32 else b"\x42") + signed(draw_integer(rng, bits))


def _float(
    rng: random.Random, number: str, pattern: str, bits: int, special: tuple[int, ...]
) -> bytes:
    choice = rng.random()
    if choice < 0.4:
        value = rng.choice(_FLOATS)
        return struct.pack(number, value if bits == 64 or abs(value) < 1e38 else 1e30)
    if choice < 0.7:
        return struct.pack(pattern, rng.choice(special))
    return struct.pack(pattern, rng.getrandbits(bits))
