"""The commands for authors: what they print, what they refuse, how they exit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.workbench.planted import LIST, STOCK, TALLY, TRAPS, module

APPS = Path(__file__).parents[3] / "apps"


@pytest.fixture
def planted(tmp_path):
    """The file of a planted application."""

    def write(code: str) -> Path:
        path = tmp_path / "planted" / "planted.wasm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(module(code))
        return path

    return write


def one_line(ran) -> str:
    (line,) = ran.err.splitlines()
    assert line.startswith("covey: ")
    return line


# -- check -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["kv/kv.wasm", "tally/tally.covey"])
def test_check_accepts_modules_and_bundles(run, name):
    ran = run("app", "check", APPS / name)
    assert (ran.code, ran.err) == (0, "")
    for part in ("is accepted", "metered", "compiled", "largest frames", "each run costs"):
        assert part in ran.out


def test_check_as_json_has_a_fixed_form(run):
    checked = run("app", "check", APPS / "tally/tally.wasm", "--json").json
    assert checked["accepted"]
    assert checked["refusal"] is None
    assert checked["prices"] == []
    row = checked["module"]
    assert row["collections"] == [{"name": "totals", "rule": "counter", "roles": []}]
    assert {"name": "add", "kind": "call"} in row["methods"]
    assert row["frames"][0]["slots"] >= row["frames"][1]["slots"]


def test_check_shows_prices_when_asked(run):
    assert "call_indirect" not in run("app", "check", APPS / "kv/kv.wasm").out
    assert "call_indirect" in run("app", "check", APPS / "kv/kv.wasm", "--prices").out


def test_check_refuses_with_1_and_says_which_rule_and_where(run, tmp_path):
    path = tmp_path / "x.wasm"
    path.write_bytes(module(STOCK)[:-1])
    ran = run("app", "check", path)
    assert ran.code == 1
    assert "malformed" in one_line(ran)
    for part in ("is refused", "rule", "where", "what helps"):
        assert part in ran.out
    checked = run("app", "check", path, "--json").json
    assert (checked["accepted"], checked["module"]) == (False, None)
    assert checked["refusal"]["rule"] == "malformed"


def test_check_refuses_a_damaged_bundle_with_1(run, tmp_path):
    path = tmp_path / "x.covey"
    path.write_bytes((APPS / "kv/kv.covey").read_bytes()[:-1])
    assert run("app", "check", path, "--json").json["refusal"]["rule"] == "bundle"
    assert run("app", "check", path).code == 1


# -- run ---------------------------------------------------------------------------------------


def test_run_shows_everything_that_a_call_did(run):
    ran = run("app", "run", APPS / "board/board.wasm", "post", '{"text": "Hello"}')
    assert (ran.code, ran.err) == (0, "")
    for part in ('"id"', "put posts 'member:alice/", "posted", "fuel "):
        assert part in ran.out


def test_run_as_json(run):
    ran = run("app", "run", APPS / "tally/tally.wasm", "add", '{"name": "tea"}', "--json").json
    assert (ran["kind"], ran["completed"], ran["failure"]) == ("call", True, None)
    assert ran["result"] == {"total": 1}
    assert ran["effects"] == [{"op": "add", "collection": "totals", "key": "tea", "amount": 1}]
    assert 0 < ran["fuel"] < ran["fuel_max"]


def test_runs_are_chained_by_their_state(run, tmp_path):
    tally, state = APPS / "tally/tally.wasm", tmp_path / "s.json"
    for _ in range(3):
        arguments = ("add", '{"name": "tea"}', "--state", state, "--write")
        assert run("app", "run", tally, *arguments).code == 0
    assert json.loads(state.read_text()) == {"totals": {"tea": 3}}
    ran = run("app", "run", tally, "read", '{"name": "tea"}', "--state", state, "--json").json
    assert (ran["kind"], ran["result"]) == ("query", {"total": 3})


def test_save_leaves_the_state_before_as_it_was(run, tmp_path):
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text('{"totals": {"tea": 5}}')
    command = ("app", "run", APPS / "tally/tally.wasm", "add", '{"name": "tea"}')
    assert run(*command, "--state", before, "--save", after).code == 0
    assert json.loads(before.read_text()) == {"totals": {"tea": 5}}
    assert json.loads(after.read_text()) == {"totals": {"tea": 6}}


def test_failed_call_is_1_with_its_code_and_writes_nothing(run, tmp_path):
    state = tmp_path / "s.json"
    command = ("app", "run", APPS / "tally/tally.wasm", "add", "{}", "--state", state, "--write")
    ran = run(*command)
    assert ran.code == 1
    assert one_line(ran).startswith("covey: refused: ")
    assert not state.exists()
    assert run(*command, "--json").json["failure"]["code"] == "refused"


def test_unknown_method_is_1(run):
    ran = run("app", "run", APPS / "kv/kv.wasm", "nosuch")
    assert ran.code == 1
    assert "unknown-method" in one_line(ran)


def test_members_are_told_apart(run):
    """Without that, nobody could try out what a rule of ownership means."""
    command = ("app", "run", APPS / "board/board.wasm", "set_profile", '{"name": "x"}', "--json")
    keys = {run(*command, "--member", who).json["effects"][0]["key"] for who in ("ada", "bob")}
    assert keys == {"member:ada/name", "member:bob/name"}


def test_seed_and_time_are_what_a_run_depends_on(run):
    command = ("app", "run", APPS / "board/board.wasm", "post", '{"text": "x"}', "--json")
    first = run(*command).json
    assert run(*command).json == first
    assert run(*command, "--seed", "2").json["result"] != first["result"]
    assert run(*command, "--time", "1").json["effects"] != first["effects"]


def test_arguments_come_from_standard_input_too(run):
    ran = run("app", "run", APPS / "tally/tally.wasm", "add", "-", stdin=b'{"name": "tea"}')
    assert ran.code == 0


# -- test --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["board", "kv", "ledger", "tally", "text"])
def test_tests_of_each_application_pass(run, name):
    """What the repository ships keeps its own promises."""
    ran = run("app", "test", APPS / name, "--json")
    assert ran.code == 0
    assert ran.json["passed"]
    assert len(ran.json["tests"]) >= 4


def test_failed_tests_are_1_and_show_the_difference(run, planted):
    directory = planted(STOCK).parent
    (directory / "tests.toml").write_text(
        '[[test]]\nname = "good"\nstep = [{ call = "restock" }]\n'
        '[[test]]\nname = "bad"\nstep = [{ query = "left", expect.result = false }]\n'
    )
    ran = run("app", "test", directory)
    assert ran.code == 1
    assert one_line(ran) == "covey: 1 of 2 tests failed"
    for part in ("ok      good", "FAILED  bad", "- false", "+ true", "1 of 2 tests passed"):
        assert part in ran.out
    assert [row["passed"] for row in run("app", "test", directory, "--json").json["tests"]] == [
        True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "about"),
    [
        (None, 4, "does not exist"),
        ("", 6, "has no"),
        ("[[test]]\nnam = 1", 6, "line 2"),
        ('module = "nosuch.wasm"\n[[test]]\nname = "t"\nstep = []', 4, "nosuch.wasm"),
    ],
)
def test_tests_that_cannot_be_run(run, planted, content, code, about):
    directory = planted(STOCK).parent
    if content is not None:
        (directory / "tests.toml").write_text(content)
    ran = run("app", "test", directory)
    assert (ran.code, ran.out) == (code, "")
    assert about in one_line(ran)


def test_module_is_found_by_the_name_of_its_directory_or_alone(run, planted, tmp_path):
    path = planted(STOCK)
    (path.parent / "tests.toml").write_text('[[test]]\nname = "t"\nstep = []')
    path.rename(path.parent / "other.wasm")
    assert run("app", "test", path.parent, "--json").json["module"].endswith("other.wasm")
    (path.parent / "more.wasm").write_bytes(b"")
    ran = run("app", "test", path.parent)
    assert ran.code == 6
    assert "covey app build" in one_line(ran)


# -- conformance -------------------------------------------------------------------------------


def test_conformance_of_what_is_right_is_0(run, planted):
    ran = run("app", "conformance", planted(TALLY), "--runs", "3", "--calls", "5")
    assert (ran.code, ran.err) == (0, "")
    assert "the replicas agree" in ran.out


def test_counterexample_is_told_saved_and_played_again(run, planted, tmp_path):
    path, saved = planted(LIST), tmp_path / "found.json"
    ran = run("app", "conformance", path, "--save", saved)
    assert ran.code == 1
    assert "--replay" in ran.err
    assert "the invariant invariant_count does not hold" in ran.err
    for part in ("alice  calls append", "bob    calls append", "receive everything"):
        assert part in ran.out
    again = run("app", "conformance", path, "--replay", saved, "--json")
    assert again.code == 1
    assert again.json["finding"]["method"] == "invariant_count"


def test_counterexample_that_is_none_any_more_is_0(run, planted, tmp_path):
    saved = tmp_path / "found.json"
    assert run("app", "conformance", planted(TRAPS), "--save", saved).code == 1
    content = json.loads(saved.read_text())
    content["plan"]["steps"][0]["args"] = {}
    saved.write_text(json.dumps(content))
    ran = run("app", "conformance", planted(TRAPS), "--replay", saved)
    assert ran.code == 0
    assert "none any more" in ran.out


def test_invariants_are_named_by_option_or_beside_the_module(run, planted):
    path = planted(STOCK)
    command = ("app", "conformance", path, "--runs", "50", "--json")
    assert run(*command, "--invariant", "left").code == 1
    assert run("app", "conformance", path, "--runs", "2").code == 0
    (path.parent / "tests.toml").write_text('[conformance]\ninvariants = ["left"]')
    ran = run(*command)
    assert ran.code == 1
    assert ran.json["invariants"] == ["left"]
    (path.parent / "tests.toml").write_text(
        '[conformance]\ninvariants = ["left"]\nignore = ["sell"]'
    )
    assert run(*command, "--calls", "5").code == 0


def test_calls_to_draw_from_are_given_in_a_file(run, planted, tmp_path):
    calls = tmp_path / "calls.jsonl"
    calls.write_text('{"method": "restock", "args": {}}\n\n')
    command = ("app", "conformance", planted(STOCK), "--runs", "2", "--calls-file", calls)
    assert [row["method"] for row in run(*command, "--json").json["methods"]] == ["restock"]
    calls.write_text('{"method": "nosuch"}')
    assert run(*command).code == 6
    for content in ("", "{", "[]"):
        calls.write_text(content)
        assert run(*command).code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "kv", "get", "{"),
        ("run", "kv", "get", "{}", "--write"),
        ("run", "kv", "get", "{}", "--engine", "nosuch"),
        ("run", "kv", "get", "{}", "--seed", "0"),
        ("run", "kv", "get", "{}", "--time", "-1"),
        ("run", "kv", "get", "{}", "--member", "Bob"),
        ("check", "kv", "--engine", "nosuch"),
        ("conformance", "kv", "--replicas", "1"),
        ("conformance", "kv", "--runs", "0"),
        ("conformance", "kv", "--calls", "100000"),
    ],
)
def test_wrong_usage_is_2(run, arguments):
    command, name, *rest = arguments
    ran = run("app", command, APPS / name / f"{name}.wasm", *rest)
    assert (ran.code, ran.out) == (2, "")
    one_line(ran)


@pytest.mark.parametrize("command", [("check",), ("run", "get"), ("conformance",)])
def test_file_that_is_not_there_is_4(run, tmp_path, command):
    name, *rest = command
    assert run("app", name, tmp_path / "nosuch.wasm", *rest).code == 4


@pytest.mark.parametrize("command", [("run", "get"), ("conformance",)])
def test_module_that_is_refused_is_6(run, tmp_path, command):
    path = tmp_path / "x.wasm"
    path.write_bytes(b"nothing")
    name, *rest = command
    ran = run("app", name, path, *rest)
    assert ran.code == 6
    assert "not-wasm" in one_line(ran)


def test_nothing_of_a_node_is_loaded():
    """These commands need no node, and what makes one takes a second and a half to load."""
    source = (
        "import sys; from covey.cli.main import run_command\n"
        f"code = run_command(['app', 'conformance', {str(APPS / 'kv/kv.wasm')!r}, '--runs', '1'])\n"
        "print(code, *sorted({'libp2p', 'litestar', 'hypercorn', 'httpx', 'covey.network',"
        " 'covey.node'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0", done.stderr
