"""Build an application: compile its source to WebAssembly and embed its interface.

A source directory holds one of main.c, main.zig and main.wat, and abi.json, the interface by
protocols/application.md. The result is the same for the same sources and compiler, byte for byte:
nothing of the machine gets into it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import rfc8785

from covey.cli.wasm_sections import append_custom, read_interface, strip_custom
from covey.errors import ConfigError

__all__ = ["ABI_SECTION", "SDK_DIR", "build_module"]

ABI_SECTION = "covey.abi"
SDK_DIR = Path(__file__).parent / "templates" / "sdk"

_ABI_VERSION = "covey/1"
_RULES = ("register", "counter", "frozen", "owned")
_STACK_SIZE_BYTES = 16 * 1024  # Restoring memory between calls costs by its size.
_COMPILE_S_MAX = 300
_COMPILER = "ziglang==0.17.1"  # as pyproject.toml and locks/apps.lock pin it
_DIAGNOSTICS_CHARS_MAX = 4000


def build_module(source_dir: Path, include_dirs: Sequence[Path] = ()) -> bytes:
    """Compile the application in `source_dir` and return its module.

    include_dirs: where a C source finds its headers, before the ones that come with covey; a
    header in `source_dir` itself comes first of all.
    Raises ConfigError with one sentence (and what the compiler said, if it ran).
    """
    abi_json = _read_abi(source_dir)
    methods = [method["name"] for method in abi_json["methods"]]
    with tempfile.TemporaryDirectory(prefix="covey-build-") as scratch:
        compiled = _compile(source_dir, methods, include_dirs, Path(scratch))
    module = strip_custom(compiled)
    _require_interface(module, methods)
    return append_custom(module, ABI_SECTION, rfc8785.dumps(abi_json))


def _compile(
    source_dir: Path, methods: Sequence[str], include_dirs: Sequence[Path], scratch: Path
) -> bytes:
    sources = [name for name in ("main.c", "main.zig", "main.wat") if (source_dir / name).is_file()]
    if len(sources) != 1:
        raise ConfigError(
            f"{source_dir} must hold exactly one of main.c, main.zig and main.wat,"
            f" and holds {', '.join(sources) or 'none'}"
        )
    if sources == ["main.wat"]:
        return _compile_text(source_dir / "main.wat")
    target = scratch / "module.wasm"
    if sources == ["main.c"]:
        command = _c_command(include_dirs, target)
    else:
        command = _zig_command(source_dir / "main.zig", methods, target, scratch)
    _run_zig(command, source_dir, sources[0])
    return target.read_bytes()


def _c_command(include_dirs: Sequence[Path], target: Path) -> list[str]:
    # mvp: the opcodes that every engine and the fuel meter know; nothing is left to a default.
    command = ["cc", "--target=wasm32-freestanding", "-mcpu=mvp", "-std=c11", "-Oz", "-g0"]
    command += ["-Wall", "-Wextra", "-nostdlib", "-Wl,--no-entry"]
    command += [f"-Wl,-z,stack-size={_STACK_SIZE_BYTES}"]
    for directory in (*include_dirs, SDK_DIR):
        command += ["-I", str(directory.resolve())]
    return [*command, "main.c", "-o", str(target)]


def _zig_command(source: Path, methods: Sequence[str], target: Path, scratch: Path) -> list[str]:
    exports = list(methods)
    if "export fn validate(" in source.read_text(encoding="utf-8"):
        exports.append("validate")
    command = ["build-exe", "main.zig", "-target", "wasm32-freestanding", "-mcpu=mvp"]
    command += ["-O", "ReleaseSmall", "-fstrip", "-fno-entry", "--stack", str(_STACK_SIZE_BYTES)]
    command += [f"--export={name}" for name in exports]
    return [*command, f"-femit-bin={target}", "--cache-dir", str(scratch / "cache")]


def _run_zig(command: Sequence[str], source_dir: Path, source: str) -> None:
    try:
        # The program is this Python and every argument is ours or a path; no shell reads it.
        result = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "ziglang", *command],
            cwd=source_dir,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILE_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise ConfigError(f"compiling {source} took more than {_COMPILE_S_MAX} s") from late
    if result.returncode == 0:
        return
    if "No module named ziglang" in result.stderr:
        # The very Python that runs this: a `pip` on the path may belong to another.
        pip = f"{sys.executable} -m pip install {_COMPILER}"
        raise ConfigError(f"compiling {source} needs a compiler: run `{pip}`")
    raise ConfigError(
        f"{source} does not compile:\n{result.stderr.strip()[:_DIAGNOSTICS_CHARS_MAX]}"
    )


def _compile_text(source: Path) -> bytes:
    # Imported here: loading the engine takes longer than most commands run.
    from wasmtime import WasmtimeError, wat2wasm  # noqa: PLC0415

    try:
        return bytes(wat2wasm(source.read_text(encoding="utf-8")))
    except (WasmtimeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{source.name} does not compile:\n{str(error)[:_DIAGNOSTICS_CHARS_MAX]}"
        ) from error


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
