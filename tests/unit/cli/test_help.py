"""Help says what was written, letter for letter: people copy it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from covey.cli.output import emit_shown
from tests.unit.cli.test_exits import COMMANDS, GROUPS

ROOT = Path(__file__).parents[3]
EVERY = [[], *([group] for group in sorted(GROUPS)), *COMMANDS]


@pytest.mark.parametrize("command", EVERY, ids=lambda command: " ".join(command) or "covey")
def test_help_has_no_pictures(run, command):
    """`did:key:z6Mk…` was shown with a picture of a key in it, which no command takes."""
    ran = run(*command, "--help")
    assert ran.code == 0
    assert set(re.findall(r"[^\x20-\x7e\n]", ran.out)) <= {"…"}


@pytest.mark.parametrize("command", [["context", "role"], ["context", "tighten"]])
def test_help_names_keys_as_they_are_given(run, command):
    """Else the test above would hold of help without any."""
    assert "did:key:z6Mk…" in run(*command, "--help").out


def test_examples_stay_on_their_lines(run, monkeypatch):
    """Whatever the width of the terminal: a line that was broken is no command."""
    monkeypatch.setenv("COLUMNS", "60")
    ran = run("context", "tighten", "--help")
    example = "--quorum 2 --key did:key:z6Mk… --key did:key:z6Mk… --notice 3d"
    assert f"    $ covey context tighten notes {example}\n" in ran.out


def test_list_of_commands_is_not_cut(run, monkeypatch):
    """The first sentence of each command stands there whole."""
    monkeypatch.setenv("COLUMNS", "80")
    text = " ".join(run("context", "--help").out.split())
    assert "Found a context of an installed application; this node is its first member." in text
    assert "..." not in text.partition("Commands:")[2]


def test_results_have_no_pictures(capsys: pytest.CaptureFixture[str]):
    """Names come from strangers, and `:key:` is as good a name as any."""
    table = Table(":key: [bold]")
    table.add_row("did:key:z6Mk… :smile: [red]x[/red]")
    emit_shown(table)
    emit_shown(Text("did:key:z6Mk…"))
    out = capsys.readouterr().out
    assert ":key: [bold]" in out
    assert "did:key:z6Mk… :smile: [red]x[/red]" in out
    assert out.endswith("did:key:z6Mk…\n")


def test_every_console_is_told_to_draw_no_pictures():
    """It would by itself."""
    sources = [path for top in ("src", "scripts", "bench") for path in (ROOT / top).rglob("*.py")]
    calls = [
        (path.name, call)
        for path in sources
        for call in re.findall(r"\bConsole\(([^)]*\)?[^)]*)\)", path.read_text("utf-8"))
    ]
    assert calls
    assert [name for name, call in calls if "emoji=False" not in call] == []
