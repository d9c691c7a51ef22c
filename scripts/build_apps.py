"""Build every application under apps/ and write apps/NAME/NAME.wasm, or check the committed ones.

    python scripts/build_apps.py [--check] [NAME ...]

--check compares a fresh build with the committed module, byte for byte, and exits 1 if one differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from covey.cli.app_build import build_module  # noqa: E402  the tree need not be installed
from covey.errors import ConfigError  # noqa: E402

__all__ = ["main"]

APPS_DIR = ROOT / "apps"
SDK_DIR = APPS_DIR / "sdk"


def main(arguments: list[str]) -> int:
    """Build or check; returns the exit code: 0, 1 for a difference or failure, 2 for bad usage."""
    parser = argparse.ArgumentParser(description="build the applications under apps/")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these applications")
    options = parser.parse_args(arguments)
    known = sorted(path.parent.name for path in APPS_DIR.glob("*/abi.json"))
    names: list[str] = options.names or known
    for unknown in [name for name in names if name not in known]:
        parser.error(f"there is no application {unknown} under {APPS_DIR}")
    succeeded = [_build(name, check=options.check) for name in names]
    return 0 if all(succeeded) else 1


def _build(name: str, *, check: bool) -> bool:
    target = APPS_DIR / name / f"{name}.wasm"
    try:
        module = build_module(APPS_DIR / name, (SDK_DIR,))
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
