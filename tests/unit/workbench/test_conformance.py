"""Planted mistakes are found and made small; what is right is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from covey.errors import ConfigError
from covey.merge import StateAtCut
from covey.model import Batch, Completed, EntryReader, MethodKind, Outcome, Query
from covey.runtime import BlockingExecutor
from covey.workbench.conformance import (
    CallStep,
    Counterexample,
    Explored,
    Finding,
    Plan,
    Settings,
    explore,
    read_counterexample,
    replay,
)
from covey.workbench.conformance.network import Member
from covey.workbench.files import read_application
from covey.workbench.people import People
from covey.workbench.trial import Trial
from tests.unit.workbench.planted import CRASHES, GUARDED, LIST, STOCK, TALLY, TRAPS, trial

APPS = Path(__file__).parents[3] / "apps"


def settings(**changes: object) -> Settings:
    return replace(Settings(replicas=3, runs=20, calls=15, seed=1), **changes)


@pytest.fixture(scope="module")
def lost_append() -> Explored:
    return explore(trial(LIST), settings())


def found(explored: Explored) -> Counterexample:
    assert explored.counterexample is not None
    return explored.counterexample


def test_list_in_one_register_is_found_and_shrunk_to_two_calls(lost_append: Explored) -> None:
    """The smallest story there is: two members append, neither knew of the other."""
    counterexample = found(lost_append)
    assert not lost_append.agree
    assert [type(step) for step in counterexample.plan.steps] == [CallStep, CallStep]
    assert {step.replica for step in counterexample.plan.steps} == {0, 1}
    assert counterexample.plan.skews_ms == (0, 0)
    assert [step.number for step in counterexample.plan.steps] == [1, 2]
    finding = counterexample.found
    assert (finding.kind, finding.method, finding.step) == ("invariant", "invariant_count", 0)


def test_stock_sold_twice_is_found_by_a_named_invariant() -> None:
    """What matters was delivered before: a small story may need a delivery in it."""
    plan = found(explore(trial(STOCK), settings(invariants=("left",), runs=200))).plan
    calls = [step.method for step in plan.steps if isinstance(step, CallStep)]
    assert sorted(calls) == ["restock", "sell", "sell"]
    assert len(plan.steps) == 4
    assert plan.replicas == 2


def test_stock_without_its_invariant_agrees() -> None:
    """The states are equal: only the author can say what they are to mean."""
    assert explore(trial(STOCK), settings(runs=5)).agree


def test_trap_by_arguments_is_a_finding_with_plain_arguments() -> None:
    counterexample = found(explore(trial(TRAPS), settings(runs=50)))
    (step,) = counterexample.plan.steps
    assert isinstance(step, CallStep)
    assert len(msgspec.json.encode(step.args)) == 12
    assert counterexample.found.kind == "fault"
    assert "trap" in counterexample.found.message


def test_validate_runs_in_every_replica_and_replay() -> None:
    """What it refuses is no finding; what it lets pass is replayed with its effects and fuel."""
    explored = explore(trial(GUARDED), settings(runs=5))
    assert explored.agree
    (sell,) = [row for row in explored.methods if row.method == "sell"]
    assert sell.completed
    assert set(sell.failed) == {"refused"}


def test_validate_sees_its_author_s_state_alone() -> None:
    """Two sales that were each valid may merge into one too many: the invariant still shows it."""
    plan = found(explore(trial(GUARDED), settings(invariants=("left",), runs=200))).plan
    sellers = [s.replica for s in plan.steps if isinstance(s, CallStep) and s.method == "sell"]
    assert sorted(sellers) == [0, 1]


def test_trap_in_validate_is_a_finding() -> None:
    """Code that says no by going wrong says nothing to the person who called."""
    finding = found(explore(trial(CRASHES), settings(runs=20))).found
    assert (finding.kind, finding.method) == ("fault", "restock")
    assert finding.message.startswith("the call ends with trap: in validate: ")


def test_what_is_right_agrees_and_says_what_was_tried() -> None:
    explored = explore(trial(TALLY), settings(runs=5))
    assert explored.agree
    assert explored.counterexample is None
    assert explored.invariants == ("invariant_positive",)
    (row,) = explored.methods
    assert (row.method, row.completed, row.failed) == ("count_one", 75, {})
    assert explored.deltas == 75


def test_same_seed_finds_the_same(lost_append: Explored) -> None:
    """A finding that cannot be had again is worth little."""
    assert explore(trial(LIST), settings()) == lost_append


def test_counterexample_from_a_file_shows_the_same(lost_append: Explored) -> None:
    content = msgspec.json.encode(found(lost_append))
    again = read_counterexample(content, "found.json")
    assert again == found(lost_append)
    assert replay(again, trial(LIST)) == again.found


def test_counterexample_of_what_was_mended_is_none(lost_append: Explored) -> None:
    """The same calls on a module that keeps its promise."""
    kept = msgspec.structs.replace(
        found(lost_append),
        plan=Plan((0, 0), (CallStep(1, 0, "count_one", {}), CallStep(2, 1, "count_one", {}))),
    )
    assert replay(kept, trial(TALLY)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"format": "covey-conformance/2"},
        {"plan": {"skews_ms": [0], "steps": []}},
        {"plan": {"skews_ms": [0] * 9, "steps": []}},
        {"plan": {"skews_ms": [0, 10**9], "steps": []}},
        {"plan": {"skews_ms": [0, 0], "steps": [{"do": "deliver", "number": 1, "replica": 2}]}},
        {"plan": {"skews_ms": [0, 0], "steps": [{"do": "dance", "number": 1, "replica": 1}]}},
        {"nosuch": 1},
    ],
)
def test_counterexample_that_is_none_is_refused(lost_append: Explored, change: object) -> None:
    """A file may come from anybody."""
    content = msgspec.to_builtins(found(lost_append)) | change
    with pytest.raises(ConfigError, match=r"found\.json"):
        read_counterexample(msgspec.json.encode(content), "found.json")


def test_two_calls_of_one_number_are_refused(lost_append: Explored) -> None:
    step = CallStep(1, 0, "append", {})
    twice = msgspec.structs.replace(found(lost_append), plan=Plan((0, 0), (step, step)))
    with pytest.raises(ConfigError, match="same number"):
        read_counterexample(msgspec.json.encode(twice), "found.json")


def test_names_that_are_not_there_are_refused(lost_append: Explored) -> None:
    for changes in ({"invariants": ("sell",)}, {"ignore": ("nosuch",)}, {"given": (("no", {}),)}):
        with pytest.raises(ConfigError):
            explore(trial(STOCK), settings(**changes))
    with pytest.raises(ConfigError, match="append"):
        replay(found(lost_append), trial(TALLY))


def test_nothing_to_call_is_refused() -> None:
    with pytest.raises(ConfigError, match="no method that writes"):
        explore(trial(TALLY), settings(ignore=("count_one",)))


def test_given_calls_are_the_ones_made() -> None:
    explored = explore(trial(STOCK), settings(runs=2, given=(("restock", {}),)))
    assert [row.method for row in explored.methods] == ["restock"]


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    explore(trial(LIST), settings(), lambda *what: told.append(what))
    assert told[0] == ("run", 0, 20)
    assert told[-1][0].startswith("shrinking")


class Lying(BlockingExecutor):
    """An engine that is not deterministic: what no node may be, and what must be noticed."""

    def __init__(self, honest: BlockingExecutor, lie: str) -> None:
        super().__init__()
        self._honest = honest
        self._lie = lie
        self._count = 0

    def query(self, query: Query, base: EntryReader, interrupt: object = None) -> Outcome:
        outcome = self._honest.query(query, base)
        return self._changed(outcome) if self._lie == "answer" else outcome

    def run_batch(
        self, batch: Batch, base: EntryReader, interrupt: object = None
    ) -> tuple[Outcome, ...]:
        outcomes = self._honest.run_batch(batch, base)
        is_replay = isinstance(base, StateAtCut)
        if self._lie == "outcome" or (self._lie == "replay" and is_replay):
            return tuple(self._changed(outcome) for outcome in outcomes)
        return outcomes

    def _changed(self, outcome: Outcome) -> Outcome:
        self._count += 1
        assert isinstance(outcome, Completed)
        return replace(outcome, fuel=outcome.fuel + self._count)


def lying(lie: str) -> Trial:
    liar = trial(TALLY)
    liar.executor = Lying(liar.executor, lie)
    return liar


@pytest.mark.parametrize("kind", ["answer", "outcome", "replay"])
def test_engine_that_is_not_deterministic_is_found(kind: str) -> None:
    """The comparisons at the end can fail, each by itself."""
    finding = found(explore(lying(kind), settings(runs=3))).found
    assert (finding.kind, finding.step) == (kind, 0)
    assert finding.lines


def test_replica_that_loses_what_it_gets_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Member, "receive", lambda *_: ())
    finding = found(explore(trial(TALLY), settings(runs=3))).found
    assert finding.kind == "state"


def test_replica_that_refuses_another_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    received = Member.receive

    def refuse(self: Member, *arguments: object) -> tuple[str, ...]:
        is_admission = self.replica.ledger.count < 2
        return received(self, *arguments) if is_admission else ("not-owner",)

    monkeypatch.setattr(Member, "receive", refuse)
    finding: Finding = found(explore(trial(TALLY), settings(runs=3))).found
    assert finding.kind == "refused-delta"
    assert "not-owner" in finding.message


@pytest.mark.parametrize("name", ["board", "kv", "ledger", "tally", "text"])
def test_applications_of_this_repository_agree(name: str) -> None:
    """What people copy from is right under concurrency, and never traps on odd arguments."""
    content = (APPS / name / f"{name}.wasm").read_bytes()
    ready = Trial(read_application("x.wasm", content), "wasmtime", People())
    explored = explore(ready, settings(runs=12))
    assert explored.agree, explored.counterexample
    assert {row.method for row in explored.methods if row.completed} == {
        method.name for method in ready.interface.methods if method.kind is MethodKind.CALL
    }
