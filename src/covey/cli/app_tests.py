"""`covey app test`: an application's own tests, and exactly what differs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from covey.cli.app_files import open_application, open_suite, require_engine, suite_module
from covey.cli.exits import REFUSED
from covey.cli.output import emit, say
from covey.cli.progress import progress
from covey.errors import ConfigError, NotFound
from covey.workbench.people import People
from covey.workbench.suite import SUITE_FILE
from covey.workbench.suite_run import Difference, TestRow, run_suite
from covey.workbench.trial import Trial

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Tested", "run_tests"]


class Tested(msgspec.Struct, frozen=True):
    """`covey app test`."""

    passed: bool
    module: str
    tests: tuple[TestRow, ...]


def run_tests(directory: Path, *, engine: str, as_json: bool) -> None:
    """Run the tests of a directory and show how they went; exits with 1 where one failed."""
    require_engine(engine)
    if not directory.is_dir():
        raise NotFound(f"{directory} is no directory")
    suite = open_suite(directory)
    if not suite.test:
        raise ConfigError(f"{directory / SUITE_FILE} has no [[test]]")
    path = suite_module(directory, suite)
    application = open_application(path)
    with progress(f"testing {path.name}"):
        rows = run_suite(suite, Trial(application, engine, People()))
    failed = sum(not row.passed for row in rows)
    tested = Tested(not failed, str(path), rows)
    emit(tested, as_json=as_json, show=lambda: _page(tested))
    if failed:
        say(f"{failed} of {len(rows)} tests failed")
        raise typer.Exit(REFUSED)


def _page(tested: Tested) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - draws only what is asked for
    from rich.text import Text  # noqa: PLC0415 - as above

    parts: list[RenderableType] = []
    for row in tested.tests:
        word, style = ("ok", "green") if row.passed else ("FAILED", "bold red")
        line = Text(f"{word:<6}", style=style)
        parts.append(line.append(f"  {row.name}  ({_steps(row.steps)}, {row.fuel:,} fuel)", "none"))
        for difference in row.differences:
            parts += _difference(difference)
    steps = sum(row.steps for row in tested.tests)
    passed = sum(row.passed for row in tested.tests)
    parts.append(Text(f"{passed} of {len(tested.tests)} tests passed, {_steps(steps)}"))
    return Group(*parts)


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _difference(difference: Difference) -> list[RenderableType]:
    from rich.text import Text  # noqa: PLC0415 - as above

    place = f"step {difference.step}, {difference.method}" if difference.step else "after the steps"
    styles = {"-": "red", "+": "green"}
    return [
        Text(f"        {place}: {difference.what}"),
        *(Text(f"          {line}", style=styles.get(line[0], "")) for line in difference.lines),
    ]
