"""Looks into modules that passed every rule: what they import, and how large their frames are.

Source: WebAssembly Core Specification 2.0, chapter 5; the form of a frame is that of
`covey.runtime.module`, which this reads from the rewritten code.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Anatomy", "Frame", "dissect", "function_at"]

_HEADER_SIZE_BYTES = 8
_CUSTOM, _IMPORT, _FUNCTION, _MEMORY, _GLOBAL, _EXPORT = 0, 2, 3, 5, 6, 7
_CODE, _DATA = 10, 11
_I32_CONST, _GLOBAL_GET, _I32_SUB = 0x41, 0x23, 0x6B


@dataclass(frozen=True, slots=True)
class Frame:
    """What a function takes of the stack; function: its index, imported ones counted first."""

    function: int
    slots: int
    exported_as: str


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What is in a module; functions: its own. frames: in the order of their size, largest first.

    data_size_bytes: of the section with the initial content of memory. memory_pages_max: to which
    memory can grow while code runs.
    """

    imports: tuple[str, ...]
    functions: int
    globals_: int
    data_size_bytes: int
    memory_pages_max: int
    frames: tuple[Frame, ...]


def dissect(module: bytes, prepared: bytes) -> Anatomy:
    """Look into a module and what was made of it."""
    sections = _sections(module)
    imports = _imports(module, sections)
    own = _count(module, sections, _FUNCTION)
    data = sections.get(_DATA, (0, 0))
    names = _exported_functions(module, sections)
    frames = [
        Frame(len(imports) + place, slots, names.get(len(imports) + place, ""))
        for place, slots in enumerate(_frames(prepared, own))
    ]
    return Anatomy(
        imports=imports,
        functions=own,
        globals_=_count(module, sections, _GLOBAL),
        data_size_bytes=data[1] - data[0],
        memory_pages_max=_memory_pages_max(prepared),
        frames=tuple(sorted(frames, key=lambda frame: (-frame.slots, frame.function))),
    )


def function_at(module: bytes, at: int) -> int | None:
    """The index of the function whose code holds a byte; None outside code.

    The module may be broken; then it is read as far as it goes.
    """
    try:
        sections = _sections(module)
        start, end = sections.get(_CODE, (0, 0))
        if not start <= at < end:
            return None
        count, place = _number(module, start)
        imported = len(_imports(module, sections))
        for index in range(count):
            size, body = _number(module, place)
            if place <= at < body + size:
                return imported + index
            place = body + size
    except (IndexError, UnicodeDecodeError):
        return None
    return None


def _sections(module: bytes) -> dict[int, tuple[int, int]]:
    """Where the content of each standard section lies."""
    sections: dict[int, tuple[int, int]] = {}
    at = _HEADER_SIZE_BYTES
    while at < len(module):
        number = module[at]
        size, start = _number(module, at + 1)
        if number != _CUSTOM:
            sections[number] = (start, start + size)
        at = start + size
    return sections


def _number(content: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and the place after it. Raises IndexError at the end."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 63:
            return value, at


def _signed(content: bytes, at: int) -> tuple[int, int]:
    """A signed LEB128 number and the place after it."""
    value, end = _number(content, at)
    bits = 7 * (end - at)
    return (value - (1 << bits) if value >> (bits - 1) else value), end


def _name(content: bytes, at: int) -> tuple[str, int]:
    size, start = _number(content, at)
    return content[start : start + size].decode("utf-8"), start + size


def _count(module: bytes, sections: dict[int, tuple[int, int]], number: int) -> int:
    return _number(module, sections[number][0])[0] if number in sections else 0


def _imports(module: bytes, sections: dict[int, tuple[int, int]]) -> tuple[str, ...]:
    """The names of the imported functions: a module that passed imports nothing else."""
    if _IMPORT not in sections:
        return ()
    count, at = _number(module, sections[_IMPORT][0])
    names = []
    for _ in range(count):
        _, at = _name(module, at)
        name, at = _name(module, at)
        _, at = _number(module, at + 1)
        names.append(name)
    return tuple(names)


def _exported_functions(module: bytes, sections: dict[int, tuple[int, int]]) -> dict[int, str]:
    if _EXPORT not in sections:
        return {}
    count, at = _number(module, sections[_EXPORT][0])
    names: dict[int, str] = {}
    for _ in range(count):
        name, at = _name(module, at)
        kind = module[at]
        index, at = _number(module, at + 1)
        if kind == 0:
            names.setdefault(index, name)
    return names


def _memory_pages_max(prepared: bytes) -> int:
    """The maximum of the one memory: the rewritten module always says it."""
    start, _ = _sections(prepared)[_MEMORY]
    _, at = _number(prepared, start)
    _, at = _number(prepared, at)
    _, at = _number(prepared, at)
    return _number(prepared, at)[0]


def _frames(prepared: bytes, own: int) -> list[int]:
    """The slots that each function takes first of all, from its rewritten code."""
    sections = _sections(prepared)
    if _CODE not in sections:
        return []
    _, at = _number(prepared, sections[_CODE][0])
    slots = []
    for _ in range(own):
        size, start = _number(prepared, at)
        slots.append(_frame(prepared, start))
        at = start + size
    return slots


def _frame(prepared: bytes, at: int) -> int:
    groups, at = _number(prepared, at)
    for _ in range(groups):
        _, at = _number(prepared, at)
        at += 1
    assert prepared[at] == _GLOBAL_GET
    _, at = _number(prepared, at + 1)
    assert prepared[at] == _I32_CONST
    slots, at = _signed(prepared, at + 1)
    assert prepared[at] == _I32_SUB
    return slots
