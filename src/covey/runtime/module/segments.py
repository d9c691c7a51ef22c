"""Element and data segments, checked to fit before anything runs.

Source: WebAssembly Core Specification 2.0, chapters 3.4, 4.5.4 and 5.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from covey.model import limits
from covey.runtime.module import sections
from covey.runtime.module.constants import Constant, read_constant
from covey.runtime.module.parts import Parts
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.sections import Outline
from covey.runtime.module.values import I32

__all__ = ["Data", "Elements", "Segments", "read_segments"]

_PAGE_SIZE_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Elements:
    """An active segment of the table: functions from a place on."""

    place: Constant
    functions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """A segment of data; place: None where it is passive."""

    place: Constant | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Segments:
    """data_count: as the section of that name says; None without it."""

    elements: tuple[Elements, ...]
    data: tuple[Data, ...]
    data_count: int | None


def read_segments(outline: Outline, parts: Parts) -> Segments:
    """The segments. Raises ConfigError naming the rule and the byte."""
    counting = outline.reader(sections.DATA_COUNT)
    data_count = None
    if counting is not None:
        data_count = counting.u32()
        counting.finish("the data count section")
    elements = _read_elements(outline.reader(sections.ELEMENT), parts)
    reader = outline.reader(sections.DATA)
    data = _read_data(reader, parts)
    if data_count is not None and data_count != len(data):
        at = None if reader is None else reader.at
        refuse("malformed", f"it has {len(data)} segments of data, not {data_count}", at)
    return Segments(elements, data, data_count)


def _read_elements(reader: BinaryReader | None, parts: Parts) -> tuple[Elements, ...]:
    if reader is None:
        return ()
    segments = []
    total = 0
    for _ in range(reader.count("segments of elements", limits.MODULE_SEGMENTS_MAX)):
        at = reader.at
        flags = reader.u32()
        if flags > 7:
            refuse("malformed", f"a segment of elements has flags {flags}", at)
        if flags not in (0, 2):
            refuse("segment", "it has elements that are passive, declared or expressions", at)
        if flags == 2 and reader.u32() != 0:
            refuse("segment", "it addresses a second table", at)
        if parts.table is None:
            refuse("invalid", "it has elements and no table", at)
        place = read_constant(reader, I32)
        if flags == 2 and reader.byte() != 0:
            refuse("segment", "its table holds something other than functions", at)
        functions = _read_indices(reader, len(parts.functions))
        if place.number + len(functions) > parts.table.minimum:
            refuse("invalid", "elements are outside the table", at)
        total += len(functions)
        if total > limits.TABLE_ELEMENTS_MAX:
            refuse("segment", "its segments write elements again and again", at)
        segments.append(Elements(place, functions))
    reader.finish("the element section")
    return tuple(segments)


def _read_indices(reader: BinaryReader, function_count: int) -> tuple[int, ...]:
    at = reader.at
    count = reader.count("elements in a segment", limits.TABLE_ELEMENTS_MAX)
    functions = tuple(reader.u32() for _ in range(count))
    for index in functions:
        if index >= function_count:
            refuse("invalid", f"there is no function {index}", at)
    return functions


def _read_data(reader: BinaryReader | None, parts: Parts) -> tuple[Data, ...]:
    if reader is None:
        return ()
    segments = []
    total = 0
    for _ in range(reader.count("segments of data", limits.MODULE_SEGMENTS_MAX)):
        at = reader.at
        flags = reader.u32()
        if flags > 2:
            refuse("malformed", f"a segment of data has flags {flags}", at)
        if flags == 1:
            segments.append(Data(None, reader.take(reader.u32())))
            continue
        if flags == 2 and reader.u32() != 0:
            refuse("memory", "it addresses a second memory", at)
        if parts.memory is None:
            refuse("invalid", "it has data and no memory", at)
        place = read_constant(reader, I32)
        content = reader.take(reader.u32())
        memory_size_bytes = parts.memory.minimum * _PAGE_SIZE_BYTES
        if place.number + len(content) > memory_size_bytes:
            refuse("invalid", "data is outside the memory", at)
        # A run pays for its pages, so it may not write them more than once before it begins.
        total += len(content)
        if total > memory_size_bytes:
            refuse("segment", "its segments write memory again and again", at)
        segments.append(Data(place, content))
    reader.finish("the data section")
    return tuple(segments)
