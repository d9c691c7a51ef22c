"""`covey app run`: one call or query on this machine, with everything it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer

from covey.cli.app_files import open_application, require_engine
from covey.cli.arguments import read_arguments, read_file
from covey.cli.exits import REFUSED
from covey.cli.output import emit, say
from covey.cli.progress import progress
from covey.cli.writing import write_file
from covey.errors import ConfigError, NotFound
from covey.model import Call, Completed, Outcome
from covey.workbench import bounds
from covey.workbench.people import People
from covey.workbench.rows import EffectRow, EventRow, effect_row, effect_text, event_row
from covey.workbench.state import State, read_state
from covey.workbench.trial import START_MS, Caller, Trial, fuel_limit, result_text

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Ran", "RunOptions", "run_method"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a method is to be run. save: where the state after it goes.

    is_new_state_fine: a state file that is not there yet is an empty state.
    """

    state: Path | None
    save: Path | None
    is_new_state_fine: bool
    member: str
    roles: tuple[str, ...]
    time_ms: int | None
    seed: int
    engine: str


class FailureRow(msgspec.Struct, frozen=True):
    """Why a call had no effect."""

    code: str
    message: str


class Ran(msgspec.Struct, frozen=True):
    """`covey app run`; result: null where it failed."""

    method: str
    kind: str
    completed: bool
    failure: FailureRow | None
    result: msgspec.Raw
    effects: tuple[EffectRow, ...]
    events: tuple[EventRow, ...]
    log: tuple[str, ...]
    fuel: int
    fuel_max: int


def run_method(
    path: Path, method: str, arguments: str, options: RunOptions, *, as_json: bool
) -> None:
    """Run a method and show what it did; exits with 1 where it failed."""
    require_engine(options.engine)
    content = read_arguments(arguments)
    people = People()
    _require_member(options.member, people)
    application = open_application(path)
    with progress(f"running {method}"):
        trial = Trial(application, options.engine, people)
        state = _state(options, trial)
        caller = Caller(
            member=options.member,
            roles=options.roles,
            time_ms=START_MS if options.time_ms is None else options.time_ms,
            seed=options.seed,
        )
        outcome = trial.run(Call(method, content), state, caller)
    ran = _ran(method, outcome, trial)
    if isinstance(outcome, Completed) and options.save is not None:
        state.apply(outcome.effects)
        written = msgspec.json.format(msgspec.json.encode(state.written(people)), indent=2)
        write_file(options.save, written + b"\n")
    emit(ran, as_json=as_json, show=lambda: _page(ran))
    if ran.failure is not None:
        say(f"{ran.failure.code}: {ran.failure.message}")
        raise typer.Exit(REFUSED)


def _require_member(name: str, people: People) -> None:
    try:
        people.member(name)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error


def _state(options: RunOptions, trial: Trial) -> State:
    if options.state is None:
        return State(trial.interface)
    try:
        content = read_file(options.state, bounds.WORKBENCH_STATE_BYTES_MAX)
    except NotFound:
        if not options.is_new_state_fine:
            raise
        return State(trial.interface)
    return read_state(content, str(options.state), trial.interface, trial.people)


def _ran(method: str, outcome: Outcome, trial: Trial) -> Ran:
    is_query = trial.is_query(method)
    failure = None
    effects: tuple[EffectRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    result = "null"
    if isinstance(outcome, Completed):
        effects = tuple(effect_row(effect, trial.people) for effect in outcome.effects)
        events = tuple(event_row(event, trial.people) for event in outcome.events)
        result = result_text(outcome)
    else:
        failure = FailureRow(outcome.failure.value, outcome.message)
    return Ran(
        method=method,
        kind="query" if is_query else "call",
        completed=failure is None,
        failure=failure,
        result=msgspec.Raw(result.encode("utf-8")),
        effects=effects,
        events=events,
        log=outcome.log,
        fuel=outcome.fuel,
        fuel_max=fuel_limit(is_query=is_query),
    )


def _page(ran: Ran) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - draws only what is asked for
    from rich.text import Text  # noqa: PLC0415 - as above

    parts: list[RenderableType] = []
    if ran.failure is None:
        parts.append(Text(msgspec.json.format(bytes(ran.result), indent=2).decode("utf-8")))
    for name, lines in (
        ("effects", [effect_text(row) for row in ran.effects]),
        ("events", [f"{row.name} {row.data!r}" for row in ran.events]),
        ("log", list(ran.log)),
    ):
        if lines:
            parts.append(Text(name, style="bold"))
            parts += [Text(f"  {line}") for line in lines]
    share = 100 * ran.fuel / ran.fuel_max
    parts.append(Text(f"fuel {ran.fuel:,} of {ran.fuel_max:,} ({share:.2f} %)"))
    return Group(*parts)
