"""`covey simulate`: an application's nodes under every fault, and what was found."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from covey.cli.bar import Bar
from covey.cli.exits import REFUSED
from covey.cli.options import HomeOption, JsonOption, examples
from covey.cli.output import emit, emit_json, emit_shown, say
from covey.cli.writing import write_file
from covey.errors import ConfigError
from covey.model import limits
from covey.testkit.commands.tables import finding_shown, replay_shown, summary_shown
from covey.testkit.sim.application import load_application, name_of
from covey.testkit.sim.draw import plan_of
from covey.testkit.sim.explain import render
from covey.testkit.sim.plan import Plan
from covey.testkit.sim.recorder import record
from covey.testkit.sim.regression import Regression, load_regression, save_regression
from covey.testkit.sim.run import Finding, Result, simulate
from covey.testkit.sim.runner import results_file, run_seeds, sum_up
from covey.testkit.sim.scenario import Scenario, load_scenario, parse_seeds
from covey.testkit.sim.shrink import shrink

__all__ = ["register"]

_DEFAULT = "everything"
_OURS = Path("tests/simulation/regressions")  # of covey's own tree
_SHRUNK_MAX = 3  # failing seeds that are made smaller by one command


class Replayed(msgspec.Struct, frozen=True):
    """`--replay`; finding: what the schedule breaks now."""

    holds: bool
    finding: Finding | None


class Explained(msgspec.Struct, frozen=True):
    """`--explain`; page: where the picture is."""

    seed: int
    page: str
    finding: Finding | None


def register(app: typer.Typer) -> None:
    """Add the command."""
    shown = (
        "simulate --seeds 1..1000 --jobs 2",
        "simulate --scenario quick --seeds 7",
        "simulate --scenario mine.toml --results mine.jsonl --json",
        "simulate --app kv.covey --seeds 1..200",
        "simulate --explain 42 --output seed-42.html",
        "simulate --replay covey-findings/everything-42.json",
    )
    app.command("simulate", epilog=examples(*shown))(simulate_command)


def simulate_command(
    home: HomeOption,  # noqa: ARG001 - every command takes it
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="A..B", help="Which seeds; else those of the scenario."),
    ] = None,
    scenario: Annotated[
        str,
        typer.Option(
            "--scenario", metavar="FILE", help="A scenario in TOML, or the name of a built-in one."
        ),
    ] = _DEFAULT,
    application: Annotated[
        Path | None,
        typer.Option("--app", metavar="FILE", help="Run this application's calls: .covey, .wasm."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option("--jobs", min=1, max=limits.SIM_JOBS_MAX, help="Processes that run seeds."),
    ] = 1,
    results: Annotated[
        Path | None,
        typer.Option("--results", metavar="FILE", help="Keep results here, and go on from them."),
    ] = None,
    explain: Annotated[
        int | None,
        typer.Option(
            "--explain", metavar="SEED", min=0, max=limits.SIM_SEED_MAX, help="Draw one seed."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Where --explain writes its page."),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="FILE", help="Run a kept schedule again."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Where failing schedules are kept."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run nodes under seeded faults: real code, virtual network, disks and clocks."""
    if replay is not None:
        _replay(replay, explain_to=output, as_json=as_json)
        return
    chosen = load_scenario(scenario)
    if application is not None:
        workload = msgspec.structs.replace(chosen.workload, application=name_of(application))
        chosen = msgspec.structs.replace(chosen, workload=workload)
    load_application(chosen.workload.application)
    if explain is not None:
        _explain(chosen, explain, output or Path(f"{chosen.name}-{explain}.html"), as_json=as_json)
        return
    wanted = _seeds(chosen.seeds if seeds is None else seeds)
    folder = save or (_OURS if _OURS.is_dir() else Path("covey-findings"))
    _run(chosen, wanted, jobs, results, folder, as_json=as_json)


def _seeds(text: str) -> range:
    try:
        return parse_seeds(text)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def _run(
    scenario: Scenario,
    seeds: range,
    jobs: int,
    results: Path | None,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    found: list[Result] = []
    bar = Bar()
    done = itertools.count(1)

    def seen(result: Result) -> None:
        if as_json:
            emit_json(result)
        bar.show("seeds", next(done), len(seeds), f"{len(found)} findings")
        if result.finding is not None:
            found.append(result)
            bar.clear()
            say(f"seed {result.seed}: {result.finding.message} ({result.finding.where})")

    with (
        bar,
        results_file(results, scenario) as kept,
        closing(run_seeds(scenario, seeds, jobs, kept)) as ran,
    ):
        summary = sum_up(scenario, ran, seen)
    for result in found[:_SHRUNK_MAX]:
        _keep(scenario, result, folder, quietly=as_json)
    if as_json:
        emit_json(summary)
        emit_json(summary.last)
    else:
        emit_shown(summary_shown(summary))
    if found:
        raise typer.Exit(REFUSED)


def _keep(scenario: Scenario, result: Result, folder: Path, *, quietly: bool) -> None:
    """Make a failing schedule smaller, and keep it in a file."""
    assert result.finding is not None
    application = load_application(scenario.workload.application)
    plan = plan_of(scenario, result.seed, application)
    with Bar() as bar:

        def told(runs: int, smaller: Plan) -> None:
            left = f"{len(smaller.nodes)} nodes, {len(smaller.faults)} faults"
            note = f"seed {plan.seed}: {left}, {smaller.calls_count} calls"
            bar.show("shrinking", runs, limits.SIM_SHRINK_RUNS_MAX, note)

        shrunk = shrink(plan, result.finding, application, told)
    regression = Regression(shrunk.finding, shrunk.plan, scenario.workload.application)
    path = save_regression(regression, folder)
    if not quietly:
        emit_shown(finding_shown(result.seed, shrunk))
    say(f"kept in {path}: `covey simulate --replay {path}` runs it again")


def _replay(path: Path, *, explain_to: Path | None, as_json: bool) -> None:
    regression = load_regression(path)
    application = load_application(regression.application)
    if explain_to is None:
        result = simulate(regression.plan, application, is_thorough=True)
    else:
        result, timeline = record(regression.plan, application)
        write_file(explain_to, render(timeline).encode())
        say(f"{explain_to} shows it")
    replayed = Replayed(result.finding is None, result.finding)
    emit(replayed, as_json=as_json, show=lambda: replay_shown(regression, result))
    _exit(result.finding)


def _explain(scenario: Scenario, seed: int, page: Path, *, as_json: bool) -> None:
    application = load_application(scenario.workload.application)
    result, timeline = record(plan_of(scenario, seed, application), application)
    write_file(page, render(timeline).encode())
    explained = Explained(seed, str(page), result.finding)
    emit(explained, as_json=as_json, show=lambda: f"{page} shows seed {seed}")
    _exit(result.finding)


def _exit(finding: Finding | None) -> None:
    if finding is not None:
        say(f"{finding.message} ({finding.where})")
        raise typer.Exit(REFUSED)
