"""Build every application of this tree and write its NAME.wasm, or check the committed ones.

    python scripts/build_apps.py [--check] [NAME ...]

A name is a folder below apps/, or arena, arena2, arena3 or rival, which come with the simulator.
--check compares a fresh build with the committed module, byte for byte, and exits 1 if one differs;
what its compiler is not here for, in the version that wrote the committed module, is named and left
out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from covey.cli.app_build import build_module  # noqa: E402  the tree need not be installed
from covey.cli.app_compilers import ASSEMBLYSCRIPT_VERSION, find_asc, find_rustc  # noqa: E402
from covey.errors import ConfigError  # noqa: E402

__all__ = ["APPS_DIR", "SDK_DIR", "folder_of", "main", "missing_compiler", "names"]

APPS_DIR = ROOT / "apps"
SDK_DIR = APPS_DIR / "sdk"
_ELSEWHERE = {  # What the package itself runs: the simulator's application, and its later releases.
    name: ROOT / "src/covey/testkit/sim" / name for name in ("arena", "arena2", "arena3", "rival")
}
RUST_VERSION = "1.63.0"  # Debian 12's, which wrote the committed modules.


def main(arguments: list[str]) -> int:
    """Build or check; returns the exit code: 0, 1 for a difference or failure, 2 for bad usage."""
    parser = argparse.ArgumentParser(description="build the applications of this tree")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these applications")
    options = parser.parse_args(arguments)
    chosen: list[str] = options.names or names()
    for unknown in [name for name in chosen if name not in names()]:
        parser.error(f"there is no application {unknown} in this tree")
    succeeded = [_build(name, check=options.check) for name in chosen]
    return 0 if all(succeeded) else 1


def names() -> list[str]:
    """Every application: as its folder below apps/, those that are elsewhere by their own name."""
    below = (path.parent.relative_to(APPS_DIR).as_posix() for path in APPS_DIR.rglob("abi.json"))
    return sorted([*below, *_ELSEWHERE])


def folder_of(name: str) -> Path:
    """Where the sources and the committed module of an application are."""
    return _ELSEWHERE.get(name, APPS_DIR / name)


def missing_compiler(folder: Path) -> str:
    """Why the committed module cannot be built here byte for byte, or nothing.

    Rust and AssemblyScript come from elsewhere than our locks, so their versions are compared.
    """
    if (folder / "main.rs").is_file():
        return _unlike("rustc", find_rustc(), f"rustc {RUST_VERSION}")
    if (folder / "main.ts").is_file():
        asc = find_asc(folder)
        return _unlike(
            "asc", None if asc is None else str(asc), f"Version {ASSEMBLYSCRIPT_VERSION}"
        )
    return ""


def _unlike(tool: str, program: str | None, wanted: str) -> str:
    if program is None:
        return f"there is no {tool}"
    command = [program, "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return "" if said.startswith(wanted) else f"{tool} is {said!r}, not {wanted!r}"


def _build(name: str, *, check: bool) -> bool:
    folder = folder_of(name)
    target = folder / f"{folder.name}.wasm"
    missing = missing_compiler(folder)
    if missing and check:
        print(f"{name}: not compared: {missing}")
        return True
    try:
        module = build_module(folder, (SDK_DIR,))
    except ConfigError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    if not check:
        target.write_bytes(module)
        print(f"{name}: {len(module)} bytes")
        return True
    same = target.is_file() and target.read_bytes() == module
    print(f"{name}: {'reproduced' if same else 'DIFFERS from the committed module'}")
    return same


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
