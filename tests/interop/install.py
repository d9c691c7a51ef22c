"""The JavaScript side, put together in build/interop: `python -m tests.interop.install`."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["INSTALLED", "Unavailable", "install", "program"]

SOURCES = Path(__file__).with_name("js")
INSTALLED = Path(__file__).parents[2] / "build" / "interop"
INSTALL_S = 180.0
NODE_MAJOR_MIN = 20
_PACKAGES = ("package.json", "package-lock.json")
_NPM_OPTIONS = (
    "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
)  # fmt: skip


class Unavailable(Exception):
    """The JavaScript side cannot run here; the message says what is missing."""


def install() -> None:
    """Bring build/interop up to date; raises Unavailable.

    npm takes exactly what the lock file names, verified by its hashes, and runs no scripts of
    packages. Several test processes may come at once: one installs, the others wait.
    """
    _require_node()
    with _alone():
        wanted = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in _PACKAGES))
        stamp = INSTALLED / "packages.sha256"
        if not stamp.exists() or stamp.read_text("ascii") != wanted.hexdigest():
            stamp.unlink(missing_ok=True)
            _install_packages()
            stamp.write_text(wanted.hexdigest(), "ascii")
        for source in SOURCES.rglob("*.mjs"):
            _copy(source, INSTALLED / source.relative_to(SOURCES))


def program(name: str, *arguments: str) -> list[str]:
    """The command that runs one of the programs."""
    return ["node", str(INSTALLED / name), *arguments]


def _require_node() -> None:
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            raise Unavailable(f"{command} is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.strip().lstrip("v").split(".")[0]) < NODE_MAJOR_MIN:
        raise Unavailable(f"Node.js {NODE_MAJOR_MIN} is needed, not {version.stdout.strip()}")


def _install_packages() -> None:
    for name in _PACKAGES:
        shutil.copy(SOURCES / name, INSTALLED)
    try:
        subprocess.run(
            ["npm", "ci", *_NPM_OPTIONS],
            cwd=INSTALLED,
            capture_output=True,
            text=True,
            check=True,
            timeout=INSTALL_S,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm did not install the packages in {INSTALL_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        first = (error.stderr.strip().splitlines() or ["it did not say why"])[0]
        raise Unavailable(f"npm could not install the packages: {first}") from error


def _copy(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if not target.exists() or target.read_bytes() != content:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)


@contextmanager
def _alone() -> Iterator[None]:
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    try:
        install()
    except Unavailable as error:
        sys.exit(f"interop: {error}")
