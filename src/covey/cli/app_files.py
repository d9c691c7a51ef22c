"""Reads applications and their tests for the commands that try them out."""

from __future__ import annotations

import shlex
from pathlib import Path

import typer

from covey.cli.arguments import read_file
from covey.errors import ConfigError, NotFound
from covey.model import limits
from covey.runtime import ENGINES
from covey.workbench import bounds
from covey.workbench.files import Application, read_application
from covey.workbench.suite import SUITE_FILE, Suite, read_suite

__all__ = ["open_application", "open_suite", "require_engine", "suite_module"]


def require_engine(name: str) -> None:
    """Refuse an engine that does not exist as wrong usage."""
    if name not in ENGINES:
        raise typer.BadParameter(f"there is no engine {name}: {', '.join(ENGINES)}")


def open_application(path: Path) -> Application:
    """The application in a file, its module not yet checked. Raises NotFound, ConfigError."""
    return read_application(path.name, read_file(path, limits.BUNDLE_SIZE_BYTES_MAX))


def open_suite(directory: Path) -> Suite:
    """The tests of a directory. Raises NotFound, ConfigError naming the place."""
    path = directory / SUITE_FILE
    if not path.exists():
        raise NotFound(f"{path} does not exist: write tests there (docs/guides/applications.md)")
    return read_suite(read_file(path, bounds.WORKBENCH_SUITE_BYTES_MAX), str(path))


def suite_module(directory: Path, suite: Suite) -> Path:
    """The module that the tests are about: the one they name, DIR/NAME.wasm, or the only one."""
    if suite.module is not None:
        return directory / suite.module
    usual = directory / f"{directory.resolve().name}.wasm"
    if usual.is_file():
        return usual
    modules = sorted(directory.glob("*.wasm"))
    if len(modules) != 1:
        told = f"run `covey app build {shlex.quote(str(directory))}`"
        raise ConfigError(f"{usual} is missing: {told} first")
    return modules[0]
