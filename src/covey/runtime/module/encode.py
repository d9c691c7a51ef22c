"""The binary format, written: numbers as short as they can be, vectors, sections.

Source: WebAssembly Core Specification 2.0, chapter 5.
"""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["name", "section", "signed", "unsigned", "vector"]


def unsigned(number: int) -> bytes:
    """The shortest unsigned LEB128. number: not negative."""
    if number < 0x80:
        return bytes((number,))
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def signed(number: int) -> bytes:
    """The shortest signed LEB128."""
    encoded = bytearray()
    while not -0x40 <= number < 0x40:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number & 0x7F)
    return bytes(encoded)


def vector(items: Collection[bytes]) -> bytes:
    """A count and the items."""
    return unsigned(len(items)) + b"".join(items)


def name(text: str) -> bytes:
    """A name in UTF-8 after its length."""
    raw = text.encode()
    return unsigned(len(raw)) + raw


def section(number: int, content: bytes) -> bytes:
    """A section with its size."""
    return bytes((number,)) + unsigned(len(content)) + content
