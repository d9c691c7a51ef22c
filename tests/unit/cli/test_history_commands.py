"""`covey context log`, `proof` and `audit`, against a node that says what a test put there."""

from __future__ import annotations

import io
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
import trio
from rich.console import Console

from covey.api.schema import LogReply
from covey.cli.tables import log_table
from covey.errors import Refused
from covey.node import AuditRow, RefusedRow
from tests.integration.api.fake_node import FakeNode

AUTHOR = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
REFUSED = RefusedRow(
    delta="3f" * 32, author=AUTHOR, code="wrong-effects", reason="call 0 differs", size_bytes=300
)


def row(**changes: object) -> AuditRow:
    """A line of an audit, halfway."""
    values: dict[str, object] = {
        "deltas": 64, "of": 128, "calls": 64, "is_done": False, "holds": False, "digest": "",
        "delta": "", "author": "", "arrival": 0, "code": "", "reason": "",
    }  # fmt: skip
    return AuditRow(**(values | changes))  # type: ignore[arg-type]  # fields by name


ENDS_WELL = row(deltas=128, calls=128, is_done=True, holds=True, digest="ab" * 32)
ENDS_BADLY = row(
    is_done=True, delta="3f" * 32, author=AUTHOR, arrival=65, code="wrong-fuel", reason="too much"
)


def test_log_shows_what_was_refused_and_why(covey, node):
    node.node.refusals.append(REFUSED)
    told = covey("context", "log", "notes").out
    assert "refused delta" in told
    assert "wrong-effects: call 0 differs" in " ".join(told.split())
    (shown,) = covey("context", "log", "notes", "--json").json["refused"]
    assert shown == {
        "delta": "3f" * 32, "author": AUTHOR, "code": "wrong-effects", "reason": "call 0 differs",
        "size_bytes": 300,
    }  # fmt: skip


def test_log_without_refusals_says_nothing_of_them(covey):
    assert "refused" not in covey("context", "log", "notes").out


def test_log_marks_what_is_void(covey, node):
    """Who reads the table must not take it for what counts: the entries are not there."""
    row = node.run(node.node.apply)
    assert "void" not in covey("context", "log", "notes").out
    node.node.rows = [(1, row), (2, replace(row, void=True)), (3, replace(row, sequence=3))]
    out = covey("context", "log", "notes").out
    marked = [line for line in out.splitlines() if "void: 1 of set" in line]
    assert len(marked) == 1
    assert marked[0].split()[0] == "2"
    assert "void: it stays in the log, and counts for nothing" in out


def test_log_names_members_where_there_is_room(covey, node):
    """A device says little to people; in 80 columns there is no room for more."""
    node.run(node.node.apply)
    wide = covey("context", "log", "notes").out
    assert wide.split()[:5] == ["#", "time", "member", "author", "seq"]
    reply = msgspec.convert(covey("context", "log", "notes", "--json").json, LogReply, strict=False)
    console = Console(width=80, file=io.StringIO())
    console.print(log_table(reply))
    narrow = console.file.getvalue()
    assert "member" not in narrow
    assert "author" in narrow


def test_proof_is_the_signed_bytes(covey, node):
    node.node.refusals.append(REFUSED)
    assert covey("context", "proof", "notes", "3f" * 32).out == b"frame".hex() + "\n"
    missing = covey("context", "proof", "notes", "00" * 32)
    assert (missing.code, missing.out) == (4, "")


@pytest.mark.parametrize("command", ["audit", "watch"])
def test_who_waits_for_a_context_that_is_joining_is_told_why(covey, node, monkeypatch, command):
    """Ten seconds of nothing look like a hang; then the node refuses."""
    lines, is_said = [], threading.Event()

    def say(text: str) -> None:
        lines.append(text)
        is_said.set()

    @asynccontextmanager
    async def joining(*_: object) -> AsyncIterator[None]:
        await trio.to_thread.run_sync(is_said.wait, 20)
        raise Refused("not joined yet")
        yield

    monkeypatch.setattr("covey.cli.progress.PATIENCE_S", 0.001)
    monkeypatch.setattr("covey.cli.progress.say", say)
    monkeypatch.setattr(FakeNode, command, joining)
    node.node.waited_for = "its charter is on its way"
    ran = covey("context", command, "notes")
    assert (ran.code, ran.out) == (1, "")
    assert lines == [f"{command}ing notes … its charter is on its way"]


def test_audit_that_holds(covey, node):
    node.node.audited = [row(), ENDS_WELL]
    told = covey("context", "audit", "notes")
    assert told.code == 0
    assert told.out == (f"everything holds: 128 deltas, 128 calls run again, state {'ab' * 32}\n")
    assert covey("context", "audit", "notes", "--json").json["holds"] is True


def test_audit_names_the_first_delta_that_does_not_hold(covey, node):
    node.node.audited = [row(), ENDS_BADLY]
    told = covey("context", "audit", "notes")
    assert told.code == 1
    assert f"from delta {'3f' * 32} on, number 65 here" in told.out
    assert "wrong-fuel, too much" in told.out


def test_audit_of_a_state_that_differs_alone(covey, node):
    node.node.audited = [row(is_done=True, code="other-state", reason="another state")]
    told = covey("context", "audit", "notes")
    assert (told.code, told.out) == (1, "it does not hold: another state\n")


def test_audit_that_the_node_ends_is_no_success(covey, node):
    """Half an audit proves nothing."""
    node.node.audited = [row()]
    told = covey("context", "audit", "notes")
    assert told.code not in (0, 1)
    assert told.out == ""
