"""What strangers named is shown, never obeyed."""

from __future__ import annotations

import json
import logging

import pytest
from rich.table import Table
from rich.text import Text

from covey.api.schema import PeerList, PeerReply
from covey.cli.output import emit_line, emit_raw, emit_shown, plain, say
from covey.cli.running import log_lines
from covey.cli.tables import peers_page

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


def test_json_cannot_command_the_terminal(capsysbinary: pytest.CaptureFixture[bytes]):
    """A result of an application is shown as it said it, and read by scripts unchanged."""
    said = {"name\x7f": HOSTILE, "text": "née", "list": ["\u2066", 1]}
    emit_raw(json.dumps(said, ensure_ascii=False).encode())
    out, _ = capsysbinary.readouterr()
    assert json.loads(out) == said
    shown = out.decode()
    assert "née" in shown
    assert plain(shown) == shown


def test_lines_stay_lines(capsys: pytest.CaptureFixture[str]):
    """What is drawn is written as it is, and ends with one line feed."""
    emit_shown(Text("one\ntwo"))
    assert capsys.readouterr().out == "one\ntwo\n"


def test_what_people_copy_is_not_broken_by_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """An address with a line break inside joins nobody: the terminal itself breaks long lines."""
    address = f"/ip4/192.0.2.2/tcp/38859/p2p/{'Q' * 52}"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    peer = PeerReply(
        peer_id="Q" * 52,
        address=address,
        direction="inbound",
        transport="tcp",
        since="2026-01-01",
        latency_ms=None,
        score=0.0,
        agent="",
        protocols=(),
        dht_server=False,
        contexts=(),
    )
    emit_shown(peers_page(PeerList(peers=(peer,)), {}))
    assert address in capsys.readouterr().out


def test_log_lines_tell_their_facts():
    """Why a request failed is a fact beside the message, and may be a stranger's words."""
    record = logging.makeLogRecord({"msg": "request failed", "error": "nobody\nanswered"})
    line = log_lines().format(record)
    assert line.endswith(r"request failed error='nobody\nanswered'")
