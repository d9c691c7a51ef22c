"""Plays many random plans of an application until one shows something wrong, and shrinks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from covey.errors import ConfigError
from covey.model import Interface, MethodKind
from covey.workbench.conformance.plan import CallStep, Maker, Plan
from covey.workbench.conformance.play import Finding, Stage, play
from covey.workbench.conformance.shrink import shrink
from covey.workbench.people import NAMES
from covey.workbench.trial import Trial

__all__ = [
    "Counterexample",
    "Explored",
    "MethodRow",
    "Settings",
    "explore",
    "read_counterexample",
    "replay",
]

_INVARIANT = "invariant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is tried. calls: of each run. given: (method, arguments) to choose from, or none.

    invariants: besides the queries whose name begins with "invariant".
    """

    replicas: int
    runs: int
    calls: int
    seed: int
    invariants: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    given: tuple[tuple[str, object], ...] = ()


class Counterexample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan that shows something wrong, as it is kept in a file.

    found: as it was when the plan was found. results: of the calls, in order.
    """

    format: Literal["covey-conformance/1"]
    seed: int
    run: int
    invariants: tuple[str, ...]
    ignore: tuple[str, ...]
    plan: Plan
    found: Finding
    results: tuple[str, ...]


class MethodRow(msgspec.Struct, frozen=True):
    """How often the calls of a method ended in which way."""

    method: str
    completed: int
    failed: dict[str, int]


class Explored(msgspec.Struct, frozen=True):
    """What was tried, and the counterexample if there is one."""

    agree: bool
    runs: int
    deltas: int
    seed: int
    replicas: int
    invariants: tuple[str, ...]
    methods: tuple[MethodRow, ...]
    counterexample: Counterexample | None


def explore(
    trial: Trial, settings: Settings, on_progress: Callable[[str, int, int], None] | None = None
) -> Explored:
    """Play `settings.runs` plans, or fewer if one shows something.

    on_progress: told what is going on, how far it is, and how far it goes (0: nobody knows).
    """
    stage = Stage(trial, invariants_of(trial.interface, settings.invariants), settings.ignore)
    maker = _maker(trial, settings, stage)
    outcomes: Counter[tuple[str, str]] = Counter()
    deltas = 0
    for run in range(settings.runs):
        if on_progress is not None:
            on_progress("run", run, settings.runs)
        plan = maker.plan(settings.seed, run)
        played = play(plan, stage)
        outcomes += played.outcomes
        deltas += played.deltas
        if played.finding is not None:
            plan, finding = shrink(
                plan,
                played.finding,
                stage,
                None if on_progress is None else lambda n: on_progress("shrinking, attempt", n, 0),
            )
            counterexample = _counterexample(plan, finding, settings, run, stage)
            return _explored(run + 1, deltas, settings, stage, outcomes, counterexample)
    return _explored(settings.runs, deltas, settings, stage, outcomes, None)


def replay(counterexample: Counterexample, trial: Trial) -> Finding | None:
    """Play a counterexample again: what it shows now, None if it is no longer one."""
    named = [s.method for s in counterexample.plan.steps if isinstance(s, CallStep)]
    for method in (*named, *counterexample.ignore):
        _require_method(trial.interface, method)
    invariants = invariants_of(trial.interface, counterexample.invariants)
    return play(counterexample.plan, Stage(trial, invariants, counterexample.ignore)).finding


def read_counterexample(content: bytes, source: str) -> Counterexample:
    """The counterexample in a file. Raises ConfigError."""
    try:
        found = msgspec.json.decode(content, type=Counterexample)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ConfigError(f"{source} is no counterexample: {error}") from error
    found.plan.check(source)
    return found


def invariants_of(interface: Interface, named: tuple[str, ...]) -> tuple[str, ...]:
    """The queries that must hold: those named, and those whose name says so.

    Raises ConfigError for a name that is no query.
    """
    for name in named:
        method = interface.method(name)
        if method is None or method.kind is not MethodKind.QUERY:
            raise ConfigError(f"the invariant {name!r} is no query of the application")
    by_name = [
        method.name
        for method in interface.methods
        if method.kind is MethodKind.QUERY and method.name.startswith(_INVARIANT)
    ]
    return tuple(dict.fromkeys((*by_name, *named)))


def _maker(trial: Trial, settings: Settings, stage: Stage) -> Maker:
    for method in (*settings.ignore, *(name for name, _ in settings.given)):
        _require_method(trial.interface, method)
    members = NAMES[: settings.replicas]
    notable = tuple(trial.people.member(name).hex() for name in members)
    return Maker(
        trial.interface,
        replicas=settings.replicas,
        calls=settings.calls,
        ignore=stage.ignore,
        given=settings.given,
        notable=notable,
    )


def _require_method(interface: Interface, name: str) -> None:
    if interface.method(name) is None:
        raise ConfigError(f"the application has no method {name!r}")


def _counterexample(
    plan: Plan, finding: Finding, settings: Settings, run: int, stage: Stage
) -> Counterexample:
    results = play(plan, stage).results
    return Counterexample(
        "covey-conformance/1",
        settings.seed,
        run,
        settings.invariants,
        settings.ignore,
        plan,
        finding,
        tuple(results[number] for number in sorted(results)),
    )


def _explored(
    runs: int,
    deltas: int,
    settings: Settings,
    stage: Stage,
    outcomes: Counter[tuple[str, str]],
    counterexample: Counterexample | None,
) -> Explored:
    methods = []
    for name in sorted({method for method, _ in outcomes}):
        failed = {end: n for (method, end), n in sorted(outcomes.items()) if method == name}
        methods.append(MethodRow(name, failed.pop("completed", 0), failed))
    return Explored(
        agree=counterexample is None,
        runs=runs,
        deltas=deltas,
        seed=settings.seed,
        replicas=settings.replicas,
        invariants=stage.invariants,
        methods=tuple(methods),
        counterexample=counterexample,
    )
