"""The rewritten module, put together from its parts.

Source: protocols/execution.md; the form that engines rely on is in `prepared.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.model import limits
from covey.runtime.module import sections
from covey.runtime.module.body import RewrittenFunction, rewrite_function
from covey.runtime.module.encode import name, section, unsigned, vector
from covey.runtime.module.layout import Layout, Scope, called, new_layout, type_code
from covey.runtime.module.meter import Meter
from covey.runtime.module.parts import Export, Global, Limits, Parts
from covey.runtime.module.prepared import FUEL_EXPORT, STACK_EXPORT
from covey.runtime.module.reader import refuse
from covey.runtime.module.sections import Outline
from covey.runtime.module.segments import Segments, read_segments

__all__ = ["Rewritten", "rewrite_module"]

_FUNCTION, _MEMORY, _GLOBAL = 0, 2, 3
_FUNCREF = b"\x70"
_MUTABLE_I64 = b"\x7e\x01\x42\x00\x0b"
_MUTABLE_I32 = b"\x7f\x01\x41\x00\x0b"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """code: the module that meters itself. drops_data: some of its code may drop data."""

    code: bytes
    drops_data: bool


def rewrite_module(outline: Outline, parts: Parts, entries: Sequence[Export]) -> Rewritten:
    """Validate the code and rewrite the module.

    entries: exported functions `() -> ()`, which the result offers as `(fuel) -> (fuel left)`.
    Raises ConfigError naming the rule and the byte.
    """
    segments = read_segments(outline, parts)
    layout = new_layout(parts)
    meter = Meter(layout)
    bodies, drops_data = _rewrite_code(outline, Scope(parts, segments, layout), meter)
    bodies += _added_code(parts, layout, meter, entries)
    chosen = (
        (sections.TYPE, [type_code(kind) for kind in (*parts.types, *layout.types)]),
        (sections.IMPORT, _imports(parts, layout)),
        (sections.FUNCTION, [unsigned(index) for index in _functions(parts, layout, entries)]),
        (sections.TABLE, [_table(parts.table)] if parts.table else []),
        (sections.MEMORY, [_memory(parts.memory)] if parts.memory else []),
        (
            sections.GLOBAL,
            [*map(_global, parts.globals_), _MUTABLE_I64, _MUTABLE_I32, _MUTABLE_I64],
        ),
        (sections.EXPORT, _exports(parts, layout, entries)),
        (sections.ELEMENT, _elements(segments, parts, layout)),
        (sections.CODE, [unsigned(len(body)) + body for body in bodies]),
        (sections.DATA, _data(segments)),
    )
    code = sections.HEADER
    for number, items in chosen:
        if number == sections.CODE and segments.data_count is not None:
            code += section(sections.DATA_COUNT, unsigned(segments.data_count))
        if items:
            code += section(number, vector(items))
    _check_size(len(code))
    return Rewritten(code, drops_data)


def _rewrite_code(outline: Outline, scope: Scope, meter: Meter) -> tuple[list[bytes], bool]:
    parts = scope.parts
    reader = outline.reader(sections.CODE)
    if reader is None:
        if parts.own:
            refuse("malformed", "its functions have no bodies")
        return [], False
    at = reader.at
    if reader.count("function bodies", limits.MODULE_FUNCTIONS_MAX) != len(parts.own):
        refuse("malformed", "functions and their bodies differ in number", at)
    bodies, drops_data, taken = [], False, _Taken()
    for kind in parts.functions[len(parts.imports) :]:
        at = reader.at
        body = reader.sub(reader.u32())
        if body.end - body.at > limits.FUNCTION_SIZE_BYTES_MAX:
            refuse("too-large", f"a function is over {limits.FUNCTION_SIZE_BYTES_MAX} bytes", at)
        function = rewrite_function(body, kind, scope, meter)
        bodies.append(function.code)
        drops_data |= function.drops_data
        taken.add(function, at)
    reader.finish("the code section")
    return bodies, drops_data


@dataclass(slots=True)
class _Taken:
    """What compiling grows with, summed; each function was held to its own bounds."""

    size_bytes: int = 0
    stretches: int = 0
    carried: int = 0
    live: int = 0

    def add(self, function: RewrittenFunction, at: int) -> None:
        """Count a function in. Raises ConfigError."""
        self.size_bytes += len(function.code)
        self.stretches += function.stretches
        # Compiling takes the square of what one function carries.
        self.carried += function.carried**2
        self.live += function.live
        _check_size(self.size_bytes, at)
        for what, count, most in (
            ("stretches of code", self.stretches, limits.MODULE_STRETCHES_MAX),
            ("squared values carried", self.carried, limits.MODULE_CARRIED_SQUARES_MAX),
            ("values alive in its stretches", self.live, limits.MODULE_LIVE_MAX),
        ):
            if count > most:
                refuse("too-many", f"it has over {most} {what}", at)


def _check_size(size_bytes: int, at: int | None = None) -> None:
    if size_bytes > limits.PREPARED_SIZE_BYTES_MAX:
        most = limits.PREPARED_SIZE_BYTES_MAX
        refuse("too-large", f"its code is over {most} bytes when metered", at)


def _added_code(
    parts: Parts, layout: Layout, meter: Meter, entries: Sequence[Export]
) -> list[bytes]:
    """Bodies in the order of `Layout`."""
    imported = [parts.types[entry.type_index] for entry in parts.imports]
    pages = parts.memory.minimum if parts.memory else 0
    return [
        *(meter.wrapper(index, kind) for index, kind in enumerate(imported)),
        meter.reset(parts.globals_, pages),
        meter.grow(parts.memory),
        meter.bulk(),
        *(meter.entry(called(entry.index, parts, layout)) for entry in entries),
    ]


def _functions(parts: Parts, layout: Layout, entries: Sequence[Export]) -> list[int]:
    """The type index of each function that is not imported."""
    return [
        *parts.own,
        *(entry.type_index for entry in parts.imports),
        layout.reset_type,
        *(layout.number_type, layout.number_type),
        *(layout.entry_type for _ in entries),
    ]


def _imports(parts: Parts, layout: Layout) -> list[bytes]:
    return [
        name(entry.space) + name(entry.name) + bytes((_FUNCTION,)) + unsigned(kind)
        for entry, kind in zip(parts.imports, layout.imports, strict=True)
    ]


def _table(table: Limits) -> bytes:
    return _FUNCREF + b"\x01" + unsigned(table.minimum) * 2


def _memory(memory: Limits) -> bytes:
    return b"\x01" + unsigned(memory.minimum) + unsigned(memory.capped)


def _global(declared: Global) -> bytes:
    return bytes((declared.value_type, declared.is_mutable)) + declared.initial.code + b"\x0b"


def _exports(parts: Parts, layout: Layout, entries: Sequence[Export]) -> list[bytes]:
    chosen = [(e.name, _FUNCTION, layout.entries + i) for i, e in enumerate(entries)]
    if parts.memory is not None:
        chosen.append(("memory", _MEMORY, 0))
    chosen += [(FUEL_EXPORT, _GLOBAL, layout.fuel), (STACK_EXPORT, _GLOBAL, layout.stack)]
    return [name(text) + bytes((kind,)) + unsigned(index) for text, kind, index in chosen]


def _elements(segments: Segments, parts: Parts, layout: Layout) -> list[bytes]:
    return [
        b"\x00"
        + elements.place.code
        + b"\x0b"
        + vector([unsigned(called(index, parts, layout)) for index in elements.functions])
        for elements in segments.elements
    ]


def _data(segments: Segments) -> list[bytes]:
    return [
        (b"\x01" if data.place is None else b"\x00" + data.place.code + b"\x0b")
        + unsigned(len(data.content))
        + data.content
        for data in segments.data
    ]
