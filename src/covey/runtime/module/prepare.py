"""The rules of installation: what a module must be before any engine sees it.

Source: protocols/application.md, "Refused at installation"; protocols/execution.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from covey.model import Interface, limits
from covey.runtime.abi.covey1.signatures import IMPORT_SPACE, IMPORTS, VALIDATE_EXPORT
from covey.runtime.module.abi import read_abi
from covey.runtime.module.parts import Export, Parts, read_parts
from covey.runtime.module.prepared import RESERVED_PREFIX, ModuleFacts, PreparedModule
from covey.runtime.module.reader import refuse
from covey.runtime.module.rewrite import rewrite_module
from covey.runtime.module.sections import read_outline
from covey.runtime.module.values import FunctionType

__all__ = ["check_imports", "inspect_module", "prepare_module", "read_interface"]

_MEMORY_EXPORT: Final = "memory"
_ENTRY_TYPE: Final = FunctionType(b"", b"")
_IMPORTS: Final = MappingProxyType(
    {
        (IMPORT_SPACE, name): FunctionType.of(signature.parameters, signature.results)
        for name, signature in IMPORTS.items()
    }
)


def prepare_module(module: bytes) -> PreparedModule:
    """Check a module against every rule of installation, and rewrite it to meter itself.

    Pure: no engine is needed, and every node that accepts it gets the same bytes.
    Raises ConfigError naming the rule broken and the byte or name where.
    """
    if len(module) > limits.MODULE_SIZE_BYTES_MAX:
        refuse("too-large", f"it is over {limits.MODULE_SIZE_BYTES_MAX} bytes")
    outline = read_outline(module)
    declaration = read_abi(outline.customs)
    parts = read_parts(outline, floats=declaration.floats)
    check_imports(parts, _IMPORTS)
    if parts.memory is None:
        refuse("memory", "it has no memory of its own")
    entries = _entries(parts, declaration.interface)
    rewritten = rewrite_module(outline, parts, entries)
    facts = ModuleFacts(
        interface=declaration.interface,
        entries=tuple(entry.name for entry in entries),
        floats=declaration.floats,
        memory_pages=parts.memory.minimum,
        is_restorable=not rewritten.drops_data,
    )
    return PreparedModule(facts, rewritten.code)


def inspect_module(module: bytes) -> Interface:
    """Check a module as `prepare_module` does, and return what it says of itself.

    Raises ConfigError naming the rule broken and the byte or name where.
    """
    return prepare_module(module).facts.interface


def read_interface(module: bytes) -> Interface:
    """What a module says of itself, for one that was checked before: its code is not looked at.

    Raises ConfigError if it has no valid `covey.abi`.
    """
    return read_abi(read_outline(module).customs).interface


def check_imports(parts: Parts, allowed: Mapping[tuple[str, str], FunctionType]) -> None:
    """Require that every import is one of these, with its exact type. Raises ConfigError."""
    for entry in parts.imports:
        expected = allowed.get((entry.space, entry.name))
        if expected is None:
            refuse("import", f"it imports {entry.space!r}.{entry.name!r}", entry.at)
        actual = parts.types[entry.type_index]
        if actual != expected:
            refuse("import", f"it imports {entry.name} as {actual}, not {expected}", entry.at)


def _entries(parts: Parts, interface: Interface) -> list[Export]:
    """The exports that a node may call, checked: methods, and `validate` if there is one."""
    exports = {export.name: export for export in parts.exports}
    for export in parts.exports:
        if export.name.startswith(RESERVED_PREFIX):
            refuse("export", f"it exports {export.name!r}, a reserved name", export.at)
    memory = exports.get(_MEMORY_EXPORT)
    if memory is None or memory.kind != "memory":
        refuse("memory", "it does not export its memory as 'memory'")
    entries = []
    for method in interface.methods:
        if method.name not in exports:
            refuse("export", f"it does not export the method {method.name!r}")
        entries.append(exports[method.name])
    if VALIDATE_EXPORT in exports:
        entries.append(exports[VALIDATE_EXPORT])
    for entry in entries:
        _check_entry(entry, parts)
    return entries


def _check_entry(entry: Export, parts: Parts) -> None:
    kind = parts.functions[entry.index] if entry.kind == "function" else None
    if kind != _ENTRY_TYPE:
        found = entry.kind if kind is None else f"function {kind}"
        refuse("export", f"{entry.name!r} is a {found}, not () -> ()", entry.at)
