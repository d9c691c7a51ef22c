"""The binary format of WebAssembly, written: as much as a generator of modules needs.

Deliberately not what the runtime rewrites modules with, so that neither hides a mistake of the
other. Source: WebAssembly Core Specification 2.0, chapter 5.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["HEADER", "custom", "name", "section", "signed", "unsigned", "vector"]

HEADER = b"\0asm\1\0\0\0"


def unsigned(number: int, size_bytes: int = 1) -> bytes:
    """LEB128 of a natural number, padded to at least that many bytes."""
    encoded = bytearray()
    while number >= 0x80 or len(encoded) + 1 < size_bytes:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def signed(number: int) -> bytes:
    """The shortest LEB128 of an integer."""
    encoded = bytearray()
    while not -0x40 <= number < 0x40:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number & 0x7F])


def name(text: str) -> bytes:
    """Length and UTF-8."""
    raw = text.encode()
    return unsigned(len(raw)) + raw


def vector(items: Sequence[bytes]) -> bytes:
    """Count and items."""
    return unsigned(len(items)) + b"".join(items)


def section(number: int, content: bytes) -> bytes:
    """Id, length and content; nothing at all for an empty one."""
    return bytes([number]) + unsigned(len(content)) + content if content else b""


def custom(title: str, content: bytes) -> bytes:
    """A custom section."""
    return section(0, name(title) + content)
