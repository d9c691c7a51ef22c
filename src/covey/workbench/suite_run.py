"""Runs an application's own tests and says exactly what differs."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable

import msgspec

from covey.errors import ConfigError
from covey.model import Call, Completed, Failed, MethodKind, Outcome
from covey.workbench.rows import effect_row, effect_text, event_row
from covey.workbench.state import State
from covey.workbench.suite import Step, Suite, Test, json_of
from covey.workbench.trial import Caller, Trial, result_text

__all__ = ["Difference", "TestRow", "run_suite"]


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not as expected; step: from 1, 0 for the state after the last one.

    lines: those expected begin with "- ", those found with "+ ".
    """

    step: int
    method: str
    what: str
    lines: tuple[str, ...]


class TestRow(msgspec.Struct, frozen=True):
    """How one test went; fuel: of all its steps."""

    __test__ = False  # no class of tests for a collector of them

    name: str
    passed: bool
    steps: int
    fuel: int
    differences: tuple[Difference, ...]


def run_suite(
    suite: Suite, trial: Trial, on_test: Callable[[TestRow], None] | None = None
) -> tuple[TestRow, ...]:
    """Run every test, each on a state of its own. Raises ConfigError for one that cannot be."""
    rows = []
    for number, test in enumerate(suite.test, start=1):
        try:
            row = _run_test(test, trial)
        except ConfigError as error:
            raise ConfigError(f"test {number}, {test.name!r}: {error}") from error
        rows.append(row)
        if on_test is not None:
            on_test(row)
    return tuple(rows)


def _run_test(test: Test, trial: Trial) -> TestRow:
    people = trial.people
    state = State(trial.interface)
    state.load(test.state, people)
    differences: list[Difference] = []
    fuel = 0
    for number, step in enumerate(test.step, start=1):
        outcome = _run_step(step, number, state, trial)
        fuel += outcome.fuel
        differences += [
            Difference(number, step.method, what, lines)
            for what, lines in _differences(step, outcome, trial)
        ]
        if isinstance(outcome, Completed):
            state.apply(outcome.effects)
    found = state.written(people)
    wanted = State(trial.interface)
    wanted.load(test.after, people)
    expected = wanted.written(people)
    for collection in test.after:
        was, is_now = expected.get(collection, {}), found.get(collection, {})
        if was != is_now:
            lines = _diff(was, is_now)
            differences.append(Difference(0, "", f"{collection} holds something else", lines))
    return TestRow(test.name, not differences, len(test.step), fuel, tuple(differences))


def _run_step(step: Step, number: int, state: State, trial: Trial) -> Outcome:
    caller = Caller(member=step.member, roles=step.roles, time_ms=step.time_ms, seed=number)
    declared = trial.interface.method(step.method)
    if declared is not None and (declared.kind is MethodKind.QUERY) != (step.query is not None):
        raise ConfigError(f"step {number}: {step.method!r} is a {declared.kind.value}")
    return trial.run(Call(step.method, json_of(step.args)), state, caller)


def _differences(step: Step, outcome: Outcome, trial: Trial) -> list[tuple[str, tuple[str, ...]]]:
    expect, people = step.expect, trial.people
    found: list[tuple[str, tuple[str, ...]]] = []
    if expect.failure is None and isinstance(outcome, Failed):
        lines = ("- completed", f"+ {outcome.failure.value}: {outcome.message}")
        return [("it failed", lines)]
    if expect.failure is not None:
        found += _failure_differences(expect.failure, expect.message or "", outcome)
    if expect.result is not msgspec.UNSET and isinstance(outcome, Completed):
        wanted, result = json.loads(json_of(expect.result)), json.loads(result_text(outcome))
        if _canonical(wanted) != _canonical(result):
            found.append(("the result differs", _diff(wanted, result)))
    effects = outcome.effects if isinstance(outcome, Completed) else ()
    events = outcome.events if isinstance(outcome, Completed) else ()
    if expect.effects is not None:
        rows = sorted(effect_text(row.normal(people)) for row in expect.effects)
        has = sorted(effect_text(effect_row(effect, people)) for effect in effects)
        found += _list_differences("the effects differ", rows, has)
    if expect.events is not None:
        rows = [f"{row.name} {row.normal(people).data!r}" for row in expect.events]
        has = [f"{e.name} {event_row(e, people).data!r}" for e in events]
        found += _list_differences("the events differ", rows, has)
    if expect.log is not None:
        found += _list_differences("the log differs", list(expect.log), list(outcome.log))
    if expect.fuel_max is not None and outcome.fuel > expect.fuel_max:
        lines = (f"- at most {expect.fuel_max:,}", f"+ {outcome.fuel:,}")
        found.append(("it used more fuel", lines))
    return found


def _failure_differences(
    code: str, message: str, outcome: Outcome
) -> list[tuple[str, tuple[str, ...]]]:
    if isinstance(outcome, Completed):
        return [("it completed", (f"- {code}", f"+ completed: {result_text(outcome)}"))]
    if outcome.failure.value != code:
        lines = (f"- {code}", f"+ {outcome.failure.value}: {outcome.message}")
        return [("it failed otherwise", lines)]
    if message not in outcome.message:
        return [("the message differs", (f"- {message}", f"+ {outcome.message}"))]
    return []


def _list_differences(
    what: str, wanted: list[str], found: list[str]
) -> list[tuple[str, tuple[str, ...]]]:
    return [(what, _line_diff(wanted, found))] if wanted != found else []


def _diff(wanted: object, found: object) -> tuple[str, ...]:
    short = _canonical(wanted), _canonical(found)
    if max(map(len, short)) <= 72:
        return (f"- {short[0]}", f"+ {short[1]}")
    return _line_diff(_pretty(wanted), _pretty(found))


def _line_diff(wanted: list[str], found: list[str]) -> tuple[str, ...]:
    lines = difflib.unified_diff(wanted, found, n=2, lineterm="")
    kept = [line for line in lines if not line.startswith(("---", "+++"))]
    return tuple("  …" if line.startswith("@@") else f"{line[0]} {line[1:]}" for line in kept)


def _pretty(value: object) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
