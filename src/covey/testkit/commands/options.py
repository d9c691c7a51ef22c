"""The options of `covey simulate`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from covey.cli.options import given, path_given
from covey.testkit import bounds

__all__ = [
    "BUILTIN",
    "DEFAULT",
    "ApplicationOption",
    "ExplainOption",
    "JobsOption",
    "OutputOption",
    "ReplayOption",
    "ResultsOption",
    "SaveOption",
    "ScenarioOption",
    "SeedsOption",
]

DEFAULT: Final = "everything"
"""The scenario of whoever names none."""

BUILTIN: Final = ("quick", "everything", "upgrades", "crowd", "big")
"""Those that come with covey, the smallest first."""


def _scenarios(incomplete: str) -> list[str]:
    """What a shell offers: built-in ones, files of TOML, and folders that may hold some."""
    names = [name for name in BUILTIN if name.startswith(incomplete)]
    folder, slash, begin = incomplete.rpartition("/")
    with suppress(OSError, ValueError):
        for path in sorted(Path(folder + slash or ".").iterdir()):
            if path.name.startswith(begin) and (begin or not path.name.startswith(".")):
                if path.is_dir():
                    names.append(f"{folder}{slash}{path.name}/")
                elif path.suffix == ".toml":
                    names.append(f"{folder}{slash}{path.name}")
    return names


SeedsOption = Annotated[
    str | None,
    typer.Option("--seeds", metavar="A..B", help="Which seeds; else those of the scenario."),
]
ScenarioOption = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="FILE",
        parser=given,
        show_default=DEFAULT,
        autocompletion=_scenarios,
        help=f"A scenario in TOML, or one of {', '.join(BUILTIN)}.",
    ),
]
ApplicationOption = Annotated[
    Path | None,
    typer.Option(
        "--app",
        metavar="FILE",
        parser=path_given,
        help="Run this application's calls: .covey, .wasm.",
    ),
]
JobsOption = Annotated[
    int,
    typer.Option("--jobs", min=1, max=bounds.SIM_JOBS_MAX, help="Processes that run seeds."),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        metavar="FILE",
        parser=path_given,
        help="Keep results here, and go on from them.",
    ),
]
ExplainOption = Annotated[
    int | None,
    typer.Option(
        "--explain", metavar="SEED", min=0, max=bounds.SIM_SEED_MAX, help="Draw one seed."
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output", metavar="FILE", parser=path_given, help="Where --explain writes its page."
    ),
]
ReplayOption = Annotated[
    Path | None,
    typer.Option("--replay", metavar="FILE", parser=path_given, help="Run a kept schedule again."),
]
SaveOption = Annotated[
    Path | None,
    typer.Option(
        "--save",
        metavar="DIR",
        parser=path_given,
        show_default="covey-findings",
        help="Where failing schedules are kept.",
    ),
]
