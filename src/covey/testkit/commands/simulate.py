"""`covey simulate`: an application's nodes under every fault, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec
import typer

from covey.cli.bar import Bar
from covey.cli.exits import REFUSED
from covey.cli.options import HomeOption, JsonOption, examples
from covey.cli.output import emit, emit_json, emit_shown, say
from covey.cli.writing import write_file
from covey.errors import ConfigError, NodeError
from covey.testkit import bounds
from covey.testkit.commands.options import (
    DEFAULT,
    ApplicationOption,
    ExplainOption,
    JobsOption,
    OutputOption,
    ReplayOption,
    ResultsOption,
    SaveOption,
    ScenarioOption,
    SeedsOption,
)
from covey.testkit.commands.tables import finding_shown, replay_shown, summary_shown
from covey.testkit.commands.watch import Watch
from covey.testkit.sim.application import load_application, name_of
from covey.testkit.sim.draw import plan_of
from covey.testkit.sim.explain import render
from covey.testkit.sim.plan import Plan
from covey.testkit.sim.recorder import record
from covey.testkit.sim.regression import (
    load_regression,
    regression_of,
    require_writable,
    save_regression,
)
from covey.testkit.sim.run import Finding, Result, simulate
from covey.testkit.sim.runner import results_file, run_seeds, sum_up
from covey.testkit.sim.scenario import Scenario, load_scenario, parse_seeds
from covey.testkit.sim.shrink import shrink

__all__ = ["register"]

_FINDINGS = Path("covey-findings")
_OURS = Path("tests/simulation/regressions")  # of covey's own tree, where its tests run them
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
    seeds: SeedsOption = None,
    scenario: ScenarioOption = None,
    application: ApplicationOption = None,
    jobs: JobsOption = 1,
    results: ResultsOption = None,
    explain: ExplainOption = None,
    output: OutputOption = None,
    replay: ReplayOption = None,
    save: SaveOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run nodes under seeded faults: real code, virtual network, disks and clocks."""
    if replay is not None:
        drawn = {"--seeds": seeds, "--scenario": scenario, "--explain": explain}
        files = {"--app": application, "--results": results, "--save": save}
        _refuse_beside("--replay", {**drawn, **files})
        _replay(replay, explain_to=output, as_json=as_json)
        return
    if explain is not None:
        _refuse_beside("--explain", {"--seeds": seeds, "--results": results, "--save": save})
    elif output is not None:
        raise typer.BadParameter("--output is for --explain and --replay")
    chosen = load_scenario(scenario or DEFAULT)
    if application is not None:
        workload = msgspec.structs.replace(chosen.workload, application=name_of(application))
        chosen = msgspec.structs.replace(chosen, workload=workload)
    load_application(chosen.workload.application)
    if explain is not None:
        _explain(chosen, explain, output, as_json=as_json)
        return
    wanted = _seeds(chosen.seeds if seeds is None else seeds)
    folder = save or _FINDINGS
    require_writable(folder)
    _run(chosen, wanted, jobs, results, folder, as_json=as_json)


def _refuse_beside(option: str, others: Mapping[str, object]) -> None:
    """Refuse options that would say nothing beside another one."""
    for name, value in others.items():
        if value is not None:
            raise typer.BadParameter(f"{name} says nothing beside {option}")


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
    watch = Watch(len(seeds), is_kept=results is not None, is_quiet=as_json)

    def seen(result: Result) -> None:
        if result.finding is not None:
            found.append(result)
        watch.done(findings=len(found))
        if as_json:
            emit_json(result)
        if result.finding is not None:
            watch.bar.clear()
            say(f"seed {result.seed}: {result.finding.message} ({result.finding.where})")

    with (
        watch.interruptible(),
        watch.bar,
        results_file(results, scenario) as kept,
        closing(run_seeds(scenario, seeds, jobs, kept, watch.within)) as ran,
    ):
        summary = sum_up(scenario, ran, seen)
    if as_json:
        emit_json(summary)
        emit_json(summary.last)
    else:
        application = load_application(scenario.workload.application)
        emit_shown(summary_shown(summary, "" if application.is_arena else application.told))
    if not any(scenario.faults.values()):
        say(f"the scenario {scenario.name} has no faults: `[faults]` in its file switches them on")
    if summary.calls and not summary.took_effect:
        say(f"none of {summary.calls} calls took effect: nothing was tested")
    for result in found[:_SHRUNK_MAX]:
        _keep_or_say(scenario, result, folder, quietly=as_json)
    if found:
        raise typer.Exit(REFUSED)


def _keep_or_say(scenario: Scenario, result: Result, folder: Path, *, quietly: bool) -> None:
    """As below; that something was found is worth more than the file."""
    try:
        _keep(scenario, result, folder, quietly=quietly)
    except KeyboardInterrupt:
        say(f"stopped while seed {result.seed} was made smaller: nothing is kept of it")
        raise
    except NodeError as error:
        say(f"seed {result.seed} is not kept: {error}")


def _keep(scenario: Scenario, result: Result, folder: Path, *, quietly: bool) -> None:
    """Make a failing schedule smaller, and keep it in a file."""
    assert result.finding is not None
    application = load_application(scenario.workload.application)
    plan = plan_of(scenario, result.seed, application)
    again = simulate(plan, application).finding
    if again is None or not again.is_like(result.finding):
        say(f"seed {result.seed} does not break that promise again: nothing is kept of it")
        return
    with Bar() as bar:

        def told(runs: int, smaller: Plan) -> None:
            left = f"{len(smaller.nodes)} nodes, {len(smaller.faults)} faults"
            note = f"seed {plan.seed}: {left}, {smaller.calls_count} calls"
            bar.show("shrinking", runs, bounds.SIM_SHRINK_RUNS_MAX, note)

        shrunk = shrink(plan, result.finding, application, told)
    name = scenario.workload.application
    path = save_regression(regression_of(shrunk.finding, shrunk.plan, name, application), folder)
    if not quietly:
        emit_shown(finding_shown(result.seed, shrunk))
    say(f"kept in {path}: `covey simulate --replay {path}` runs it again")
    if folder == _FINDINGS and _OURS.is_dir():
        say(f"no test runs it: for one of covey's own promises `--save {_OURS}` makes it one")


def _replay(path: Path, *, explain_to: Path | None, as_json: bool) -> None:
    regression = load_regression(path)
    application = load_application(regression.application)
    regression.require(application, path)
    if explain_to is None:
        result = simulate(regression.plan, application, is_thorough=True)
    else:
        result, timeline = record(regression.plan, application)
        write_file(explain_to, render(timeline).encode())
        say(f"{explain_to} shows it")
    replayed = Replayed(result.finding is None, result.finding)
    emit(replayed, as_json=as_json, show=lambda: replay_shown(regression, result))
    _exit(result.finding, is_told=not as_json)


def _explain(scenario: Scenario, seed: int, output: Path | None, *, as_json: bool) -> None:
    application = load_application(scenario.workload.application)
    of = scenario.name if application.is_arena else f"{scenario.name}-{application.name}"
    page = output or Path(f"{of}-{seed}.html")
    result, timeline = record(plan_of(scenario, seed, application), application)
    write_file(page, render(timeline).encode())
    explained = Explained(seed, str(page), result.finding)
    emit(explained, as_json=as_json, show=lambda: f"{page} shows seed {seed}")
    _exit(result.finding)


def _exit(finding: Finding | None, *, is_told: bool = False) -> None:
    if finding is None:
        return
    if not is_told:
        say(f"{finding.message} ({finding.where})")
    raise typer.Exit(REFUSED)
