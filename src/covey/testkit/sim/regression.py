"""A schedule that once broke a promise, in a file: the tests run it again and again."""

from __future__ import annotations

from pathlib import Path

import msgspec

from covey.errors import ConfigError, StoreError
from covey.model import limits
from covey.testkit.sim.application import ARENA
from covey.testkit.sim.plan import Plan
from covey.testkit.sim.run import Finding
from covey.workbench.reading import read_file

__all__ = ["Regression", "load_regression", "save_regression"]


class Regression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """found: what it broke when it was kept. application: the arena, or the file it ran."""

    found: Finding
    plan: Plan
    application: str = ARENA


def save_regression(regression: Regression, folder: Path) -> Path:
    """Write it to a file of its own. Raises StoreError where that cannot be."""
    path = folder / f"{regression.plan.scenario}-{regression.plan.seed}.json"
    content = msgspec.json.format(msgspec.json.encode(regression), indent=1) + b"\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path


def load_regression(path: Path) -> Regression:
    """Read one. Raises NotFound, StoreError, and ConfigError with the place of what is wrong."""
    content = read_file(path, limits.SIM_PLAN_BYTES_MAX)
    try:
        regression = msgspec.json.decode(content, type=Regression)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: this is no kept schedule: {error}") from error
    regression.plan.check(str(path))
    return regression
