"""The compilers of each language: from main.c, .zig, .rs, .ts or .wat to a WebAssembly binary.

Each is called with every option that matters spelled out, in a way that puts nothing of the
machine (no path, no time) into what it writes. Which one is missing, and the command that installs
it, is one sentence.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from covey.cli.wasm_sections import read_interface
from covey.errors import ConfigError

__all__ = ["ASSEMBLYSCRIPT_VERSION", "SDK_DIR", "Job", "compile_source", "find_asc", "find_rustc"]

SDK_DIR = Path(__file__).parent / "templates" / "sdk"
ASSEMBLYSCRIPT_VERSION = "0.28.20"  # The committed modules are what this one writes.

_STACK_SIZE_BYTES = 16 * 1024  # Restoring memory between calls costs by its size.
_COMPILE_S_MAX = 300
_DIAGNOSTICS_CHARS_MAX = 4000
_ZIG = "ziglang==0.17.1"  # as pyproject.toml and locks/apps.lock pin it
_SOURCES_MAX = 1000  # A directory that holds more is no application: somebody's home, say.
_SYSTEM_RUSTC = "/usr/bin/rustc"
_RUST_TARGET = "wasm32-unknown-unknown"
_START = "_start"  # The name under which asc exports what runs at the top level.


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One compilation: where the source is, what it must export, where the SDK may be.

    include_dirs: directories laid out as apps/sdk, looked into before the one in the package.
    scratch: an empty directory, which the caller removes.
    """

    source_dir: Path
    methods: tuple[str, ...]
    include_dirs: tuple[Path, ...]
    scratch: Path

    def sdk_dir(self, language: str, file_name: str) -> Path:
        """The directory of the SDK's main file: an application's own copy comes first."""
        places = (self.source_dir, *(path / language for path in (*self.include_dirs, SDK_DIR)))
        return next(path for path in places if (path / file_name).is_file()).resolve()


def compile_source(job: Job) -> bytes:
    """Compile the only main file of a directory. Raises ConfigError."""
    sources = [name for name in _COMPILERS if (job.source_dir / name).is_file()]
    if len(sources) != 1:
        *most, last = _COMPILERS
        raise ConfigError(
            f"{job.source_dir} must hold exactly one of {', '.join(most)} and {last},"
            f" and holds {', '.join(sources) or 'none'}"
        )
    return _COMPILERS[sources[0]](job)


def _compile_c(job: Job) -> bytes:
    target = job.scratch / "module.wasm"
    # mvp: the opcodes that every engine and the fuel meter know; nothing is left to a default.
    command = ["cc", "--target=wasm32-freestanding", "-mcpu=mvp", "-std=c11", "-Oz", "-g0"]
    command += ["-Wall", "-Wextra", "-nostdlib", "-Wl,--no-entry"]
    command += [f"-Wl,-z,stack-size={_STACK_SIZE_BYTES}"]
    for directory in (*job.include_dirs, SDK_DIR):
        command += ["-I", str(directory.resolve())]
    _run_zig([*command, "main.c", "-o", str(target)], job, "main.c")
    return target.read_bytes()


def _compile_zig(job: Job) -> bytes:
    target, exports = job.scratch / "module.wasm", list(job.methods)
    if "export fn validate(" in (job.source_dir / "main.zig").read_text(encoding="utf-8"):
        exports.append("validate")
    command = ["build-exe", "-target", "wasm32-freestanding", "-mcpu=mvp"]
    command += ["-O", "ReleaseSmall", "-fstrip", "-fno-entry", "--stack", str(_STACK_SIZE_BYTES)]
    command += [f"--export={name}" for name in exports]
    command += ["--dep", "covey", "-Mroot=main.zig"]
    command += [f"-Mcovey={job.sdk_dir('zig', 'covey.zig') / 'covey.zig'}"]
    command += [f"-femit-bin={target}", "--cache-dir", str(job.scratch / "cache")]
    _run_zig(command, job, "main.zig")
    return target.read_bytes()


def _run_zig(command: Sequence[str], job: Job, source: str) -> None:
    # The very Python that runs this: a `pip` on the path may belong to another.
    missing = ("No module named ziglang", f"{sys.executable} -m pip install {_ZIG}")
    _run([sys.executable, "-m", "ziglang", *command], job.source_dir, source, missing)


def _compile_rust(job: Job) -> bytes:
    rustc, sdk_dir = find_rustc(), job.sdk_dir("rust", "covey.rs")
    if rustc is None:
        raise ConfigError(
            f"compiling main.rs needs rustc with the target {_RUST_TARGET}: run"
            f" `rustup target add {_RUST_TARGET}`, or on Debian"
            " `apt-get install rustc libstd-rust-dev-wasm32 lld`"
        )
    library, target = job.scratch / "libcovey.rlib", job.scratch / "module.wasm"
    options = [rustc, "--target", _RUST_TARGET, "--edition", "2021", "-C", "target-cpu=mvp"]
    options += ["-C", "opt-level=s", "-C", "panic=abort", "-C", "codegen-units=1"]
    # Paths in messages of panics are those given here: relative, and so the same everywhere.
    command = [*options, "--crate-type", "rlib", "--crate-name", "covey", "covey.rs"]
    _run([*command, "-o", str(library)], sdk_dir, "covey.rs")
    command = [*options, "--crate-type", "cdylib", "--crate-name", "main", "main.rs"]
    command += ["-C", "lto=fat", "-C", "strip=symbols", "--extern", f"covey={library}"]
    command += ["-C", f"link-arg=-zstack-size={_STACK_SIZE_BYTES}", "-o", str(target)]
    _run(command, job.source_dir, "main.rs", ("error: linker `", "apt-get install lld"))
    return target.read_bytes()


def find_rustc() -> str | None:
    """A rustc that can compile for WebAssembly: the one on the path, else Debian's; or None."""
    for rustc in (shutil.which("rustc"), _SYSTEM_RUSTC):
        if rustc is None or not Path(rustc).is_file():
            continue
        command = [rustc, "--print", "target-libdir", "--target", _RUST_TARGET]
        found = _execute(command, Path.cwd(), "main.rs")
        if found.returncode == 0 and list(Path(found.stdout.strip()).glob("libcore-*")):
            return rustc
    return None


def _compile_assemblyscript(job: Job) -> bytes:
    asc = find_asc(job.source_dir)
    if asc is None:
        install = f"npm install --prefix {job.source_dir} assemblyscript@{ASSEMBLYSCRIPT_VERSION}"
        raise ConfigError(f"compiling main.ts needs a compiler: run `{install}`")
    if shutil.which("node") is None:
        raise ConfigError("compiling main.ts needs Node.js 20 or later on the path")
    stage, started = job.scratch / "source", job.scratch / "started.wasm"
    _stage(job, stage)
    command = [str(asc), "main.ts", "-o", str(started), "--noColors", "-Osize", "--converge"]
    command += ["--runtime", "stub", "--use", "abort=", "--exportStart", _START]
    # A length in a register is one unit of fuel under covey-exec/0: no bulk memory.
    command += ["--disable", "bulk-memory", "--disable", "nontrapping-f2i"]
    _run(command, stage, "main.ts")
    return _evaluate_start(asc, started)


def _stage(job: Job, stage: Path) -> None:
    """Copy the sources and the SDK into one directory: asc resolves imports beside the source."""
    found = (path.relative_to(job.source_dir) for path in job.source_dir.rglob("*.ts"))
    own = [path for path in found if "node_modules" not in path.parts]
    if len(own) > _SOURCES_MAX:
        raise ConfigError(f"{job.source_dir} holds more than {_SOURCES_MAX} sources")
    sdk_dir = job.sdk_dir("assemblyscript", "covey.ts")
    copies = {path.name: path for path in sdk_dir.glob("covey*.ts")}
    copies |= {str(path): job.source_dir / path for path in own}
    for name, path in copies.items():
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, stage / name)


def _evaluate_start(asc: Path, started: Path) -> bytes:
    """Run what is at the top level now and keep what it leaves in memory: a node starts nothing.

    Binaryen's wasm-ctor-eval, which comes with asc, does that. What it cannot run (a call of the
    host) stays in the module, and is refused here.
    """
    module = started.read_bytes()
    if (_START, "function") not in read_interface(module).exports:
        return module
    package_dir = asc.resolve().parents[1]
    places = (package_dir / "node_modules", package_dir.parent)
    tools = [path / "binaryen" / "bin" / "wasm-ctor-eval" for path in places]
    tool = next((path for path in tools if path.is_file()), None)
    if tool is None:
        raise ConfigError(f"{asc} comes without binaryen's wasm-ctor-eval")
    evaluated = started.with_name("evaluated.wasm")
    command = [str(tool), str(started), f"--ctors={_START}", "-o", str(evaluated)]
    _run(command, started.parent, "main.ts")
    module = evaluated.read_bytes()
    if (_START, "function") in read_interface(module).exports:
        raise ConfigError(
            "main.ts calls the host, or does not end, at the top level: only methods may"
        )
    return module


def find_asc(source_dir: Path) -> Path | None:
    """AssemblyScript's compiler: in node_modules of the application, else on the path, or None."""
    own = source_dir.resolve() / "node_modules" / ".bin" / "asc"
    on_path = shutil.which("asc")
    if own.is_file():
        return own
    return None if on_path is None else Path(on_path)


def _compile_text(job: Job) -> bytes:
    # Imported here: loading the engine takes longer than most commands run.
    from wasmtime import WasmtimeError, wat2wasm  # noqa: PLC0415

    try:
        return bytes(wat2wasm((job.source_dir / "main.wat").read_text(encoding="utf-8")))
    except (WasmtimeError, UnicodeDecodeError) as error:
        said = str(error).replace("<anon>", "main.wat")[:_DIAGNOSTICS_CHARS_MAX]
        raise ConfigError(f"main.wat does not compile:\n{said}") from error


_COMPILERS: dict[str, Callable[[Job], bytes]] = {
    "main.c": _compile_c,
    "main.zig": _compile_zig,
    "main.rs": _compile_rust,
    "main.ts": _compile_assemblyscript,
    "main.wat": _compile_text,
}


def _run(
    command: Sequence[str], folder: Path, source: str, missing: tuple[str, str] | None = None
) -> None:
    """Run a compiler; `missing` is what it says if a part of it is not there, and the remedy."""
    result = _execute(command, folder, source)
    if result.returncode == 0:
        return
    said = f"{result.stdout}{result.stderr}".strip()
    if missing is not None and missing[0] in said:
        raise ConfigError(f"compiling {source} needs a compiler: run `{missing[1]}`")
    raise ConfigError(f"{source} does not compile:\n{said[:_DIAGNOSTICS_CHARS_MAX]}")


def _execute(command: Sequence[str], folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    try:
        # The program was found by name and every argument is ours or a path; no shell reads it.
        return subprocess.run(  # noqa: S603
            list(command),
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILE_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise ConfigError(f"compiling {source} took more than {_COMPILE_S_MAX} s") from late
    except OSError as error:
        raise ConfigError(f"{command[0]} cannot be run: {error.strerror}") from error
