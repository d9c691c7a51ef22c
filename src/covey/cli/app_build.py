"""Build an application: compile its source to WebAssembly and embed its interface.

A source directory holds one of main.c, main.zig, main.rs, main.ts and main.wat, and abi.json, the
interface by protocols/application.md. The result is the same for the same sources and compiler,
byte for byte: nothing of the machine gets into it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import rfc8785

from covey.cli.app_compilers import SDK_DIR, Job, compile_source
from covey.cli.wasm_sections import append_custom, read_interface, strip_custom
from covey.errors import ConfigError

__all__ = ["ABI_SECTION", "SDK_DIR", "build_module"]

ABI_SECTION = "covey.abi"

_ABI_VERSION = "covey/1"
_RULES = ("register", "counter", "frozen", "owned")


def build_module(source_dir: Path, include_dirs: Sequence[Path] = ()) -> bytes:
    """Compile the application in `source_dir` and return its module.

    include_dirs: where a source finds the SDK (laid out as apps/sdk), before the one that comes
    with covey; a copy in `source_dir` itself comes first of all.
    Raises ConfigError with one sentence (and what the compiler said, if it ran).
    """
    abi_json = _read_abi(source_dir)
    methods = [method["name"] for method in abi_json["methods"]]
    with tempfile.TemporaryDirectory(prefix="covey-build-") as scratch:
        job = Job(
            source_dir=source_dir,
            methods=tuple(methods),
            include_dirs=tuple(include_dirs),
            scratch=Path(scratch),
        )
        compiled = compile_source(job)
    module = strip_custom(compiled)
    _require_interface(module, methods)
    return append_custom(module, ABI_SECTION, rfc8785.dumps(abi_json))


def _read_abi(source_dir: Path) -> dict[str, list[dict[str, str]]]:
    """The interface in abi.json, its outline checked; the node checks every detail on install.

    The type names only the parts that the build itself reads.
    """
    path = source_dir / "abi.json"
    try:
        abi = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise ConfigError(
            f"{source_dir} holds no abi.json, the interface of the application"
        ) from missing
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(abi, dict) or abi.get("abi") != _ABI_VERSION:
        raise ConfigError(f'{path} must be an object with "abi": "{_ABI_VERSION}"')
    for part in ("collections", "methods"):
        entries = abi.get(part)
        if not isinstance(entries, list) or not all(_is_named(entry) for entry in entries):
            raise ConfigError(f'{path} must have "{part}": a list of objects with a "name" each')
        names = [entry["name"] for entry in entries]
        if len(set(names)) != len(names):
            raise ConfigError(f"{path} has one name twice in {part}")
    for collection in abi["collections"]:
        if collection.get("rule") not in _RULES:
            raise ConfigError(f"{path}: a collection's rule must be one of {', '.join(_RULES)}")
    for method in abi["methods"]:
        if method.get("kind") not in ("call", "query"):
            raise ConfigError(f'{path}: a method\'s kind must be "call" or "query"')
    return abi


def _is_named(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and entry["name"] != ""


def _require_interface(module: bytes, methods: Sequence[str]) -> None:
    interface = read_interface(module)
    for space, name in interface.imports:
        if space != "covey":
            raise ConfigError(
                f"the source imports {space}.{name}, but an application imports only from covey"
            )
    if ("memory", "memory") not in interface.exports:
        raise ConfigError("the source exports no memory, and the host needs it")
    for method in methods:
        if (method, "function") not in interface.exports:
            raise ConfigError(
                f"abi.json names the method {method}, which the source does not export"
            )
