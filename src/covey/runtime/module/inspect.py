"""The rules of installation: what a module must be before any engine sees it.

Source: protocols/application.md, "Refused at installation".
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.model import Interface, limits
from covey.runtime.abi.covey1.signatures import (
    IMPORT_SPACE,
    IMPORTS,
    VALIDATE_EXPORT,
    Signature,
)
from covey.runtime.module.abi import Declaration, read_abi
from covey.runtime.module.code import check_code, check_constant
from covey.runtime.module.reader import BinaryReader, refuse
from covey.runtime.module.sections import (
    CODE,
    EXPORT,
    FUNCTION,
    GLOBAL,
    IMPORT,
    MEMORY,
    TABLE,
    TYPE,
    Export,
    Outline,
    read_exports,
    read_functions,
    read_imports,
    read_outline,
    read_types,
    read_value_type,
)

__all__ = ["inspect_module"]

_MEMORY_EXPORT = "memory"
_METHOD_SIGNATURE = Signature(())
_FUNCREF = 0x70


@dataclass(frozen=True, slots=True)
class _Functions:
    """The function index space: type index of each, imported ones first."""

    types: tuple[Signature, ...]
    imported: tuple[int, ...]
    own: tuple[int, ...]

    def signature(self, index: int) -> Signature | None:
        space = self.imported + self.own
        if index >= len(space) or space[index] >= len(self.types):
            return None
        return self.types[space[index]]


def inspect_module(module: bytes) -> Interface:
    """Check a module against every rule of installation and return what it says of itself.

    Pure: no engine is needed, so packing and inspecting use it too. That the code is valid
    WebAssembly is left to the engine.
    Raises ConfigError naming the rule broken and the byte or name where.
    """
    if len(module) > limits.MODULE_SIZE_BYTES_MAX:
        refuse("too-large", f"it is over {limits.MODULE_SIZE_BYTES_MAX} bytes")
    outline = read_outline(module)
    declaration = read_abi(outline.customs)
    functions = _read_functions(outline, floats=declaration.floats)
    _check_tables(outline.reader(TABLE))
    _check_memory(outline.reader(MEMORY))
    _check_globals(outline.reader(GLOBAL), floats=declaration.floats)
    _check_exports(outline.reader(EXPORT), functions, declaration)
    code = outline.reader(CODE)
    if code is not None:
        check_code(code, len(functions.own), floats=declaration.floats)
    elif functions.own:
        refuse("malformed", "its functions have no bodies")
    return declaration.interface


def _read_functions(outline: Outline, *, floats: bool) -> _Functions:
    types_reader, imports_reader = outline.reader(TYPE), outline.reader(IMPORT)
    own_reader = outline.reader(FUNCTION)
    types = read_types(types_reader, floats=floats) if types_reader else ()
    imports = read_imports(imports_reader) if imports_reader else ()
    for entry in imports:
        expected = IMPORTS.get(entry.name) if entry.space == IMPORT_SPACE else None
        if expected is None:
            refuse("import", f"it imports {entry.space!r}.{entry.name!r}", entry.at)
        actual = types[entry.type_index] if entry.type_index < len(types) else None
        if actual != expected:
            refuse("import", f"it imports {entry.name} as {actual}, not {expected}", entry.at)
    own = read_functions(own_reader) if own_reader else ()
    return _Functions(types, tuple(entry.type_index for entry in imports), own)


def _check_tables(reader: BinaryReader | None) -> None:
    if reader is None:
        return
    for _ in range(reader.count("tables", 1)):
        at = reader.at
        if reader.byte() != _FUNCREF:
            refuse("unknown-type", "its table holds something other than functions", at)
        minimum = _read_limits(reader)
        if minimum > limits.TABLE_ELEMENTS_MAX:
            refuse("too-large", f"its table has {minimum} elements", at)
    reader.finish("the table section")


def _check_memory(reader: BinaryReader | None) -> None:
    if reader is None:
        refuse("memory", "it has no memory of its own")
    at = reader.at
    if reader.count("memories", 1) != 1:
        refuse("memory", "it has no memory of its own", at)
    minimum = _read_limits(reader)
    if minimum > limits.MEMORY_PAGES_MAX:
        refuse("memory", f"it asks for {minimum} pages, more than {limits.MEMORY_PAGES_MAX}", at)
    reader.finish("the memory section")


def _read_limits(reader: BinaryReader) -> int:
    """The minimum; flags beyond "has a maximum" ask for shared or 64 bit memory."""
    at = reader.at
    flags = reader.byte()
    if flags & 2:
        refuse("threads", "it asks for shared memory", at)
    if flags > 1:
        refuse("memory", "it asks for a memory that is not plain and 32 bit", at)
    minimum = reader.u32()
    if flags:
        reader.u32()
    return minimum


def _check_globals(reader: BinaryReader | None, *, floats: bool) -> None:
    if reader is None:
        return
    for _ in range(reader.count("globals", limits.MODULE_GLOBALS_MAX)):
        read_value_type(reader, floats=floats)
        at = reader.at
        if reader.byte() > 1:
            refuse("threads", "it has a shared global", at)
        check_constant(reader, floats=floats)
    reader.finish("the global section")


def _check_exports(
    reader: BinaryReader | None, functions: _Functions, declaration: Declaration
) -> None:
    exports = {e.name: e for e in read_exports(reader)} if reader else {}
    memory = exports.get(_MEMORY_EXPORT)
    if memory is None or memory.kind != "memory":
        refuse("memory", "it does not export its memory as 'memory'")
    for method in declaration.interface.methods:
        export = exports.get(method.name)
        if export is None:
            refuse("export", f"it does not export the method {method.name!r}")
        _check_method(export, functions)
    validate = exports.get(VALIDATE_EXPORT)
    if validate is not None:
        _check_method(validate, functions)


def _check_method(export: Export, functions: _Functions) -> None:
    signature = functions.signature(export.index) if export.kind == "function" else None
    if signature != _METHOD_SIGNATURE:
        found = export.kind if signature is None else f"function {signature}"
        refuse("export", f"{export.name!r} is a {found}, not () -> ()", export.at)
