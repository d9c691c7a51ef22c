"""Many seeds: the same with any number of processes, gone on with after any interruption."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from covey.errors import ConfigError, StoreError
from covey.testkit import bounds
from covey.testkit.sim import (
    Application,
    Finding,
    Plan,
    Result,
    Scenario,
    load_application,
    simulate,
)
from covey.testkit.sim.runner import Last, Summary, results_file, run_seeds, sum_up
from tests.unit.testkit.sim.worlds import small_scenario

APPS = Path(__file__).parents[4] / "apps"
SEEDS = range(1, 9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where results are kept."""
    return tmp_path / "results.jsonl"


def run(
    path: Path | None,
    seeds: Iterable[int] = SEEDS,
    *,
    jobs: int = 1,
    scenario: Scenario | None = None,
) -> Summary:
    """Run seeds and add up what came of them."""
    scenario = small_scenario() if scenario is None else scenario
    with results_file(path, scenario) as kept:
        return sum_up(scenario, run_seeds(scenario, seeds, jobs, kept), lambda _: None)


@pytest.fixture(scope="module")
def whole() -> Summary:
    """All seeds at once, kept nowhere."""
    return run(None)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that were run in this process."""
    seeds: list[int] = []

    def note(plan: Plan, application: Application, **_: object) -> Result:
        seeds.append(plan.seed)
        return simulate(plan, application)

    monkeypatch.setattr("covey.testkit.sim.runner.simulate", note)
    return seeds


def test_two_processes_find_what_one_finds(whole: Summary) -> None:
    """In the same order: the trace is a hash over all seeds in theirs."""
    assert run(None, jobs=2) == whole


def test_summary_adds_up(whole: Summary) -> None:
    """Least, most, and in how many seeds; the last line says the same."""
    results: list[Result] = []
    scenario = small_scenario()
    with results_file(None, scenario) as kept:
        sum_up(scenario, run_seeds(scenario, SEEDS, 1, kept), results.append)
    assert [result.seed for result in results] == list(SEEDS)
    assert whole.calls == sum(result.calls for result in results)
    assert whole.calls_least == min(result.calls for result in results) >= 10
    assert whole.healed_s == max(result.healed_s or 0 for result in results)
    assert whole.not_healed == 0
    losses = [result.faults["loss"] for result in results if "loss" in result.faults]
    assert whole.faults["loss"] == (len(losses), sum(losses))
    registers = [result.effects["register"].total for result in results]
    assert whole.effects["register"].total == sum(registers)
    assert whole.last == Last(8, whole.calls, 0, whole.trace)


def test_seed_that_does_not_heal_has_no_time_of_healing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zero would say that it healed at once."""
    monkeypatch.setattr("covey.testkit.sim.world._STEPS_PER_NODE_MAX", 30)
    broken = run(None)
    assert (broken.healed_s, broken.not_healed) == (None, 8)
    assert len(broken.findings) == 8


def test_trace_of_many_tells_their_order_and_number_apart(whole: Summary) -> None:
    """One hash that is the same only where everything is."""
    traces = {run(None, seeds).trace for seeds in (range(1, 8), range(8, 0, -1), range(2, 9))}
    assert len(traces | {whole.trace}) == 4


def test_interrupted_run_goes_on_where_it_ended(path: Path, whole: Summary, ran: list[int]) -> None:
    """Seeds that are in the file are not run again, and the sum is that of one run."""
    run(path, range(1, 4))
    scenario = small_scenario()
    with results_file(path, scenario) as kept:
        for result in run_seeds(scenario, SEEDS, 1, kept):
            if result.seed == 5:
                break
    ran.clear()
    assert run(path) == whole
    assert ran == [6, 7, 8]
    ran.clear()
    assert run(path, jobs=2) == whole
    assert ran == []


@pytest.mark.parametrize("cut", [1, 5, 200])
def test_line_that_was_cut_short_is_run_again(
    path: Path, whole: Summary, ran: list[int], cut: int
) -> None:
    """The machine went off in the midst of a write."""
    run(path)
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    ran.clear()
    assert run(path) == whole
    assert ran == [8]
    assert path.read_bytes() == content


def test_first_line_that_was_cut_short_is_written_again(path: Path, whole: Summary) -> None:
    """As above, at the very beginning."""
    run(path)
    content = path.read_bytes()
    path.write_bytes(content[:30])
    assert run(path) == whole
    assert path.read_bytes() == content


def test_other_seeds_go_into_the_same_file(path: Path, whole: Summary, ran: list[int]) -> None:
    """In any order: a gap is filled later."""
    run(path, range(7, 9))
    run(path, range(1, 3))
    ran.clear()
    assert run(path) == whole
    assert ran == [3, 4, 5, 6]


def refused(path: Path, scenario: Scenario | None = None) -> str:
    """What is said of a results file, which stays as it is."""
    before = path.read_bytes()
    with pytest.raises(ConfigError) as caught:
        run(path, scenario=scenario)
    assert path.read_bytes() == before
    said = str(caught.value)
    assert "\n" not in said
    return said.removeprefix(f"{path}:")


def test_results_of_another_scenario_are_refused(path: Path) -> None:
    """Their sum would be of nothing."""
    run(path, range(1, 2))
    other = small_scenario("healing_s = 100.0\n")
    expected = " these results are of another scenario: name another file"
    assert refused(path, other) == expected


def test_results_of_other_code_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace that another version made is no evidence of this one."""
    run(path, range(1, 2))
    monkeypatch.setattr("covey.testkit.sim.runner.code_digest", lambda: "0" * 16)
    assert refused(path) == " these results are of other code: name another file"


def test_results_of_another_application_are_refused(path: Path, tmp_path: Path) -> None:
    """An author builds it again between two runs, under the same name."""
    module = tmp_path / "mine.wasm"
    scenario = small_scenario()
    workload = msgspec.structs.replace(scenario.workload, application=str(module))
    scenario = msgspec.structs.replace(scenario, workload=workload)
    shutil.copy(APPS / "kv" / "kv.wasm", module)
    run(path, range(1, 2), scenario=scenario)
    shutil.copy(APPS / "board" / "board.wasm", module)
    load_application.cache_clear()
    expected = " these results are of another application: name another file"
    assert refused(path, scenario) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a letter without a line feed", " these are no results: name another file"),
        (b'{"covey": ', " these are no results: name another file"),
        (b"a letter\nof two lines\n", "1: this is no result: JSON is malformed"),
        (b"{}\n", "1: this is no result: Object missing required field"),
        (b"\xff\xfe\n", "1: this is no result: "),
        (b'{"covey":"\xff"}\n', "1: this is no result: "),
        (b"[" * 100_000 + b"\n", "1: this is no result: "),
    ],
)
def test_file_of_something_else_is_refused_and_left_alone(
    path: Path, content: bytes, said: str
) -> None:
    """A slip of the hand must not cost somebody's file."""
    path.write_bytes(content)
    assert refused(path).startswith(said)


def test_damaged_line_is_named(path: Path) -> None:
    """Nobody knows what else is wrong with the file."""
    run(path, range(1, 4))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"trace"', b'"race"')
    path.write_bytes(b"".join(lines))
    assert refused(path).startswith("3: this is no result: Object missing required field `trace`")


def test_seed_that_is_there_twice_is_refused_where_it_differs(path: Path) -> None:
    """Which of them was it? The same line twice says nothing new."""
    run(path, range(1, 4))
    content = path.read_bytes()
    last = content.splitlines(keepends=True)[-1]
    path.write_bytes(content + last)
    assert run(path, range(1, 4)).seeds == 3
    path.write_bytes(content + re.sub(rb'"trace":".', b'"trace":"x', last, count=1))
    assert refused(path) == "5: seed 3 is there already, with another result"


def test_line_without_an_end_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before all of it is in memory."""
    run(path, range(1, 3))
    monkeypatch.setattr(bounds, "SIM_RESULT_BYTES_MAX", 5_000)
    path.write_bytes(path.read_bytes() + b" " * 6_000)
    assert refused(path) == "4: this is no result: the line is too long"


@pytest.mark.parametrize("name", [".", "missing/results.jsonl", "a\0b"])
def test_results_that_cannot_be_kept_are_refused_at_once(tmp_path: Path, name: str) -> None:
    """Not after an hour."""
    with pytest.raises(StoreError, match="cannot be written"):
        run(tmp_path / name)


def test_errors_of_others_are_not_the_file_s(path: Path) -> None:
    """Whoever read our output left: the results file had nothing to do with it."""
    with pytest.raises(BrokenPipeError), results_file(path, small_scenario()):
        raise BrokenPipeError


def test_finding_is_kept_and_counted(
    path: Path, whole: Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed that failed yesterday fails today, too, without being run again."""
    finding = Finding("testkit.sim.world:run", "a promise", 1.5, ("the last", "lines"))

    def fail(plan: Plan, application: Application, **_: object) -> Result:
        result = simulate(plan, application)
        return msgspec.structs.replace(result, finding=finding if plan.seed % 3 == 0 else None)

    with monkeypatch.context() as planting:
        planting.setattr("covey.testkit.sim.runner.simulate", fail)
        summary = run(path)
    assert summary.findings == (3, 6)
    assert summary.last == Last(8, whole.calls, 2, whole.trace)
    scenario = small_scenario()
    with results_file(path, scenario) as kept:
        again = list(run_seeds(scenario, SEEDS, 1, kept))
    assert [result.finding for result in again if result.finding] == [finding, finding]
    assert run(path) == summary
