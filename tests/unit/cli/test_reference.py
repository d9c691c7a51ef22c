"""The reference names every command and route, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import trio

from covey.api.app import build_routes
from covey.api.schema import ERRORS
from covey.cli import exits
from tests.integration.api.fake_node import FakeNode
from tests.unit.cli.test_exits import COMMANDS, SHORT

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_every_command_is_in_the_reference():
    text = (REFERENCE / "cli.md").read_text("utf-8")
    named = set(re.findall(r"^\| `covey ((?:app |context )?[a-z]+)", text, re.MULTILINE))
    short = {f"context {name}" for name in SHORT}
    assert named == {" ".join(command) for command in COMMANDS} - short


def test_every_exit_code_is_in_the_reference():
    text = (REFERENCE / "cli.md").read_text("utf-8")
    named = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert named == {value for name, value in vars(exits).items() if name.isupper()}


def test_every_route_is_in_the_reference():
    text = (REFERENCE / "api.md").read_text("utf-8")
    named = set(re.findall(r"^\| `([A-Z]+ /v1\S+)`", text, re.MULTILINE))
    assert named == {
        f"{verb} {route.path_format}"
        for route in build_routes(FakeNode(), trio.Event()).routes
        for verb in route.methods - {"OPTIONS", "HEAD"}
        if route.path.startswith("/v1")
    }


def test_every_error_code_is_in_the_reference():
    text = (REFERENCE / "api.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| ([\d, ]+) \|", text, re.MULTILINE))
    assert set(rows) == {code for _, code, _ in ERRORS} | {"usage", "too-large"}
    assert [code for _, code, status in ERRORS if str(status) not in rows[code]] == []
