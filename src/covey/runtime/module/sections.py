"""The outline of a module: which sections it has, and where.

Source: WebAssembly Core Specification 2.0, chapter 5.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from covey.runtime.module.reader import BinaryReader, refuse

__all__ = [
    "CODE",
    "DATA",
    "DATA_COUNT",
    "ELEMENT",
    "EXPORT",
    "FUNCTION",
    "GLOBAL",
    "HEADER",
    "IMPORT",
    "MEMORY",
    "TABLE",
    "TYPE",
    "Outline",
    "read_outline",
]

HEADER: Final = b"\0asm\x01\0\0\0"
_CUSTOM: Final = 0
TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, _START = 1, 2, 3, 4, 5, 6, 7, 8
ELEMENT, CODE, DATA, DATA_COUNT = 9, 10, 11, 12
_ORDER: Final = (
    *(TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL),
    *(EXPORT, _START, ELEMENT, DATA_COUNT, CODE, DATA),
)


@dataclass(frozen=True, slots=True)
class Outline:
    """A module's standard sections by id, and its custom ones as (name, content)."""

    sections: dict[int, tuple[int, int]]
    customs: tuple[tuple[str, bytes], ...]
    content: bytes

    def reader(self, section: int) -> BinaryReader | None:
        """A reader of one standard section, None where the module has none."""
        bounds = self.sections.get(section)
        return BinaryReader(self.content, *bounds) if bounds else None


def read_outline(content: bytes) -> Outline:
    """Walk the sections. Raises ConfigError for what is no such binary, or has other sections."""
    # Engines also accept the text format, so the magic is looked at before anything else.
    if content[: len(HEADER)] != HEADER:
        refuse("not-wasm", "it is not a WebAssembly binary of version 1", 0)
    reader = BinaryReader(content, len(HEADER), len(content))
    sections: dict[int, tuple[int, int]] = {}
    customs: list[tuple[str, bytes]] = []
    last = -1
    while not reader.at_end():
        at = reader.at
        section = reader.byte()
        body = reader.sub(reader.u32())
        if section == _CUSTOM:
            customs.append((body.name(), body.content[body.at : body.end]))
            continue
        if section == _START:
            refuse("start-section", "it has a start function", at)
        if section not in _ORDER:
            refuse("unknown-section", f"section {section} is not a standard one", at)
        if _ORDER.index(section) <= last:
            refuse("malformed", f"section {section} comes twice or out of order", at)
        last = _ORDER.index(section)
        sections[section] = (body.at, body.end)
    return Outline(sections, tuple(customs), content)
