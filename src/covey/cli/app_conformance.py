"""`covey app conformance`: random calls on replicas, and the smallest run that goes wrong."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from covey.cli.app_files import open_application, open_suite, require_engine
from covey.cli.arguments import read_batch, read_file
from covey.cli.bar import Bar
from covey.cli.exits import REFUSED
from covey.cli.output import emit, say
from covey.cli.progress import progress
from covey.cli.writing import write_file
from covey.workbench import bounds
from covey.workbench.conformance import (
    Counterexample,
    Explored,
    Finding,
    Settings,
    explore,
    read_counterexample,
    replay,
)
from covey.workbench.people import People
from covey.workbench.suite import SUITE_FILE, Conformance
from covey.workbench.trial import Trial

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["ConformanceOptions", "Replayed", "replay_file", "try_application"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformanceOptions:
    """What to try. calls_file: lines of calls to draw from. save: where a counterexample goes."""

    runs: int
    calls: int
    replicas: int
    seed: int
    calls_file: Path | None
    invariants: tuple[str, ...]
    ignore: tuple[str, ...]
    save: Path | None
    engine: str


class Replayed(msgspec.Struct, frozen=True):
    """`covey app conformance --replay`; finding: what the counterexample shows now."""

    agree: bool
    finding: Finding | None


def try_application(path: Path, options: ConformanceOptions, *, as_json: bool) -> None:
    """Try an application and show how it went; exits with 1 where replicas do not agree."""
    require_engine(options.engine)
    application = open_application(path)
    told = _told(path)
    settings = Settings(
        replicas=options.replicas,
        runs=options.runs,
        calls=options.calls,
        seed=options.seed,
        invariants=tuple(dict.fromkeys((*told.invariants, *options.invariants))),
        ignore=tuple(dict.fromkeys((*told.ignore, *options.ignore))),
        given=_given(options.calls_file),
    )
    with progress("compiling"):
        trial = Trial(application, options.engine, People())
    with Bar() as bar:
        explored = explore(trial, settings, bar.show)
    emit(explored, as_json=as_json, show=lambda: _page(explored))
    found = explored.counterexample
    if found is None:
        return
    if options.save is not None:
        encoded = msgspec.json.format(msgspec.json.encode(found), indent=2)
        write_file(options.save, encoded + b"\n")
        words = ("covey", "app", "conformance", str(path), "--replay", str(options.save))
        say(f"play it again: `{shlex.join(words)}`")
    say(_sentence(found.found))
    raise typer.Exit(REFUSED)


def replay_file(path: Path, counterexample: Path, *, engine: str, as_json: bool) -> None:
    """Play a counterexample again; exits with 1 if it still is one."""
    require_engine(engine)
    content = read_file(counterexample, bounds.WORKBENCH_PLAN_BYTES_MAX)
    found = read_counterexample(content, str(counterexample))
    application = open_application(path)
    with progress("playing"):
        finding = replay(found, Trial(application, engine, People()))
    replayed = Replayed(finding is None, finding)
    emit(replayed, as_json=as_json, show=lambda: _replayed_page(found, replayed))
    if finding is not None:
        say(_sentence(finding))
        raise typer.Exit(REFUSED)


def _told(path: Path) -> Conformance:
    """What the tests beside a module say of it."""
    if not (path.parent / SUITE_FILE).is_file():
        return Conformance()
    return open_suite(path.parent).conformance


class _Line(msgspec.Struct, frozen=True):
    """A call to draw from."""

    method: str
    args: msgspec.Raw = msgspec.Raw(b"{}")


def _given(path: Path | None) -> tuple[tuple[str, object], ...]:
    if path is None:
        return ()
    read_file(path, bounds.WORKBENCH_PLAN_BYTES_MAX)
    given: list[tuple[str, object]] = []
    for line in read_batch(str(path)):
        call = msgspec.json.decode(line, type=_Line)
        given.append((call.method, msgspec.json.decode(call.args)))
        if len(given) > bounds.WORKBENCH_CALLS_MAX:
            most = bounds.WORKBENCH_CALLS_MAX
            raise typer.BadParameter(f"{path} has more than {most} calls")
    if not given:
        raise typer.BadParameter(f"{path} has no calls")
    return tuple(given)


def _page(explored: Explored) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - draws only what is asked for
    from rich.text import Text  # noqa: PLC0415 - as above

    from covey.cli.app_story import story  # noqa: PLC0415 - as above
    from covey.cli.layout import facts, new_table  # noqa: PLC0415 - as above

    methods = new_table("method", "completed", "ended otherwise")
    for row in explored.methods:
        failed = ", ".join(f"{code} {count}" for code, count in row.failed.items())
        methods.add_row(row.method, str(row.completed), failed or "never")
    head = facts(
        [
            ("runs", f"{explored.runs} with {explored.replicas} replicas, seed {explored.seed}"),
            ("deltas", str(explored.deltas)),
            (
                "invariants",
                ", ".join(explored.invariants) or "none: nothing is said that must hold",
            ),
        ]
    )
    found = explored.counterexample
    last = Text("the replicas agree", "bold green") if found is None else story(found, found.found)
    return Group(head, methods, last)


def _replayed_page(found: Counterexample, replayed: Replayed) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415 - as above

    from covey.cli.app_story import story  # noqa: PLC0415 - as above

    if replayed.finding is None:
        return Text("the counterexample is none any more", "bold green")
    return story(found, replayed.finding)


def _sentence(finding: Finding) -> str:
    subject = f"{finding.method} on {finding.replica}" if finding.method else finding.replica
    return f"{subject}: {finding.message}"
