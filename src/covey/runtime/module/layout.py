"""Where the rewritten module keeps what is added, behind everything the original can name.

Types, functions and globals of the original keep their indices. Behind them come, as functions: a
wrapper for each import, `reset`, `grow`, `bulk`, and one for each entry. Code is checked against
the counts of the original, so no instruction of it reaches what is added.
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.runtime.module.encode import unsigned, vector
from covey.runtime.module.parts import Parts
from covey.runtime.module.segments import Segments
from covey.runtime.module.values import I32, I64, FunctionType

__all__ = ["Layout", "Scope", "called", "new_layout", "type_code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Indices in the rewritten module.

    types: those added. imports: the type index of each import. wrappers: the first wrapper.
    results: the index of the type of a block by its two or more results.
    """

    types: tuple[FunctionType, ...]
    imports: tuple[int, ...]
    results: dict[bytes, int]
    reset_type: int
    entry_type: int
    number_type: int
    wrappers: int
    reset: int
    grow: int
    bulk: int
    entries: int
    fuel: int
    stack: int
    far: int


@dataclass(frozen=True, slots=True)
class Scope:
    """What the code of a module may name, and where it is found after the rewriting."""

    parts: Parts
    segments: Segments
    layout: Layout


def new_layout(parts: Parts) -> Layout:
    """Place what is added."""
    added: dict[FunctionType, int] = {}

    def place(kind: FunctionType) -> int:
        return added.setdefault(kind, len(parts.types) + len(added))

    imported = [parts.types[entry.type_index] for entry in parts.imports]
    fuel = bytes((I64,))
    imports = tuple(place(FunctionType(t.parameters + fuel, t.results + fuel)) for t in imported)
    own = [parts.types[index].results for index in parts.own]
    wrappers = len(parts.functions)
    reset = wrappers + len(parts.imports)
    return Layout(
        imports=imports,
        results={results: place(FunctionType(b"", results)) for results in own if len(results) > 1},
        reset_type=place(FunctionType(fuel, b"")),
        entry_type=place(FunctionType(fuel, fuel)),
        number_type=place(FunctionType(bytes((I32,)), bytes((I32,)))),
        types=tuple(added),
        wrappers=wrappers,
        reset=reset,
        grow=reset + 1,
        bulk=reset + 2,
        entries=reset + 3,
        fuel=len(parts.globals_),
        stack=len(parts.globals_) + 1,
        far=len(parts.globals_) + 2,
    )


def called(index: int, parts: Parts, layout: Layout) -> int:
    """Where a function of the original is called: imported ones through their wrapper."""
    return layout.wrappers + index if index < len(parts.imports) else index


def type_code(kind: FunctionType) -> bytes:
    """A function type in the binary format."""
    return b"\x60" + _types(kind.parameters) + _types(kind.results)


def _types(types: bytes) -> bytes:
    return vector([bytes((code,)) for code in types]) if types else unsigned(0)
