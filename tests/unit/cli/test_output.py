"""What strangers named is shown, never obeyed."""

from __future__ import annotations

import pytest
from rich.table import Table
from rich.text import Text

from covey.cli.output import emit_line, emit_shown, say

HOSTILE = "a\x1b]0;owned\x07b\x9b2Jc\u202ed"
SHOWN = "a\ufffd]0;owned\ufffdb\ufffd2Jc\ufffdd"


def test_names_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]):
    """A method's, a peer's or an application's name may hold any characters."""
    table = Table("name")
    table.add_row(HOSTILE)
    emit_shown(table)
    emit_shown(Text(HOSTILE))
    emit_line(HOSTILE)
    say(HOSTILE)
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\x9b" not in out + err
    assert "\u202e" not in out + err
    assert out.endswith(f"{SHOWN}\n")
    assert err == f"covey: {SHOWN}\n"


def test_lines_stay_lines(capsys: pytest.CaptureFixture[str]):
    """What is drawn is written as it is, and ends with one line feed."""
    emit_shown(Text("one\ntwo"))
    assert capsys.readouterr().out == "one\ntwo\n"
