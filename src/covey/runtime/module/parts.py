"""The small sections of a module, read and checked against the counts they refer to.

Source: WebAssembly Core Specification 2.0, chapters 3.4 and 5.5; the rules beyond it are those of
protocols/application.md, "Refused at installation".
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.model import limits
from covey.runtime.module import sections
from covey.runtime.module.constants import Constant, read_constant
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.sections import Outline
from covey.runtime.module.values import NAMES, FunctionType

__all__ = ["Export", "Global", "Import", "Limits", "Parts", "read_parts", "read_value_type"]

_KINDS = ("function", "table", "memory", "global")
_FUNCREF = 0x70


@dataclass(frozen=True, slots=True)
class Import:
    """An imported function; at: its offset in the module."""

    space: str
    name: str
    type_index: int
    at: int


@dataclass(frozen=True, slots=True)
class Export:
    """One export; kind: "function", "memory", ...; index: in its index space."""

    name: str
    kind: str
    index: int
    at: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Size of a memory in pages, or of a table in elements; maximum: None where not said."""

    minimum: int
    maximum: int | None

    @property
    def capped(self) -> int:
        """The pages a memory may have while code runs."""
        most = limits.MEMORY_PAGES_MAX
        return most if self.maximum is None else min(self.maximum, most)


@dataclass(frozen=True, slots=True)
class Global:
    """A global of the module itself."""

    value_type: int
    is_mutable: bool
    initial: Constant


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything but segments and code.

    own: the type index of each function of the module itself. functions: the type of each
    function by its index, imported ones first.
    """

    floats: bool
    types: tuple[FunctionType, ...]
    imports: tuple[Import, ...]
    own: tuple[int, ...]
    functions: tuple[FunctionType, ...]
    table: Limits | None
    memory: Limits | None
    globals_: tuple[Global, ...]
    exports: tuple[Export, ...]


def read_parts(outline: Outline, *, floats: bool) -> Parts:
    """Read the sections before the code. Raises ConfigError naming the rule and the byte."""
    types = _read_types(outline.reader(sections.TYPE), floats=floats)
    imports = _read_imports(outline.reader(sections.IMPORT), len(types))
    own = _read_functions(outline.reader(sections.FUNCTION), len(types))
    functions = (*(types[i.type_index] for i in imports), *(types[index] for index in own))
    table = _read_table(outline.reader(sections.TABLE))
    memory = _read_memory(outline.reader(sections.MEMORY))
    globals_ = _read_globals(outline.reader(sections.GLOBAL), floats=floats)
    counts = (len(functions), int(table is not None), int(memory is not None), len(globals_))
    return Parts(
        floats=floats,
        types=types,
        imports=imports,
        own=own,
        functions=functions,
        table=table,
        memory=memory,
        globals_=globals_,
        exports=_read_exports(outline.reader(sections.EXPORT), counts),
    )


def read_value_type(reader: BinaryReader, *, floats: bool) -> int:
    """A value type; vectors and references are refused, floats unless asked for."""
    at = reader.at
    code = reader.byte()
    if code == 0x7B:
        refuse("simd", "it uses SIMD", at)
    if code not in NAMES:
        refuse("unknown-type", f"value type 0x{code:02x} is not allowed", at)
    if NAMES[code].startswith("f") and not floats:
        refuse("floats", 'it uses floating point and covey.abi does not say "floats": true', at)
    return code


def _read_types(reader: BinaryReader | None, *, floats: bool) -> tuple[FunctionType, ...]:
    if reader is None:
        return ()
    types = []
    for _ in range(reader.count("types", limits.MODULE_TYPES_MAX)):
        at = reader.at
        if reader.byte() != 0x60:
            refuse("unknown-type", "a type is not that of a function", at)
        parameters = _read_vector(reader, floats=floats)
        types.append(FunctionType(parameters, _read_vector(reader, floats=floats)))
    reader.finish("the type section")
    return tuple(types)


def _read_vector(reader: BinaryReader, *, floats: bool) -> bytes:
    count = reader.count("parameters or results", limits.FUNCTION_PARAMETERS_MAX)
    return bytes(read_value_type(reader, floats=floats) for _ in range(count))


def _read_imports(reader: BinaryReader | None, type_count: int) -> tuple[Import, ...]:
    if reader is None:
        return ()
    imports = []
    for _ in range(reader.count("imports", limits.MODULE_IMPORTS_MAX)):
        at = reader.at
        space, name, kind = reader.name(), reader.name(), reader.byte()
        if kind != 0:
            what = _KINDS[kind] if kind < len(_KINDS) else "thing of an unknown kind"
            refuse("import", f"it imports the {what} {space!r}.{name!r}", at)
        imports.append(Import(space, name, _index(reader, "type", type_count), at))
    reader.finish("the import section")
    return tuple(imports)


def _read_functions(reader: BinaryReader | None, type_count: int) -> tuple[int, ...]:
    if reader is None:
        return ()
    count = reader.count("functions", limits.MODULE_FUNCTIONS_MAX)
    own = tuple(_index(reader, "type", type_count) for _ in range(count))
    reader.finish("the function section")
    return own


def _index(reader: BinaryReader, what: str, count: int) -> int:
    at = reader.at
    index = reader.u32()
    if index >= count:
        refuse("invalid", f"there is no {what} {index}", at)
    return index


def _read_table(reader: BinaryReader | None) -> Limits | None:
    if reader is None:
        return None
    table = None
    for _ in range(reader.count("tables", 1)):
        at = reader.at
        if reader.byte() != _FUNCREF:
            refuse("unknown-type", "its table holds something other than functions", at)
        table = _read_limits(reader)
        if table.minimum > limits.TABLE_ELEMENTS_MAX:
            refuse("too-large", f"its table has {table.minimum} elements", at)
    reader.finish("the table section")
    return table


def _read_memory(reader: BinaryReader | None) -> Limits | None:
    if reader is None:
        return None
    at, memory = reader.at, None
    for _ in range(reader.count("memories", 1)):
        memory = _read_limits(reader)
        most = max(memory.minimum, memory.maximum or 0)
        if most > limits.MEMORY_PAGES_ADDRESSABLE:
            refuse("invalid", f"its memory has {most} pages, more than 32 bits address", at)
        if memory.minimum > limits.MEMORY_PAGES_MAX:
            asked = f"it asks for {memory.minimum} pages"
            refuse("memory", f"{asked}, more than {limits.MEMORY_PAGES_MAX}", at)
    reader.finish("the memory section")
    return memory


def _read_limits(reader: BinaryReader) -> Limits:
    """Flags beyond "has a maximum" ask for shared, 64 bit or otherwise sized memory."""
    at = reader.at
    flags = reader.byte()  # not a number: a longer form of it is no WebAssembly
    if flags & 2:
        refuse("threads", "it asks for shared memory", at)
    if flags > 1:
        refuse("memory", "it asks for a memory that is not plain and 32 bit", at)
    minimum = reader.u32()
    maximum = reader.u32() if flags else None
    if maximum is not None and maximum < minimum:
        refuse("invalid", "a maximum is below its minimum", at)
    return Limits(minimum, maximum)


def _read_globals(reader: BinaryReader | None, *, floats: bool) -> tuple[Global, ...]:
    if reader is None:
        return ()
    globals_ = []
    for _ in range(reader.count("globals", limits.MODULE_GLOBALS_MAX)):
        value_type = read_value_type(reader, floats=floats)
        at = reader.at
        mutability = reader.byte()
        if mutability > 1:
            refuse("threads", "it has a shared global", at)
        globals_.append(Global(value_type, mutability == 1, read_constant(reader, value_type)))
    reader.finish("the global section")
    return tuple(globals_)


def _read_exports(
    reader: BinaryReader | None, counts: tuple[int, int, int, int]
) -> tuple[Export, ...]:
    """The exports; names are distinct. counts: functions, tables, memories, globals."""
    if reader is None:
        return ()
    exports: dict[str, Export] = {}
    for _ in range(reader.count("exports", limits.MODULE_EXPORTS_MAX)):
        at = reader.at
        name, kind = reader.name(), reader.byte()
        if kind >= len(_KINDS):
            refuse("unknown-type", f"export {name!r} is of an unknown kind", at)
        if name in exports:
            refuse("malformed", f"it exports {name!r} twice", at)
        exports[name] = Export(name, _KINDS[kind], _index(reader, _KINDS[kind], counts[kind]), at)
    reader.finish("the export section")
    return tuple(exports.values())
