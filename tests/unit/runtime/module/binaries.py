"""Modules in bytes, for what no assembler writes."""

from __future__ import annotations

from covey.runtime.module.encode import name, section, unsigned, vector
from tests.unit.runtime.module.running import abi

__all__ = ["HEADER", "binary", "with_code"]

HEADER = b"\0asm\1\0\0\0"
# Types: 0 () -> (), 1 () -> (), 2 (i32 i32) -> (i64), 3 (i64) -> (i64 i32)
TYPES = [b"\x60\0\0", b"\x60\0\0", b"\x60\x02\x7f\x7f\x01\x7e", b"\x60\x01\x7e\x02\x7e\x7f"]
# Functions: 0 the method, 1 and 2 empty, 3 of type 2
_PARTS = {
    1: vector(TYPES),
    3: b"\x04\0\0\0\x02",
    4: b"\x01\x70\0\x01",
    5: b"\x01\0\x01",
    6: b"\x02\x7f\x01\x41\0\x0b\x7e\0\x42\x05\x0b",  # a mutable i32, a constant i64
    7: vector([name("run") + b"\0\0", name("memory") + b"\x02\0"]),
    9: b"\x01\0\x41\0\x0b\x01\x01",
}
_ORDER = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11)


def with_code(code: bytes, locals_: bytes = b"\0", *, floats: bool = False) -> bytes:
    """The method's body is this; `code` has its own `end`."""
    bodies = [locals_ + code, b"\0\x0b", b"\0\x0b", b"\0\x42\0\x0b"]
    return binary({10: vector([unsigned(len(body)) + body for body in bodies])}, floats=floats)


def binary(parts: dict[int, bytes | None], *, floats: bool = False) -> bytes:
    """A module with sections replaced, added or (None) left out."""
    bodies = [b"\0\x0b", b"\0\x0b", b"\0\x0b", b"\0\x42\0\x0b"]
    code = vector([unsigned(len(body)) + body for body in bodies])
    chosen = {**_PARTS, 10: code, **parts}
    content = b"".join(
        section(number, chosen[number] or b"")
        for number in _ORDER
        if chosen.get(number) is not None
    )
    return HEADER + content + abi(floats=floats)
