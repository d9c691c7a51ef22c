"""Runs command lines in this process, against a fake node where one is wanted."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from covey.cli.main import run_command
from tests.integration.api.served import ServedNode, served


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """The one JSON line it printed."""
        (line,) = self.out.splitlines()
        return json.loads(line)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command line; stdin: what it may read."""
    monkeypatch.delenv("COVEY_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("covey.cli.progress.PATIENCE_S", 60.0)  # a busy machine adds no lines
    monkeypatch.setattr("covey.cli.bar._PATIENCE_S", 60.0)

    def run_one(*arguments: str | Path, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run_command([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run_one


@pytest.fixture
def node(tmp_path: Path) -> Iterator[ServedNode]:
    """A fake node that runs."""
    with served(tmp_path / "home") as running:
        yield running


@pytest.fixture
def covey(run: Run, node: ServedNode) -> Run:
    """Run one command line on the home of the fake node."""

    def run_there(*arguments: str | Path, stdin: bytes = b"") -> Ran:
        return run(*arguments, "--home", node.home, stdin=stdin)

    return run_there
