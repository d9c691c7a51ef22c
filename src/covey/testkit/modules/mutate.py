"""Broken modules from valid ones: flipped, cut, spliced, with lengths put right again or not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from covey.testkit.modules.encode import HEADER, unsigned

__all__ = ["mutate"]

_CODE: Final = 10
_BYTES: Final = (
    *(0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x1A, 0x1B),
    *(0x1C, 0x20, 0x21, 0x22, 0x23, 0x24, 0x28, 0x36, 0x3F, 0x40, 0x41, 0x42, 0x6A, 0x70, 0x7C),
    *(0x7D, 0x7E, 0x7F, 0x80, 0xA7, 0xC4, 0xD0, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF),
)
_NUMBERS: Final = (
    *(b"\x80\x00", b"\x80\x80\x80\x80\x00", b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x7f"),
    *(b"\xff\xff\x03", b"\x80\x80\x80\x80\x10", b"\x80" * 9 + b"\0", b"\xff" * 9 + b"\x7f"),
)
_EDITS_MAX: Final = 4
_RANGES: Final = (
    *(range(0x46, 0x50), range(0x51, 0x5B), range(0x5B, 0x61), range(0x61, 0x67)),
    *(range(0x67, 0x6A), range(0x6A, 0x79), range(0x79, 0x7C), range(0x7C, 0x8B)),
    *(range(0x8B, 0x92), range(0x92, 0x99), range(0x99, 0xA0), range(0xA0, 0xA7)),
    *(range(0xC0, 0xC2), range(0xC2, 0xC5), range(0x20, 0x23), range(0x02, 0x04)),
)
_ALIKE: Final = {byte: alike for alike in _RANGES for byte in alike}
_NUMBERED: Final = frozenset((0x0C, 0x0D, 0x10, 0x11, *range(0x20, 0x25), 0x41, 0x42))


def mutate(rng: random.Random, module: bytes, other: bytes) -> bytes:
    """Another module, rarely a valid one. other: what to splice from."""
    choice = rng.random()
    if choice < 0.15:
        return _edited(rng, module, other)
    sections = _sections(module)
    if not sections:
        return _edited(rng, module, other)
    if choice < 0.3:
        _rearrange(rng, sections, _sections(other))
    else:
        codes = [n for n, (number, _) in enumerate(sections) if number == _CODE]
        place = rng.choice(codes) if codes and choice < 0.75 else rng.randrange(len(sections))
        number, content = sections[place]
        change = _in_a_function if number == _CODE and rng.random() < 0.9 else _edited
        sections[place] = (number, change(rng, content, other))
    return HEADER + b"".join(_framed(rng, *section) for section in sections)


def _framed(rng: random.Random, number: int, content: bytes) -> bytes:
    size_bytes = 5 if rng.random() < 0.02 else 1
    return bytes([number]) + unsigned(len(content), size_bytes) + content


def _rearrange(
    rng: random.Random, sections: list[tuple[int, bytes]], others: list[tuple[int, bytes]]
) -> None:
    place = rng.randrange(len(sections))
    choice = rng.randrange(4)
    if choice == 0:
        del sections[place]
    elif choice == 1:
        sections.insert(rng.randrange(len(sections) + 1), sections[place])
    elif choice == 2 and others:
        sections[place] = rng.choice(others)
    else:
        sections[place] = (rng.randrange(16), sections[place][1])


def _edited(rng: random.Random, content: bytes, other: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, _EDITS_MAX))):
        rng.choice(_EDITS)(rng, changed, other)
    return bytes(changed)


def _in_a_function(rng: random.Random, content: bytes, other: bytes) -> bytes:
    """Edit one function of the code section and put its length right."""
    try:
        count, at = _unsigned(content, 0)
        bodies = []
        for _ in range(count):
            size, at = _unsigned(content, at)
            bodies.append(content[at : at + size])
            at += size
    except IndexError:
        return _edited(rng, content, other)
    if not bodies:
        return content
    place = rng.randrange(len(bodies))
    bodies[place] = _edited(rng, bodies[place], other)
    return unsigned(len(bodies)) + b"".join(unsigned(len(b)) + b for b in bodies)


def _place(rng: random.Random, content: bytearray) -> int:
    return rng.randrange(len(content) + 1)


def _flip(rng: random.Random, content: bytearray, _other: bytes) -> None:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, content: bytearray, _other: bytes) -> None:
    if content:
        content[rng.randrange(len(content))] = rng.choice(_BYTES)


def _swap(rng: random.Random, content: bytearray, _other: bytes) -> None:
    """Put another instruction of the same type in the place of one, or of what looks like it."""
    places = [at for at, byte in enumerate(content) if byte in _ALIKE]
    if places:
        at = rng.choice(places)
        content[at] = rng.choice(_ALIKE[content[at]])


def _index(rng: random.Random, content: bytearray, _other: bytes) -> None:
    """Another number after an instruction that takes one."""
    places = [at for at, byte in enumerate(content[:-1]) if byte in _NUMBERED]
    if places:
        content[rng.choice(places) + 1] = rng.choice((0, 1, 2, 3, 5, 20, 0x3F, 0x7F))


def _insert(rng: random.Random, content: bytearray, _other: bytes) -> None:
    at = _place(rng, content)
    content[at:at] = bytes(rng.choice(_BYTES) for _ in range(rng.randint(1, 4)))


def _delete(rng: random.Random, content: bytearray, _other: bytes) -> None:
    at = _place(rng, content)
    del content[at : at + rng.randint(1, 8)]


def _number(rng: random.Random, content: bytearray, _other: bytes) -> None:
    at = _place(rng, content)
    content[at : at + rng.randint(0, 2)] = rng.choice(_NUMBERS)


def _splice(rng: random.Random, content: bytearray, other: bytes) -> None:
    if not other:
        return
    start = rng.randrange(len(other))
    at = _place(rng, content)
    taken = other[start : start + rng.randint(1, 60)]
    content[at : at + rng.choice((0, len(taken)))] = taken


def _repeat(rng: random.Random, content: bytearray, _other: bytes) -> None:
    at = _place(rng, content)
    content[at:at] = content[at : at + rng.randint(1, 30)] * rng.choice((1, 1, 2, 50))


_EDITS: Final[tuple[Callable[[random.Random, bytearray, bytes], None], ...]] = (
    _flip, _set, _insert, _delete, _number, _splice, _repeat, *(_swap, _index) * 4,
)  # fmt: skip


def _sections(module: bytes) -> list[tuple[int, bytes]]:
    """Those of a module, as far as it can be read."""
    found = []
    at = len(HEADER)
    try:
        while at < len(module):
            size, start = _unsigned(module, at + 1)
            found.append((module[at], module[start : start + size]))
            at = start + size
    except IndexError:
        return found
    return found


def _unsigned(content: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends. Raises IndexError where there is none."""
    value = shift = 0
    while content[at] >= 0x80:
        value |= (content[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | content[at] << shift, at + 1
