"""The outline of a module: its sections, and the tables of the small ones.

Source: WebAssembly Core Specification 2.0, chapter 5. Only what the rules of installation look
at is read here; an engine validates the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.model import limits
from covey.runtime.abi.covey1.signatures import Signature
from covey.runtime.module.reader import BinaryReader, refuse

__all__ = [
    "CODE",
    "EXPORT",
    "FUNCTION",
    "GLOBAL",
    "IMPORT",
    "MEMORY",
    "TABLE",
    "TYPE",
    "Export",
    "Import",
    "Outline",
    "read_exports",
    "read_functions",
    "read_imports",
    "read_outline",
    "read_types",
    "read_value_type",
]

_HEADER = b"\0asm\x01\0\0\0"
_CUSTOM = 0
TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, _START = 1, 2, 3, 4, 5, 6, 7, 8
_ELEMENT, CODE, _DATA, _DATA_COUNT = 9, 10, 11, 12
_ORDER = (TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, _START, _ELEMENT, CODE, _DATA)
_KINDS = ("function", "table", "memory", "global")
_VALUE_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}


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


@dataclass(frozen=True, slots=True)
class Import:
    """One import; type_index: of a function. at: its offset in the module."""

    space: str
    name: str
    kind: str
    type_index: int
    at: int


@dataclass(frozen=True, slots=True)
class Export:
    """One export; kind: "function", "memory", ...; index: in its index space."""

    name: str
    kind: str
    index: int
    at: int


def read_outline(content: bytes) -> Outline:
    """Walk the sections. Raises ConfigError for what is no such binary, or has other sections."""
    # Engines also accept the text format, so the magic is looked at before anything else.
    if content[: len(_HEADER)] != _HEADER:
        refuse("not-wasm", "it is not a WebAssembly binary of version 1", 0)
    reader = BinaryReader(content, len(_HEADER), len(content))
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
        if section == _DATA_COUNT:
            refuse("unmetered", "it asks for bulk memory operations", at)
        if section not in _ORDER:
            refuse("unknown-section", f"section {section} is not a standard one", at)
        if _ORDER.index(section) <= last:
            refuse("malformed", f"section {section} comes twice or out of order", at)
        last = _ORDER.index(section)
        sections[section] = (body.at, body.end)
    return Outline(sections, tuple(customs), content)


def read_value_type(reader: BinaryReader, *, floats: bool) -> str:
    """A value type; vectors and references are refused, floats unless asked for."""
    at = reader.at
    code = reader.byte()
    name = _VALUE_TYPES.get(code)
    if code == 0x7B:
        refuse("simd", "it uses SIMD", at)
    if name is None:
        refuse("unknown-type", f"value type 0x{code:02x} is not allowed", at)
    if name.startswith("f") and not floats:
        refuse("floats", 'it uses floating point and covey.abi does not say "floats": true', at)
    return name


def read_types(reader: BinaryReader, *, floats: bool) -> tuple[Signature, ...]:
    """The function types."""
    types = []
    for _ in range(reader.count("types", limits.MODULE_TYPES_MAX)):
        at = reader.at
        if reader.byte() != 0x60:
            refuse("unknown-type", "a type is not that of a function", at)
        types.append(
            Signature(_read_vector(reader, floats=floats), _read_vector(reader, floats=floats))
        )
    reader.finish("the type section")
    return tuple(types)


def _read_vector(reader: BinaryReader, *, floats: bool) -> tuple[str, ...]:
    count = reader.count("parameters or results", limits.FUNCTION_PARAMETERS_MAX)
    return tuple(read_value_type(reader, floats=floats) for _ in range(count))


def read_imports(reader: BinaryReader) -> tuple[Import, ...]:
    """The imports up to the first that is no function, which no module may have."""
    imports = []
    for _ in range(reader.count("imports", limits.MODULE_IMPORTS_MAX)):
        at = reader.at
        space, name, kind = reader.name(), reader.name(), reader.byte()
        if kind != 0:
            what = _KINDS[kind] if kind < len(_KINDS) else "thing of an unknown kind"
            refuse("import", f"it imports the {what} {space!r}.{name!r}", at)
        imports.append(Import(space, name, _KINDS[kind], reader.u32(), at))
    reader.finish("the import section")
    return tuple(imports)


def read_functions(reader: BinaryReader) -> tuple[int, ...]:
    """The type index of each function of the module itself."""
    count = reader.count("functions", limits.MODULE_FUNCTIONS_MAX)
    functions = tuple(reader.u32() for _ in range(count))
    reader.finish("the function section")
    return functions


def read_exports(reader: BinaryReader) -> tuple[Export, ...]:
    """The exports; names are distinct."""
    exports: dict[str, Export] = {}
    for _ in range(reader.count("exports", limits.MODULE_EXPORTS_MAX)):
        at = reader.at
        name, kind, index = reader.name(), reader.byte(), reader.u32()
        if kind >= len(_KINDS):
            refuse("unknown-type", f"export {name!r} is of an unknown kind", at)
        if name in exports:
            refuse("malformed", f"it exports {name!r} twice", at)
        exports[name] = Export(name, _KINDS[kind], index, at)
    reader.finish("the export section")
    return tuple(exports.values())
