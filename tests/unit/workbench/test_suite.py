"""An application's tests are read strictly, and what differs is said exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.workbench.files import read_application
from covey.workbench.people import People
from covey.workbench.suite import json_of, read_suite
from covey.workbench.suite_run import TestRow, run_suite
from covey.workbench.trial import Trial
from tests.unit.workbench.planted import GUARDED, STOCK, TRAPS, application

APPS = Path(__file__).parents[3] / "apps"
STOCK_SUITE = """
[[test]]
name = "sell what there is"
state = { count = { k = 1 } }

[[test.step]]
call = "sell"
expect.result = 'null'
expect.effects = [{ op = "add", collection = "count", key = "k", amount = -1 }]

[[test.step]]
call = "sell"
expect.failure = "refused"
expect.message = "sold out"

[test.after]
count = { k = 0 }
"""


@pytest.fixture(scope="module")
def stock() -> Trial:
    return Trial(application(STOCK), "wasmtime", People())


def run_one(text: str, trial: Trial) -> TestRow:
    (row,) = run_suite(read_suite(text.encode(), "tests.toml"), trial)
    return row


def test_what_validate_refuses_is_a_refusal():
    """A test need not know which of the two said no."""
    assert run_one(STOCK_SUITE, Trial(application(GUARDED), "wasmtime", People())).passed


def test_suite_that_is_right_passes(stock):
    row = run_one(STOCK_SUITE, stock)
    assert (row.name, row.passed, row.steps) == ("sell what there is", True, 2)
    assert row.differences == ()
    assert row.fuel > 0


@pytest.mark.parametrize(
    ("was", "now", "what", "lines"),
    [
        ("'null'", "'1'", "the result differs", ("- 1", "+ null")),
        ("amount = -1", "amount = -2", "the effects differ", None),
        ('"refused"\n', '"trap"\n', "it failed otherwise", ("- trap", "+ refused: sold out")),
        ('"sold out"', '"gone"', "the message differs", ("- gone", "+ sold out")),
        ("expect.failure", "expect.fuel_max = 1\nexpect.failure", "it used more fuel", None),
        ("expect.failure", "expect.log = ['x']\nexpect.failure", "the log differs", None),
        ("k = 0", "k = 1", "count holds something else", ('- {"k": 1}', '+ {"k": 0}')),
        ("k = 0", "j = 0", "count holds something else", ('- {"j": 0}', '+ {"k": 0}')),
        (
            "expect.result = 'null'",
            "expect.events = [{ name = 'e' }]",
            "the events differ",
            None,
        ),
        ("k = 1", "k = 5", "it completed", ("- refused", "+ completed: null")),
    ],
)
def test_each_difference_is_found(stock, was, now, what, lines):
    """A suite that cannot fail is worse than none."""
    assert was in STOCK_SUITE
    row = run_one(STOCK_SUITE.replace(was, now, 1), stock)
    assert not row.passed
    found = {difference.what: difference.lines for difference in row.differences}
    assert what in found
    assert found[what]
    if lines is not None:
        assert found[what] == lines


def test_step_that_fails_unexpectedly_says_how(stock):
    row = run_one('[[test]]\nname = "t"\nstep = [{ call = "sell" }]', stock)
    (difference,) = row.differences
    assert (difference.step, difference.method) == (1, "sell")
    assert difference.lines == ("- completed", "+ refused: sold out")


def test_failed_step_changes_nothing_and_the_next_one_runs(stock):
    text = """
    [[test]]
    name = "t"
    step = [{ call = "sell" }, { call = "restock" }, { call = "sell" }]
    after = { count = { k = 0 } }
    """
    row = run_one(text, stock)
    assert [difference.step for difference in row.differences] == [1]


def test_long_results_are_shown_by_line(stock):
    long = "{ " + ", ".join(f"k{n} = {n}" for n in range(20)) + " }"
    row = run_one(STOCK_SUITE.replace("'null'", long), stock)
    (difference,) = row.differences
    assert "+ null" in difference.lines
    assert '-   "k7": 7,' in difference.lines


def test_numbers_and_truth_are_not_confused(stock):
    """In Python 1 == True == 1.0; for a reader of the result they differ."""
    text = '[[test]]\nname = "t"\nstep = [{ query = "left", expect.result = %s }]'
    assert run_one(text % "true", stock).passed
    assert not run_one(text % "1", stock).passed
    assert not run_one(text % "'1.0'", stock).passed


@pytest.mark.parametrize(
    ("text", "line", "about"),
    [
        ("[[test]]\nname = 1", 1, "str"),
        ("[[test]]\nstep = []", 1, "name"),
        ('[[test]]\nname = "t"\n[[test.step]]\ncal = "x"', 4, "unknown field `cal`"),
        (
            '[[test]]\nname="a"\nstep=[]\n[[test]]\nname="b"\n[[test.step]]\ncall="x"\n'
            '[[test.step]]\ncall="y"\nexpect.resutl = 1',
            10,
            "resutl",
        ),
        ('[[test]]\nname = "t"\n[[test.step]]\nas = "bob"', 3, "either `call` or `query`"),
        ('[[test]]\nname = "t"\n[[test.step]]\ncall = "a"\nquery = "a"', 3, "either"),
        (
            '[[test]]\nname = "t"\n[[test.step]]\ncall = "a"\nexpect.failure = "no"',
            3,
            "no failure `no`",
        ),
        (
            '[[test]]\nname = "t"\n[[test.step]]\ncall = "a"\nexpect.failure = "trap"\n'
            "expect.result = 1",
            3,
            "no result",
        ),
        (
            '[[test]]\nname = "t"\n[[test.step]]\ncall = "a"\nexpect.message = "x"',
            3,
            "no message",
        ),
        ('[[test]]\nname = "t"\n[[test.step]]\ncall = "a"\ntime_ms = -1', 3, "milliseconds"),
    ],
)
def test_mistake_in_a_suite_is_told_with_its_line(text, line, about):
    """A misspelt expectation would otherwise be one that always holds."""
    with pytest.raises(ConfigError, match=about) as refused:
        read_suite(text.encode(), "tests.toml")
    assert str(refused.value).startswith(f"tests.toml, line {line}: ")


@pytest.mark.parametrize(
    "content",
    [b"[[test]", b"\xff", b"test = 1", b"nosuch = 1", b"[conformance]\nnosuch = 1", b"a" * 100],
)
def test_what_is_no_suite_is_refused(content):
    with pytest.raises(ConfigError, match=r"tests\.toml"):
        read_suite(content, "tests.toml")


@pytest.mark.parametrize(
    ("step", "about"),
    [
        ('query = "sell"', "is a call"),
        ('call = "left"', "is a query"),
        ('call = "sell", args = "{"', "no JSON"),
        ('call = "sell", as = "Bob"', "no name of a member"),
        ('call = "sell", expect.result = "x"', "no JSON"),
        ('call = "sell", args = 1979-05-27', "no form in JSON"),
    ],
)
def test_step_that_cannot_be_run_is_told_with_its_test(stock, step, about):
    text = f'[[test]]\nname = "the name"\nstate.count.k = 1\nstep = [{{ {step} }}]'
    with pytest.raises(ConfigError, match=f"test 1, 'the name'.*{about}"):
        run_suite(read_suite(text.encode(), "tests.toml"), stock)


def test_arguments_may_be_json_or_toml():
    """TOML has no null."""
    assert json_of('{"a": null}') == b'{"a": null}'
    assert json_of({"a": [1, "b"]}) == b'{"a":[1,"b"]}'
    trial = Trial(application(TRAPS), "wasmtime", People())
    text = '[[test]]\nname = "t"\nstep = [{ call = "set", args = %s }]'
    assert run_one(text % "'{\"n\":1}'", trial).passed
    assert run_one(text % "{ n = 1 }", trial).passed
    assert not run_one(text % '\'{"n": 1, "m": 2}\'', trial).passed


def test_file_that_is_no_application_is_refused_as_such():
    with pytest.raises(ConfigError, match="bundle"):
        read_application("x.covey", b"nothing")
    with pytest.raises(ConfigError, match="not-wasm"):
        Trial(read_application("x.wasm", b"nothing"), "wasmtime", People())


@pytest.mark.parametrize("path", sorted(APPS.glob("tally*/*.wasm")), ids=lambda path: path.stem)
def test_tally_keeps_its_promises_in_every_language(path):
    """The same tests, word for word, on what each compiler makes of the same application."""
    suite = read_suite((APPS / "tally" / "tests.toml").read_bytes(), "tests.toml")
    trial = Trial(read_application(path.name, path.read_bytes()), "wasmtime", People())
    assert [row for row in run_suite(suite, trial) if not row.passed] == []
