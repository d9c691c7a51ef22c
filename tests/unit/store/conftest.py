"""A store with rows in tables and log, and a process of its own to write another."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import covey
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store import open_level

Child = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def child() -> Child:
    """Start Python source in another process that can import covey; arguments follow."""

    def start(source: str, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(Path(covey.__file__).parents[1])}
        return subprocess.Popen(
            [sys.executable, "-c", source, *arguments],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def value_of(number: int) -> bytes:
    """The value of a filled row: it does not compress, so only a checksum notices a change."""
    return hashlib.sha256(b"%d" % number).digest()


@pytest.fixture
def rows() -> list[tuple[tuple[int], bytes]]:
    """What a filled store holds, as a scan gives it."""
    return [((number,), value_of(number)) for number in range(3_010)]


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """The folder of a closed store: 3,000 rows in a table, then 10 in the log."""
    folder = tmp_path / "store"
    scope = ContextId(b"a" * 36)
    for numbers in (range(3_000), range(3_000, 3_010)):
        # Opening writes what the log held into a table.
        store = open_level(folder)
        writes = tuple(Write(Table.LOG, (number,), value_of(number)) for number in numbers)
        store.write([ScopedWrites(scope, writes)], durable=True)
        store.close()
    return folder
