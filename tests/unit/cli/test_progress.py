"""What takes long says what it waits for, on standard error alone, and once where nobody looks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from covey.cli.progress import progress
from covey.cli.waits import reason_to_join, reason_to_wait
from tests.integration.api.fake_ids import CONTEXT_ID, FAR_TOPIC

PATIENCE_S = 20.0


class Said:
    """The lines that were said; `first` is set with the first."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.first = threading.Event()

    def __call__(self, text: str) -> None:
        self.lines.append(text)
        self.first.set()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """What is said by who waits no time at all."""
    lines = Said()
    monkeypatch.setattr("covey.cli.progress.PATIENCE_S", 0.001)
    monkeypatch.setattr("covey.cli.progress.say", lines)
    return lines


def several(*reasons: str) -> Iterator[str]:
    """Reasons in order, and the last one for ever."""
    yield from reasons
    while True:
        yield reasons[-1]


def test_off_a_terminal_it_is_one_line(said):
    """A log of a script must not fill with seconds."""
    with progress("joining", lambda: "nobody answers"):
        assert said.first.wait(PATIENCE_S)
    assert said.lines == ["joining … nobody answers"]


def test_without_a_reason_it_is_said_that_it_is_under_way(said):
    with progress("compiling"):
        assert said.first.wait(PATIENCE_S)
    assert said.lines == ["compiling …"]


def test_what_is_quick_says_nothing(said, monkeypatch):
    monkeypatch.setattr("covey.cli.progress.PATIENCE_S", 60.0)
    with progress("joining", lambda: "nobody answers"):
        pass
    assert said.lines == []


def test_between_results_only_a_reason_is_said(said):
    """A batch that goes on is not waiting: its own lines say so."""
    reasons = several("", "", "the fuel budget")
    with progress("calling", lambda: next(reasons), prints=True):
        assert said.first.wait(PATIENCE_S)
    assert said.lines == ["calling … the fuel budget"]


def test_on_a_terminal_a_line_is_drawn_anew_and_taken_away(said, monkeypatch, capsys):
    """Cut to the width of the terminal, or only its last row would go away."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    asked, twice = [], threading.Event()

    def reason() -> str:
        asked.append(None)
        if len(asked) == 3:
            twice.set()
        return "nobody answers " * 10

    with progress("joining", reason):
        assert twice.wait(PATIENCE_S)
    out, err = capsys.readouterr()
    drawn = err.split("\r\x1b[K")
    assert (out, said.lines) == ("", [])
    assert "joining … 0 s: nobody answers" in err
    assert len(drawn) >= 4
    assert drawn[-1] == ""
    assert max(map(len, drawn)) == 39


def test_a_node_that_hangs_does_not_hold_up_who_is_done(said, monkeypatch):
    """The reason is asked beside the command: nobody waits for it."""
    monkeypatch.setattr("covey.cli.progress._LAST_ANSWER_S", 0.001)
    is_asked, answers, is_over = threading.Event(), threading.Event(), threading.Event()

    def reason() -> str:
        is_asked.set()
        answers.wait(PATIENCE_S)
        is_over.set()
        return "too late"

    with progress("joining", reason):
        assert is_asked.wait(PATIENCE_S)
    answers.set()
    assert is_over.wait(PATIENCE_S)
    assert said.lines == []


def test_reason_is_the_nodes_own_word(node):
    """The node alone knows which address was tried and how much of a budget is left."""
    node.node.waited_for = "the fuel budget"
    assert reason_to_wait(node.home, "notes")() == "the fuel budget"
    assert reason_to_wait(node.home, "other")() == ""
    assert reason_to_join(node.home, CONTEXT_ID)() == "the fuel budget"
    assert reason_to_join(node.home, "/covey/1/notes")() == "the fuel budget"
    assert "knows this topic" in reason_to_join(node.home, FAR_TOPIC)()


def test_reason_of_a_node_that_is_gone_is_none(tmp_path):
    """The command itself says what is wrong."""
    assert reason_to_wait(tmp_path, "notes")() == ""
