"""Scenarios in files: what may be left out, and one line with its place for whatever is wrong."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from covey.errors import ConfigError, NodeError, NotFound, StoreError
from covey.testkit import bounds
from covey.testkit.sim import (
    ARENA,
    builtin_names,
    load_application,
    load_scenario,
    parse_scenario,
    plan_of,
    simulate,
)
from covey.testkit.sim.application import name_of
from covey.testkit.sim.faults import KINDS, MISDEEDS
from covey.testkit.sim.scenario import parse_seeds

WRONG = {
    "no TOML": ('name = "x"\nnodes = [3, 5', 2, "this is no TOML"),
    "no value": ('name = "x"\nnodes\n', "2:6", "this is no TOML: Expected '='"),
    "twice": ('name = "x"\n\nname = "y"\n', "3:11", "this is no TOML: Cannot overwrite a value"),
    "too many digits": (f'name = "x"\ndegree = {"1" * 5000}\n', 2, "this is no TOML"),
    "too deep": (f'name = "x"\n\ndegree = {"[" * 5000}', 3, "this is nested too deeply"),
    "no UTF-8": (b'name = "x"\n# caf\xe9\n', 2, "this is no UTF-8 text"),
    "empty": ("", 1, "name is missing"),
    "no name": ("nodes = [3, 5]\n", 1, "name is missing"),
    "name for a path": ('name = "../../x"\n', 1, "name has 1 to 64 letters"),
    "name of nothing": ('name = ""\n', 1, "name has 1 to 64 letters"),
    "unknown field": ('name = "x"\n\nnodez = [3, 5]\n', 3, "no field 'nodez' here; there are name"),
    "unknown field below": (
        'name = "x"\n[workload]\nbatch = [1, 2]\ncals = [1, 2]\n',
        4,
        "no field 'cals' here; there are calls, batch, keys, application",
    ),
    "unknown field inline": (
        'name = "x"\n\nworkload = { cals = [1, 2] }\n',
        3,
        "no field 'cals' here; there are calls",
    ),
    "unknown dotted field": (
        'name = "x"\nworkload.calls = [1, 2]\nworkload.cals = [1, 2]\n',
        3,
        "no field 'cals' here",
    ),
    "unknown field of lines": ('name = "x"\n"a\\nb" = 1\n', 2, "there is no field 'a\\nb' here"),
    "text for a number": ('name = "x"\ndegree = "many"\n', 2, "degree: Expected int, got str"),
    "number for a text": ("name = 5\n", 1, "name: Expected str, got int"),
    "number for a pair": ('name = "x"\nnodes = 3\n', 2, "got int; write [3, 3]"),
    "number for a list": ('name = "x"\ndelay_s = 0.5\n', 2, "got float; write [0.5]"),
    "number below": ('name = "x"\n[workload]\ncalls = 9\n', 3, "got int; write [9, 9]"),
    "founders unsaid": (
        'name = "x"\nnodes = [1, 1]\n',
        2,
        "2 founders are more than 1 node; founders is [1, 2] where a file does not say it",
    ),
    "three for a pair": ('name = "x"\nnodes = [1, 2, 3]\n', 2, "Expected array of length 2, got 3"),
    "text in a list": (
        'name = "x"\ndelay_s = [\n  0.1,\n  "long",\n]\n',
        2,
        "delay_s: Expected float, got str",
    ),
    "number for a table": ('name = "x"\nfaults = 3\n', 2, "faults: Expected table, got int"),
    "tables for a table": ('name = "x"\n\n[[workload]]\n', 3, "workload: Expected table"),
    "too few": ('name = "x"\nnodes = [0, 5]\n', 2, "nodes: Expected int >= 1"),
    "too many": ('name = "x"\nnodes = [5, 2001]\n', 2, "nodes: Expected int <= 2000"),
    "too long": ('name = "x"\nhealing_s = 3601\n', 2, "healing_s: Expected float <= 3600.0"),
    "no time": ('name = "x"\nhealing_s = 0\n', 2, "healing_s: Expected float > 0.0"),
    "no number": ('name = "x"\nhealing_s = nan\n', 2, "healing_s: Expected float > 0.0"),
    "no end": ('name = "x"\nlasts_s = [1, inf]\n', 2, "lasts_s: Expected float <= 3600.0"),
    "too many calls": (
        'name = "x"\n[workload]\n# much\ncalls = [1, 100001]\n',
        4,
        "workload.calls: Expected int <= 100000",
    ),
    "unknown fault": (
        'name = "x"\n[faults]\nloss = 0.5\nplague = 0.5\n',
        4,
        "there is no fault 'plague'; there are loss,",
    ),
    "unknown fault inline": (
        'name = "x"\n\nfaults = { loss = 0.5, plague = 0.5 }\n',
        3,
        "there is no fault 'plague'",
    ),
    "unknown dotted fault": (
        'name = "x"\nfaults.loss = 0.5\nfaults."plague" = 0.5\nfaults.kill = 0.5\n',
        3,
        "there is no fault 'plague'",
    ),
    "share above one": (
        'name = "x"\n[faults]\ndefault = 0.4\nloss = 1.5\n',
        4,
        "faults.loss is a share from 0 to 1, not 1.5",
    ),
    "share below zero": (
        'name = "x"\nfaults.default = 0.4\nfaults.power-cut = -1\n',
        3,
        "faults.power-cut is a share from 0 to 1, not -1",
    ),
    "share of words": (
        'name = "x"\n[faults]\nloss = "often"\n',
        3,
        "faults.loss is a share from 0 to 1, not 'often'",
    ),
    "share of truth": (
        'name = "x"\n[faults]\nkill = true\n',
        3,
        "faults.kill is a share from 0 to 1, not True",
    ),
    "unknown misdeed": (
        'name = "x"\nmisdeeds = ["steal", "gossip"]\n',
        2,
        "there is no misdeed 'gossip'; there are steal,",
    ),
    "no misdeed": ('name = "x"\nmisdeeds = []\n', 2, "misdeeds needs one item at least"),
    "no delay": ('name = "x"\ndelay_s = []\n', 2, "delay_s needs one item at least"),
    "no keys": (
        'name = "x"\n[workload]\ncalls = [1, 2]\nkeys = []\n',
        4,
        "workload.keys needs one item at least",
    ),
    "nodes turned round": ('name = "x"\nnodes = [5, 3]\n', 2, "nodes goes from 5 down to 3"),
    "times turned round": ('name = "x"\nlasts_s = [9.5, 2]\n', 2, "lasts_s goes from 9.5 down to"),
    "calls turned round": (
        'name = "x"\n\n[workload]\nbatch = [1, 2]\ncalls = [9, 2]\n',
        5,
        "workload.calls goes from 9 down to 2: turn them round",
    ),
    "calls turned round inline": (
        'name = "x"\n\nworkload = { batch = [1, 2], calls = [9, 2] }\n',
        3,
        "workload.calls goes from 9 down to 2",
    ),
    "calls turned round dotted": (
        'name = "x"\nworkload.calls = [9, 2]\nworkload.batch = [1, 2]\n',
        2,
        "workload.calls goes from 9 down to 2",
    ),
    "too many founders": (
        'name = "x"\nnodes = [3, 5]\nfounders = [1, 4]\n',
        3,
        "4 founders are more than 3 nodes",
    ),
    "too few nodes": ('name = "x"\nnodes = [1, 5]\n', 2, "2 founders are more than 1 node"),
    "seeds of words": ('name = "x"\nseeds = "all"\n', 2, "the seeds are a range such as 1..1000"),
    "seeds turned round": ('name = "x"\nseeds = "9..2"\n', 2, "the seeds go from 9 down to 2"),
}


@pytest.mark.parametrize(("text", "line", "what"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(text: str | bytes, line: int | str, what: str) -> None:
    """With file and line, and in words by which it can be put right."""
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ConfigError) as caught:
        parse_scenario(content, "mine.toml")
    said = str(caught.value)
    assert said.startswith(f"mine.toml:{line}: ")
    assert what in said
    assert "\n" not in said
    assert "`" not in said


def test_file_that_is_too_large_is_refused() -> None:
    """Before it is read: TOML is slow."""
    content = b"#" * (bounds.SIM_SCENARIO_BYTES_MAX + 1)
    with pytest.raises(ConfigError, match=r"^mine\.toml: a scenario has 65536 bytes at most$"):
        parse_scenario(content, "mine.toml")
    with pytest.raises(ConfigError, match="name is missing"):
        parse_scenario(content[:-1], "mine.toml")


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("nope.toml", NotFound, "there is no scenario {path}: name a file, or one of"),
        (".", StoreError, "{path} is a directory, not a file"),
        ("x" * 300, StoreError, "{path} cannot be read: File name too long"),
        ("large.toml", ConfigError, "{path} is larger than 65536 bytes"),
        ("bad.toml", ConfigError, "{path}:1: name is missing"),
    ],
)
def test_file_that_is_no_scenario_is_refused(
    tmp_path: Path, name: str, kind: type[NodeError], what: str
) -> None:
    """What is not there, cannot be read or is something else; the exit code follows the kind."""
    (tmp_path / "large.toml").write_bytes(b"#" * (bounds.SIM_SCENARIO_BYTES_MAX + 1))
    (tmp_path / "bad.toml").write_bytes(b"")
    path = str(tmp_path / name)
    with pytest.raises(kind) as caught:
        load_scenario(path)
    assert str(caught.value).startswith(what.format(path=path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("faults.loss." + ".".join("a" * 20_000) + " = 1\n", ":2: this is nested too deeply"),
        (
            f'[faults]\nloss = "{"z" * 60_000}"\n',
            ":3: faults.loss is a share from 0 to 1, not 'zzz",
        ),
        ('"a\\nb" = 1\n', ":2: there is no field 'a\\nb' here"),
        ('"x - at `$.y" = 1\n', ":2: there is no field 'x - at `$.y' here"),
    ],
)
def test_what_somebody_wrote_is_repeated_on_one_short_line(text: str, said: str) -> None:
    """And soon: one such file took eleven seconds, and another line had 60,000 characters."""
    began_s = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        parse_scenario(f'name = "x"\n{text}'.encode(), "x.toml")
    assert str(caught.value).startswith(f"x.toml{said}"), str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_100
    assert time.monotonic() - began_s < 2


def test_file_of_the_arena_s_name_is_another_application(tmp_path: Path) -> None:
    """Which calls are drawn is decided by where it comes from."""
    tally = Path(__file__).parents[4] / "apps" / "tally" / "tally.wasm"
    shutil.copy(tally, tmp_path / "arena.wasm")
    shutil.copy(tally, tmp_path / "arena")
    (tmp_path / "x.toml").write_text('name = "x"\nworkload.application = "./arena"\n')
    scenario = load_scenario(str(tmp_path / "x.toml"))
    for name in (str(tmp_path / "arena.wasm"), scenario.workload.application):
        application = load_application(name)
        assert (application.name, application.is_arena) == ("arena", False)
        plan = plan_of(scenario, 1, application)
        assert "play" not in {call.method for each in plan.submissions for call in each.calls}
    assert load_application(ARENA).is_arena
    assert name_of(Path("./arena")) == "./arena"
    assert name_of(Path("some/arena")) == "some/arena"


def test_all_but_the_name_may_be_left_out() -> None:
    """Then there are no faults."""
    scenario = parse_scenario(b'name = "x"', "x.toml")
    assert {scenario.share(kind) for kind in KINDS} == {0.0}
    plan = plan_of(scenario, 1, load_application(ARENA))
    assert plan.faults == ()


def test_faults_that_are_not_named_have_the_default() -> None:
    """And those that are named have what is said of them."""
    scenario = parse_scenario(b'name = "x"\nfaults = { default = 0.4, kill = 0 }', "x.toml")
    assert scenario.share("kill") == 0
    assert {scenario.share(kind) for kind in KINDS if kind != "kill"} == {0.4}


def test_application_is_looked_for_beside_the_scenario(tmp_path: Path) -> None:
    """Wherever the command is run; one that comes with covey has no place."""
    (tmp_path / "mine.toml").write_text('name = "x"\nworkload.application = "kv.covey"\n')
    (tmp_path / "other.toml").write_text('name = "x"\nworkload.application = "/apps/kv.covey"\n')
    (tmp_path / "plain.toml").write_text('name = "x"\n')
    found = [
        load_scenario(str(tmp_path / f"{name}.toml")).workload.application
        for name in ("mine", "other", "plain")
    ]
    assert found == [str(tmp_path / "kv.covey"), "/apps/kv.covey", ARENA]


def test_scenarios_that_come_with_covey_can_be_drawn() -> None:
    """By their names; each is called what its file is."""
    assert {"everything", "quick"} <= set(builtin_names())
    for name in builtin_names():
        scenario = load_scenario(name)
        assert scenario.name == name
        parse_seeds(scenario.seeds)


def test_scenario_for_ci_holds_every_fault() -> None:
    """A kind that is left out there is left out everywhere."""
    scenario = load_scenario("quick")
    assert min(scenario.share(kind) for kind in KINDS) > 0
    assert scenario.misdeeds == MISDEEDS


@pytest.mark.parametrize(
    "text", ["nodes = [1, 1]\nfounders = [1, 1]\n", "lasts_s = [0.1, 0.5]\n", "degree = 1\n"]
)
def test_smallest_worlds_run(text: str) -> None:
    """One node, half a second, one neighbour: what a scenario may say must be possible."""
    whole = f'name = "x"\n{text}workload.calls = [3, 3]\nfaults.default = 0.9\n'
    scenario, arena = parse_scenario(whole.encode(), "x.toml"), load_application(ARENA)
    for seed in range(1, 6):
        plan = plan_of(scenario, seed, arena)
        plan.check("what was drawn")
        assert simulate(plan, arena).finding is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1..3", range(1, 4)), (" 7 ", range(7, 8)), ("0..0", range(1)), ("5..5", range(5, 6))],
)
def test_seeds_are_a_range_or_one(text: str, wanted: range) -> None:
    """Both ends included, as people count."""
    assert parse_seeds(text) == wanted
