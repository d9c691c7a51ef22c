"""The js-libp2p node of the folder js-libp2p: `python -m bench.peers.js_libp2p` installs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["command", "install", "why_not"]

_SOURCE = Path(__file__).parent / "js-libp2p"
_INSTALLED = Path(__file__).parents[2] / "build" / "peers" / "js-libp2p"
_MODULES = _INSTALLED / "node_modules" / "libp2p"


def why_not() -> str | None:
    """What is missing to run it, as a sentence, or None."""
    if shutil.which("node") is None:
        return "no js-libp2p beside it: Node.js is not installed"
    if not _MODULES.exists():
        return "no js-libp2p beside it: `python -m bench.peers.js_libp2p` installs it"
    return None


def command() -> list[str]:
    """How to start the node, whose modules are found beside the program."""
    for program in _SOURCE.glob("*.mjs"):
        shutil.copy(program, _INSTALLED)
    return ["node", "--import", str(_INSTALLED / "polyfill.mjs"), str(_INSTALLED / "node.mjs")]


def install() -> None:
    """Fetch exactly what the lock file names, verified by its hashes."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        sys.exit("skipped: js-libp2p needs Node.js 20 or later, with npm")
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_SOURCE / name, _INSTALLED)
    subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], check=True, cwd=_INSTALLED
    )


if __name__ == "__main__":
    install()
