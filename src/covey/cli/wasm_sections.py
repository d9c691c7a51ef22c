"""The outer layer of a WebAssembly binary: walk its sections, drop and add custom ones.

Just enough of the format (WebAssembly Core 2.0, chapter 5) to make a build reproducible and to say
early what a node would refuse. It does not validate code: the engine does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from covey.errors import ConfigError

__all__ = ["Interface", "append_custom", "read_interface", "strip_custom"]

_HEADER = b"\0asm\x01\0\0\0"
_CUSTOM, _IMPORTS, _EXPORTS = 0, 2, 7
_KIND_FUNCTION, _KIND_TABLE, _KIND_MEMORY, _KIND_GLOBAL = 0, 1, 2, 3
_KIND_NAMES = ("function", "table", "memory", "global")


@dataclass(frozen=True, slots=True)
class Interface:
    """What a module asks for and offers: imports as (module, name), exports as (name, kind)."""

    imports: tuple[tuple[str, str], ...]
    exports: tuple[tuple[str, str], ...]


def strip_custom(module: bytes) -> bytes:
    """The module without its custom sections (names, producers): they differ between machines."""
    kept = [_HEADER]
    for identifier, content in _sections(module):
        if identifier != _CUSTOM:
            kept.append(_section(identifier, content))
    return b"".join(kept)


def append_custom(module: bytes, name: str, content: bytes) -> bytes:
    """The module with one custom section after its last section."""
    return module + _section(_CUSTOM, _sized(name.encode()) + content)


def read_interface(module: bytes) -> Interface:
    """Imports and exports of a module. Raises ConfigError if it is no WebAssembly binary."""
    imports: tuple[tuple[str, str], ...] = ()
    exports: tuple[tuple[str, str], ...] = ()
    for identifier, content in _sections(module):
        if identifier == _IMPORTS:
            imports = tuple(_read_imports(_Reader(content)))
        elif identifier == _EXPORTS:
            exports = tuple(_read_exports(_Reader(content)))
    return Interface(imports, exports)


class _Reader:
    """A cursor over bytes that refuses to run past their end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def at_end(self) -> bool:
        return self._at == len(self._content)

    def take(self, size_bytes: int) -> bytes:
        end = self._at + size_bytes
        if end > len(self._content):
            raise ConfigError("the module is not a whole WebAssembly binary")
        taken = self._content[self._at : end]
        self._at = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def unsigned(self) -> int:
        """An unsigned LEB128 number of up to 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ConfigError("the module is not a whole WebAssembly binary")

    def name(self) -> str:
        return self.take(self.unsigned()).decode(errors="replace")


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    reader = _Reader(module)
    if reader.take(len(_HEADER)) != _HEADER:
        raise ConfigError("the module is not a WebAssembly binary of version 1")
    while not reader.at_end():
        identifier = reader.byte()
        yield identifier, reader.take(reader.unsigned())


def _read_imports(reader: _Reader) -> Iterator[tuple[str, str]]:
    for _ in range(reader.unsigned()):
        yield reader.name(), reader.name()
        kind = reader.byte()
        if kind == _KIND_TABLE:
            reader.byte()
        if kind in (_KIND_TABLE, _KIND_MEMORY):
            has_maximum = reader.byte() & 1
            for _ in range(1 + has_maximum):
                reader.unsigned()
        elif kind == _KIND_GLOBAL:
            reader.take(2)
        else:
            reader.unsigned()


def _read_exports(reader: _Reader) -> Iterator[tuple[str, str]]:
    for _ in range(reader.unsigned()):
        name, kind = reader.name(), reader.byte()
        reader.unsigned()
        yield name, _KIND_NAMES[kind] if kind < len(_KIND_NAMES) else "unknown"


def _section(identifier: int, content: bytes) -> bytes:
    return bytes([identifier]) + _sized(content)


def _sized(content: bytes) -> bytes:
    """Bytes after their length as the shortest unsigned LEB128 number."""
    length, encoded = len(content), bytearray()
    while length >= 0x80:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded) + content
