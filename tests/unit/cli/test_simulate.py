"""`covey simulate`: lines for scripts, a table for people, and an exit code for either."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import pytest

from covey.errors import StoreError
from covey.testkit import bounds
from covey.testkit.sim import ARENA, Finding, load_application, plan_of
from covey.testkit.sim.regression import Regression, load_regression, save_regression
from tests.contract.runtime.guests import Script
from tests.unit.testkit.sim.worlds import small_scenario

SMALL = (
    'name = "small"\nseeds = "3..5"\nnodes = [2, 3]\nlasts_s = [2.0, 4.0]\n'
    "[faults]\ndefault = 0.5\n[workload]\ncalls = [10, 14]\nkeys = [2]\n"
)
SEED_FIELDS = [
    *("seed", "trace", "steps", "calls", "took_effect", "deltas", "healed_s"),
    *("faults", "effects", "forks", "finding"),
]
SUM_FIELDS = [
    *("scenario", "seeds", "calls", "calls_least", "took_effect", "deltas", "steps", "healed_s"),
    *("not_healed", "faults", "effects", "forks", "findings", "trace"),
]


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A scenario of small worlds."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that every seed finds, and little patience to make them smaller."""
    monkeypatch.setattr(bounds, "SIM_SHRINK_RUNS_MAX", 3)
    monkeypatch.setattr("covey.testkit.sim.world._STEPS_PER_NODE_MAX", 30)


def lines_of(out: str) -> list[dict[str, object]]:
    """What a script reads."""
    return [json.loads(line) for line in out.splitlines()]


def one_line(ran) -> str:
    """The line that says why."""
    (line,) = ran.err.splitlines()
    assert line.startswith("covey: ")
    assert ran.out == ""
    return line.removeprefix("covey: ")


def test_help_names_it(run):
    """It comes in by an entry point, and stands beside the others."""
    assert "simulate" in run("--help").out


def test_json_is_a_line_for_each_seed_and_two_for_all(run, scenario):
    """The last line is what a script compares between two machines."""
    ran = run("simulate", "--scenario", scenario, "--seeds", "1..4", "--json")
    assert (ran.code, ran.err) == (0, "")
    *seeds, whole, last = lines_of(ran.out)
    assert [list(seed) for seed in seeds] == [SEED_FIELDS] * 4
    assert [seed["seed"] for seed in seeds] == [1, 2, 3, 4]
    assert list(whole) == SUM_FIELDS
    assert list(last) == ["seeds", "calls", "findings", "trace"]
    assert (last["seeds"], last["findings"]) == (4, 0)
    assert last["calls"] == whole["calls"] == sum(seed["calls"] for seed in seeds)
    assert last["trace"] == whole["trace"]
    assert whole["healed_s"] == max(seed["healed_s"] for seed in seeds)
    assert whole["not_healed"] == 0


def test_seeds_are_the_scenario_s_unless_others_are_asked_for(run, scenario):
    """A scenario says what it is worth running."""
    ran = run("simulate", "--scenario", scenario, "--json")
    assert [line["seed"] for line in lines_of(ran.out)[:-2]] == [3, 4, 5]
    ran = run("simulate", "--scenario", scenario, "--seeds", "4", "--json")
    assert [line["seed"] for line in lines_of(ran.out)[:-2]] == [4]


def test_people_are_shown_what_happened(run, scenario):
    """How much, under which faults, and whether anything was found."""
    ran = run("simulate", "--scenario", scenario, "--seeds", "1..6", "--jobs", "2")
    assert (ran.code, ran.err) == (0, "")
    for word in ("small", "register", "owned", "power-cut", "no promise was broken"):
        assert word in ran.out


def test_finding_is_1_and_is_kept_small(run, scenario, planted, tmp_path):
    """With the command that runs it again."""
    folder = tmp_path / "kept"
    arguments = ("--scenario", scenario, "--seeds", "2..3", "--save", folder, "--json")
    ran = run("simulate", *arguments)
    assert ran.code == 1
    *seeds, whole, last = lines_of(ran.out)
    assert [seed["finding"]["message"] for seed in seeds] == [
        "the simulation does not come to rest"
    ] * 2
    assert (whole["findings"], last["findings"]) == ([2, 3], 2)
    assert [line["healed_s"] for line in (*seeds, whole)] == [None] * 3
    assert whole["not_healed"] == 2
    assert f"kept in {folder}/small-2.json: `covey simulate --replay" in ran.err
    assert "Traceback" not in ran.err
    kept = load_regression(folder / "small-2.json")
    assert kept.found.where == seeds[0]["finding"]["where"]
    again = run("simulate", "--replay", folder / "small-2.json", "--json")
    assert again.code == 1
    assert again.json["holds"] is False
    assert again.json["finding"]["message"] == kept.found.message


def test_people_are_shown_the_smallest_schedule(run, scenario, planted, tmp_path):
    """Who starts when, and what breaks."""
    ran = run("simulate", "--scenario", scenario, "--seeds", "2", "--save", tmp_path)
    assert ran.code == 1
    assert "seed 2, made smaller in 3 runs" in ran.out
    assert "starts: founder" in ran.out
    assert "1 seed broke a promise: 2" in ran.out
    assert "not healed: 1 of 1" in ran.out


def test_finding_is_kept_apart_from_covey_s_own_tests(
    run, scenario, planted, tmp_path, monkeypatch
):
    """Whoever tries a scenario in a checkout must not turn its tests red for ever."""
    ours = tmp_path / "tests" / "simulation" / "regressions"
    ours.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    arguments = ("simulate", "--scenario", scenario, "--seeds", "2", "--json")
    ran = run(*arguments)
    assert "kept in covey-findings/small-2.json: " in ran.err
    assert "no test runs it" in ran.err
    assert "`--save tests/simulation/regressions` makes it one" in ran.err
    assert list(ours.iterdir()) == []
    ran = run(*arguments, "--save", "tests/simulation/regressions")
    assert "no test runs it" not in ran.err
    assert [path.name for path in ours.iterdir()] == ["small-2.json"]


def test_kept_schedule_that_holds_is_0(run, tmp_path):
    """What was mended stays in the folder, and says so."""
    plan = plan_of(small_scenario(), 1, load_application(ARENA))
    path = save_regression(Regression(Finding("checkers", "a promise", 1.0), plan), tmp_path)
    assert run("simulate", "--replay", path, "--json").json == {"holds": True, "finding": None}
    ran = run("simulate", "--replay", path)
    assert ran.code == 0
    assert "it breaks no promise now" in ran.out


def test_seed_can_be_drawn(run, scenario, tmp_path):
    """As one page."""
    page = tmp_path / "page.html"
    arguments = ("--scenario", scenario, "--output", page, "--json")
    ran = run("simulate", "--explain", "1", *arguments)
    assert ran.json == {"seed": 1, "page": str(page), "finding": None}
    assert page.read_text("utf-8").startswith("<!")


def test_results_are_gone_on_with(run, scenario, tmp_path):
    """Interrupted and begun again, the last line is that of one run."""
    whole = run("simulate", "--scenario", scenario, "--seeds", "1..6", "--json")
    arguments = ("simulate", "--scenario", scenario, "--results", tmp_path / "r.jsonl", "--json")
    run(*arguments, "--seeds", "1..3")
    assert run(*arguments, "--seeds", "1..6").out == whole.out
    other = run("simulate", "--scenario", "quick", "--results", tmp_path / "r.jsonl")
    assert other.code == 6
    assert "these results are of another scenario" in one_line(other)


def test_application_of_an_author_is_run(run, scenario):
    """Its own methods, instead of the arena's."""
    app = Path(__file__).parents[3] / "apps" / "tally" / "tally.wasm"
    ran = run("simulate", "--scenario", scenario, "--app", app, "--seeds", "1..2", "--json")
    assert ran.code == 0
    assert {"counter"} <= set(lines_of(ran.out)[-2]["effects"])


@pytest.mark.parametrize(
    ("seeds", "what"),
    [
        ("5..1", "the seeds go from 5 down to 1: turn them round"),
        ("x", "the seeds are a range such as 1..1000, not 'x'"),
        ("1...3", "the seeds are a range such as 1..1000, not '1...3'"),
        ("1..", "the seeds are a range such as 1..1000, not '1..'"),
        ("-1", "the seeds are a range such as 1..1000, not '-1'"),
        ("1.5", "the seeds are a range such as 1..1000, not '1.5'"),
        ("", "the seeds are a range such as 1..1000, not ''"),
        ("1..99999999999999999999", "the seeds are a range such as 1..1000"),
        ("9007199254740993", "seed 9007199254740993 is greater than 9007199254740992"),
        ("0..10000000", "more than 10000000 seeds at once"),
    ],
)
def test_wrong_seeds_are_usage(run, scenario, seeds, what):
    """Code 2, before anything runs."""
    ran = run("simulate", "--scenario", scenario, "--seeds", seeds, "--json")
    assert ran.code == 2
    assert what in one_line(ran)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--scenario", "nope"],
        ["--scenario", "nope.toml"],
        ["--app", "nope.covey"],
        ["--replay", "nope.json"],
        ["--scenario", "far.toml"],
        ["--app", "nope\0.covey"],
    ],
)
def test_file_that_is_not_there_is_4(run, tmp_path, monkeypatch, arguments):
    """A scenario, an application, a schedule; also the application that a scenario names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far.toml").write_text('name = "far"\nworkload.application = "nope.covey"\n')
    ran = run("simulate", *arguments)
    assert ran.code == 4
    assert "nope" in one_line(ran)


@pytest.mark.parametrize("option", ["--scenario", "--app", "--replay", "--results"])
def test_directory_for_a_file_is_5(run, tmp_path, option):
    """It is there, and cannot be read."""
    ran = run("simulate", option, tmp_path)
    assert ran.code == 5
    assert "directory" in one_line(ran).lower()


@pytest.mark.parametrize("option", ["--scenario", "--app", "--replay", "--results"])
def test_pipe_for_a_file_is_5(run, tmp_path, option):
    """Nobody waits for somebody to write into it."""
    os.mkfifo(tmp_path / "pipe")
    ran = run("simulate", option, tmp_path / "pipe")
    assert ran.code == 5
    assert "pipe is no regular file" in one_line(ran)


@pytest.mark.parametrize("path", ["/dev/full", "/dev/zero", "/dev/null"])
def test_device_for_results_is_5(run, path):
    """One of these was read as one line, until there was no memory."""
    ran = run("simulate", "--results", path)
    assert ran.code == 5
    assert f"{path} is no regular file: results cannot be kept there" in one_line(ran)


@pytest.mark.parametrize("name", ["write", "close"])
def test_results_that_the_disk_has_no_room_for_are_5(run, scenario, tmp_path, name):
    """In one line, also where that shows at the end; what was whole before is gone on with."""
    results, real = tmp_path / "r.jsonl", getattr(os, name)

    def fail(number: int, *content: bytes) -> int | None:
        if os.path.realpath(f"/proc/self/fd/{number}") != str(results):
            return real(number, *content)
        if content and results.stat().st_size < 2_000:
            return real(number, content[0][:700])
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    arguments = ("simulate", "--scenario", scenario, "--results", results, "--seeds", "1..8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"covey.testkit.sim.runner.os.{name}", fail)
        ran = run(*arguments, "--json")
    assert (ran.code, ran.err) == (5, f"covey: {results} cannot be written: File too large\n")
    again = run(*arguments, "--json")
    assert (again.code, again.err) == (0, "")
    assert len(lines_of(again.out)) == 8 + 2


@pytest.mark.parametrize("option", ["--scenario", "--app", "--replay", "--results", "--save"])
def test_empty_name_is_usage(run, option):
    """It would be the current folder."""
    ran = run("simulate", option, "")
    assert ran.code == 2
    assert f"Invalid value for '{option}': it is empty" in one_line(ran)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--replay", "x", "--seeds", "1"], "--seeds says nothing beside --replay"),
        (["--replay", "x", "--app", "x"], "--app says nothing beside --replay"),
        (["--replay", "x", "--results", "x"], "--results says nothing beside --replay"),
        (["--replay", "x", "--scenario", "quick"], "--scenario says nothing beside --replay"),
        (["--replay", "x", "--explain", "0"], "--explain says nothing beside --replay"),
        (["--explain", "1", "--seeds", "1"], "--seeds says nothing beside --explain"),
        (["--explain", "1", "--results", "x"], "--results says nothing beside --explain"),
        (["--explain", "1", "--save", "x"], "--save says nothing beside --explain"),
        (["--output", "x"], "--output is for --explain and --replay"),
    ],
)
def test_options_that_say_nothing_together_are_usage(run, arguments, what):
    """Whoever gives both expects something of both."""
    ran = run("simulate", *arguments)
    assert ran.code == 2
    assert what in one_line(ran)


@pytest.mark.parametrize("place", ["file/x", "/proc/x", "/dev/null"])
def test_folder_that_cannot_be_written_is_5_before_any_seed(run, scenario, tmp_path, place):
    """A finding that could not be kept was lost with its summary."""
    (tmp_path / "file").write_text("")
    ran = run("simulate", "--scenario", scenario, "--save", tmp_path / place, "--json")
    assert ran.code == 5
    assert "cannot be written" in one_line(ran)


def test_folder_for_findings_is_made_only_for_one(run, scenario, tmp_path):
    """To try whether it could be leaves nothing."""
    ran = run("simulate", "--scenario", scenario, "--save", tmp_path / "new" / "deep")
    assert ran.code == 0
    assert not (tmp_path / "new").exists()


def test_finding_that_cannot_be_kept_is_told_with_the_summary(
    run, scenario, planted, tmp_path, monkeypatch
):
    """The folder went away meanwhile: what was found is told all the same."""

    def fail(*_):
        raise StoreError("the folder cannot be written: No space left on device")

    monkeypatch.setattr("covey.testkit.commands.simulate.save_regression", fail)
    ran = run("simulate", "--scenario", scenario, "--seeds", "2", "--save", tmp_path, "--json")
    assert ran.code == 1
    assert lines_of(ran.out)[-1]["findings"] == 1
    assert "seed 2 is not kept: the folder cannot be written" in ran.err


def test_finding_of_a_results_file_that_is_none_is_told(run, scenario, tmp_path):
    """Somebody wrote it there, or the machine that found it was damaged."""
    results = tmp_path / "r.jsonl"
    arguments = ("simulate", "--scenario", scenario, "--results", results, "--seeds", "1", "--json")
    assert run(*arguments).code == 0
    finding = b'"finding":{"where":"sync.judge:judge","message":"a lie","at_s":1.0}'
    results.write_bytes(results.read_bytes().replace(b'"finding":null', finding))
    ran = run(*arguments, "--save", tmp_path / "kept")
    assert ran.code == 1
    assert "seed 1 does not break that promise again: nothing is kept of it" in ran.err
    assert not (tmp_path / "kept").exists()


def test_application_none_of_whose_calls_succeed_is_told(run, tmp_path):
    """Green, and nothing was tested."""
    (tmp_path / "no.wasm").write_bytes(Script().build("unreachable"))
    (tmp_path / "small.toml").write_text(SMALL)
    arguments = ("--scenario", tmp_path / "small.toml", "--app", tmp_path / "no.wasm")
    ran = run("simulate", *arguments, "--seeds", "1..2", "--json")
    assert ran.code == 0
    last = lines_of(ran.out)[-2]
    assert (last["took_effect"], last["calls"] > 0) == (0, True)
    said = f"covey: none of {last['calls']} calls took effect: nothing was tested"
    assert ran.err.splitlines() == [said]


def test_kept_schedule_is_of_one_release_of_an_application(run, scenario, planted, tmp_path):
    """Found beside the file wherever somebody stands, and refused where it was built again."""
    tally = Path(__file__).parents[3] / "apps" / "tally" / "tally.wasm"
    (tmp_path / "app.wasm").write_bytes(tally.read_bytes())
    kept = tmp_path / "kept"
    arguments = ("--app", tmp_path / "app.wasm", "--seeds", "2", "--save", kept, "--json")
    assert run("simulate", "--scenario", scenario, *arguments).code == 1
    (path,) = kept.iterdir()
    assert re.fullmatch(r"small-2-[0-9a-f]{8}\.json", path.name)
    assert run("simulate", "--replay", path, "--json").json["holds"] is False
    board = Path(__file__).parents[3] / "apps" / "board" / "board.wasm"
    (tmp_path / "app.wasm").write_bytes(board.read_bytes())
    load_application.cache_clear()
    ran = run("simulate", "--replay", path)
    assert ran.code == 6
    assert "app.wasm is another release than it was kept with" in one_line(ran)


@pytest.mark.parametrize(
    ("option", "content", "what"),
    [
        ("--scenario", b'name = "x"\nnodez = 3\n', "bad:2: there is no field 'nodez' here"),
        ("--scenario", b'name = "x"\nseeds = "9..1"\n', "bad:2: the seeds go from 9 down to 1"),
        ("--app", b"no module", "the module is refused"),
        ("--replay", b"{}", "bad: this is no kept schedule: Object missing required field"),
        ("--replay", b'{"found":"\xff"}', "bad: this is no kept schedule: "),
        ("--results", b"a letter", "bad: these are no results: name another file"),
    ],
)
def test_damaged_file_is_6(run, tmp_path, option, content, what):
    """In one line, with its place where it has one; and the file stays as it is."""
    (tmp_path / "bad").write_bytes(content)
    ran = run("simulate", option, tmp_path / "bad")
    assert ran.code == 6
    assert what in one_line(ran)
    assert (tmp_path / "bad").read_bytes() == content
