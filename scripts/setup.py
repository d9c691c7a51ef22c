"""Make .venv: find a Python, check what building needs, install the locked packages and covey.

    python3 scripts/setup.py [--only 3.10]

Runs on any Python 3.8 or later with its standard library alone, since it runs before anything is
installed. What is already in place is left alone, so running it again is cheap. As root on Debian
or Ubuntu it installs what the system lacks; elsewhere it says which command does and exits 1.

--only makes a second environment, .venv-3.10, with that Python and nothing of the system changed;
exit code 3 with one line where no such Python runs that has what building needs. On 3.10 either
environment holds the second engine, wasmer, too: it has no wheels for later ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
BUILD_LOCK = ROOT / "locks" / "build.lock"
REQUIREMENTS_LOCK = ROOT / "locks" / "requirements.lock"
WASMER_LOCK = ROOT / "locks" / "wasmer.lock"
OLDEST, NEWEST = (3, 10), (3, 12)  # plyvel has no wheels above
NEWEST_WITH_WASMER = (3, 10)
NONE_RUNS = 3  # the exit code where no Python of the version asked for can be used

_ASK = (
    "import json, sys, sysconfig;"
    "print(json.dumps([list(sys.version_info[:2]), sys.executable,"
    " sysconfig.get_paths()['include']]))"
)


class Python(NamedTuple):
    """An interpreter that answered: its version, its real path and where its headers would be."""

    version: tuple[int, int]
    path: str
    include: str

    @property
    def name(self) -> str:
        """Such as "python3.11"."""
        return "python{}.{}".format(*self.version)


class SetupError(Exception):
    """The set-up cannot go on; the message says what the person can do."""


class NoSuchPython(SetupError):
    """None that was asked for runs here with all that building needs."""


class Target(NamedTuple):
    """An environment to make, and the versions of Python that it may have."""

    venv: Path
    oldest: tuple[int, int]
    newest: tuple[int, int]

    @property
    def python(self) -> str:
        """The path of its interpreter."""
        return str(self.venv / "bin" / "python")

    @property
    def state(self) -> Path:
        """Says what was installed; the Makefile compares its time with the locks'."""
        return self.venv / ".ready"

    def takes(self, python: Python | None) -> bool:
        """Whether an interpreter that was asked for is one of those."""
        return python is not None and self.oldest <= python.version <= self.newest


def main(arguments: list[str]) -> int:
    """Bring the environment up to date; 0, or 1 or 3 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="setup", description="make the environment of covey")
    parser.add_argument("--only", choices=("3.10", "3.11", "3.12"), help="make .venv-VERSION")
    only = parser.parse_args(arguments).only
    started = time.monotonic()
    try:
        if only:
            major, minor = map(int, only.split("."))
            target = Target(ROOT / f".venv-{only}", (major, minor), (major, minor))
            python = _existing(target) or _find_complete(target)
        else:
            target = Target(ROOT / ".venv", OLDEST, NEWEST)
            python = _existing(target) or _find_python(target)
            if not _is_installed(target, python):
                _require_system(python)
        _make_venv(target, python)
        _install(target, python)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return NONE_RUNS if isinstance(error, NoSuchPython) else 1
    print(f"setup: {target.venv.name} is ready in {time.monotonic() - started:.0f} s")
    return 0


def _existing(target: Target) -> Python | None:
    """The interpreter of an environment that is already here and still runs."""
    found = _ask(target.python) if _runs_here(target) else None
    return found if target.takes(found) else None


def _require_system(python: Python) -> None:
    """See that the system has all that building needs: install it, or say how."""
    lacking = _lacking(python)
    if lacking and _may_install():
        _apt_install(lacking)
        lacking = _lacking(python)
    if lacking:
        raise SetupError(
            "this system lacks {}; run: sudo apt-get install -y {}".format(
                ", ".join(lacking), " ".join(dict.fromkeys(lacking.values()))
            )
        )


def _find_python(target: Target) -> Python:
    for command in _candidates():
        found = _ask(command)
        if found is not None and target.takes(found):
            return found
    raise SetupError(
        "covey needs Python 3.10, 3.11 or 3.12 and none was found (this is {}.{}); "
        "install one so that python3.12 is on the PATH".format(*sys.version_info[:2])
    )


def _find_complete(target: Target) -> Python:
    """One that has all that building needs, or NoSuchPython with what the best one lacks."""
    name = "{}.{}".format(*target.newest)
    reason = f"no Python {name} runs here"
    for command in _candidates():
        found = _ask(command)
        if found is not None and target.takes(found):
            lacking = _lacking(found)
            if not lacking:
                return found
            reason = "{} lacks {}".format(found.path, ", ".join(lacking))
    raise NoSuchPython(reason)


def _candidates() -> Iterator[str]:
    # A shim on the PATH may stand before the real thing and refuse to run: every place is tried.
    places = os.environ.get("PATH", "").split(os.pathsep)
    places += ["/usr/local/bin", "/usr/bin"]
    for name in ("python3", "python3.12", "python3.11", "python3.10"):
        for place in places:
            if place:
                yield os.path.join(place, name)  # noqa: PTH118  an empty Path would be "."
    homes = [os.environ.get("PYENV_ROOT"), os.environ.get("HOME", "") + "/.pyenv"]
    for version in ("3.12", "3.11", "3.10"):
        for home in filter(None, homes):
            for found in sorted(Path(home).glob(f"versions/{version}*/bin/python3")):
                yield str(found)


def _ask(command: str) -> Python | None:
    if not os.access(command, os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [command, "-c", _ASK],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=_environment(),
            timeout=30,
            check=True,
        )
        version, path, include = json.loads(answer.stdout.decode())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Python((version[0], version[1]), path, include)


def _lacking(python: Python) -> dict[str, str]:
    """What building needs and the system lacks, each with the package of Debian that brings it."""
    suffix = "{}.{}".format(*python.version)
    if _same_file(python.path, "/usr/bin/python3"):
        suffix = "3"
    lacking = {}
    if not _runs([python.path, "-c", "import venv, ensurepip"]):
        lacking["the venv module"] = f"python{suffix}-venv"
    compiler = os.environ.get("CC", "cc").split()
    if not shutil.which(compiler[0]):
        lacking["a C compiler"] = "build-essential"
        compiler = []
    if not (Path(python.include) / "Python.h").is_file():
        lacking["Python.h"] = f"python{suffix}-dev"
    if compiler:
        has_gmp = _runs([*compiler, "-E", "-"], source=b"#include <gmp.h>\n")
    else:
        has_gmp = any(Path("/usr/include").glob("**/gmp.h"))
    if not has_gmp:
        lacking["gmp.h"] = "libgmp-dev"
    return lacking


def _same_file(one: str, other: str) -> bool:
    return os.path.exists(other) and os.path.samefile(one, other)  # noqa: PTH110, PTH121  3.8


def _runs(command: list[str], source: bytes = b"") -> bool:
    done = subprocess.run(
        command,
        input=source,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(),
        check=False,
    )
    return done.returncode == 0


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def _apt_install(lacking: dict[str, str]) -> None:
    packages = list(dict.fromkeys(lacking.values()))
    environment = {**_environment(), "DEBIAN_FRONTEND": "noninteractive"}
    _step("updating the package lists", ["apt-get", "update", "-q"], environment)
    _step(
        "installing {}".format(" ".join(packages)),
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
        environment,
    )


def _make_venv(target: Target, python: Python) -> None:
    if _runs_here(target) and _runs([target.python, "-m", "pip", "--version"]):
        return
    _step(
        f"making {target.venv.name} with {python.name}",
        [python.path, "-m", "venv", "--clear", str(target.venv)],
    )


def _runs_here(target: Target) -> bool:
    """Whether the environment was made at this place: the scripts in it carry its path."""
    configuration = target.venv / "pyvenv.cfg"
    script = target.venv / "bin" / "activate"
    return (
        configuration.is_file()
        and script.is_file()
        and str(target.venv) in script.read_text("utf-8")
    )


def _install(target: Target, python: Python) -> None:
    pip = [target.python, "-m", "pip", "install", "--quiet"]
    build = ["--require-hashes", "-r", str(BUILD_LOCK)]
    locked = ["--no-build-isolation", "--require-hashes", "-r", str(REQUIREMENTS_LOCK)]
    wasmer = ["--only-binary", ":all:", "--require-hashes", "-r", str(WASMER_LOCK)]
    covey = ["--no-build-isolation", "--no-deps", "--editable", str(ROOT)]
    wanted = _wanted_state(python)
    if not _is_installed(target, python):
        _step("installing the build tools", [*pip, *build])
        _step("installing the locked packages (about a minute)", [*pip, *locked])
        if _has_wasmer(python):
            _step("installing the second engine", [*pip, *wasmer])
    if _read_state(target) != wanted:
        _step("installing covey", [*pip, *covey])
    (target.venv / ".root").write_text(str(ROOT), "utf-8")
    target.state.write_text(json.dumps(wanted), "utf-8")


def _has_wasmer(python: Python) -> bool:
    return python.version <= NEWEST_WITH_WASMER


def _is_installed(target: Target, python: Python) -> bool:
    """Whether the locked packages are there already, so that only covey itself can be old."""
    before, wanted = _read_state(target), _wanted_state(python)
    return all(before.get(part) == wanted[part] for part in ("python", "root", "locks"))


def _wanted_state(python: Python) -> dict[str, str]:
    wasmer = (WASMER_LOCK,) if _has_wasmer(python) else ()
    return {
        "python": python.name,
        "root": str(ROOT),
        "locks": _digest(BUILD_LOCK, REQUIREMENTS_LOCK, *wasmer),
        "project": _digest(ROOT / "pyproject.toml"),
    }


def _read_state(target: Target) -> dict[str, str]:
    try:
        state = json.loads(target.state.read_text("utf-8"))
        return dict(state)
    except (OSError, ValueError):
        return {}


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _step(title: str, command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run one command, saying so in one line; what it printed is shown only if it fails."""
    print(f"setup: {title}", flush=True)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment or _environment(),
        cwd=str(ROOT),
        check=False,
    )
    if done.returncode != 0:
        _show(done.stdout.decode("utf-8", "replace"))
        raise SetupError(f"{title} failed with exit code {done.returncode}")


def _show(text: str) -> None:
    sys.stderr.write(text if text.endswith("\n") else text + "\n")


def _environment() -> dict[str, str]:
    # What a person has set for their other work must not redirect this installation.
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
