"""A schedule that once broke a promise, in a file: the tests run it again and again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from covey.errors import ConfigError, StoreError
from covey.testkit import bounds
from covey.testkit.sim.application import ARENA, Application, name_of
from covey.testkit.sim.plan import Plan
from covey.testkit.sim.run import Finding
from covey.workbench.reading import read_file, shown

__all__ = [
    "Regression",
    "load_regression",
    "regression_of",
    "require_writable",
    "save_regression",
]

_RELEASE_CHARS: Final = 8  # of a release in the name of a file


class Regression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """found: what it broke when it was kept. application: the arena, or the file it ran.

    In a file that is seen from the file's own folder. release: which one it was, as hexadecimal
    digits; empty for the arena, which may change.
    """

    found: Finding
    plan: Plan
    application: str = ARENA
    release: str = ""

    def require(self, application: Application, source: Path) -> None:
        """Require what it was kept with. Raises ConfigError."""
        if self.release and application.release.hex() != self.release:
            what = f"{shown(self.application)} is another release than it was kept with"
            raise ConfigError(f"{shown(source)}: {what}")


def regression_of(finding: Finding, plan: Plan, name: str, application: Application) -> Regression:
    """What is to be kept; name: as `load_application` took it."""
    release = "" if application.is_arena else application.release.hex()
    return Regression(finding, plan, name, release)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"{shown(path)} cannot be written: {why}") from error


def require_writable(folder: Path) -> None:
    """Whether something can be kept there; nothing stays. Raises StoreError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with NamedTemporaryFile(dir=folder):
                pass
        finally:
            for path in missing:
                path.rmdir()


def save_regression(regression: Regression, folder: Path) -> Path:
    """Write it to a file of its own. Raises StoreError where that cannot be."""
    name = f"{regression.plan.scenario}-{regression.plan.seed}"
    if regression.release:
        name = f"{name}-{regression.release[-_RELEASE_CHARS:]}"
    path = folder / f"{name}.json"
    with _written(path):
        folder.mkdir(parents=True, exist_ok=True)
        if regression.application != ARENA:
            beside = os.path.relpath(Path(regression.application).resolve(), folder.resolve())
            regression = msgspec.structs.replace(regression, application=name_of(Path(beside)))
        content = msgspec.json.format(msgspec.json.encode(regression), indent=1) + b"\n"
        path.write_bytes(content)
    return path


def load_regression(path: Path) -> Regression:
    """Read one; its application is looked for beside it.

    Raises NotFound, StoreError, and ConfigError with the place of what is wrong.
    """
    content = read_file(path, bounds.SIM_PLAN_BYTES_MAX)
    try:
        regression = msgspec.json.decode(content, type=Regression)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown(path)}: this is no kept schedule: {shown(error)}") from error
    regression.plan.check(shown(path))
    if regression.application == ARENA:
        return regression
    application = name_of(path.parent / regression.application)
    return msgspec.structs.replace(regression, application=application)
