"""A writer killed at any moment: what it acknowledged is there, and no batch is half there."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import plyvel
import pytest

from covey.model.ids import ContextId
from covey.model.view import Table
from covey.store import keys, open_level

ALPHA = ContextId(b"a" * 36)
BETA = ContextId(b"b" * 36)
ROWS_PER_BATCH = 7

# Each batch writes the same rows to two contexts and says its number once it is durable.
WRITER = """
import sys
from pathlib import Path
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store import open_level
store = open_level(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    rows = tuple(Write(Table.CHAIN, (bytes(32), number, bytes([row]) * 32), bytes(3_000))
                 for row in range(7))
    last = Write(Table.META, (b"last",), b"%d" % number)
    store.write([ScopedWrites(ContextId(b"a" * 36), rows + (last,)),
                 ScopedWrites(ContextId(b"b" * 36), rows)], durable=number % 3 != 0)
    if number % 3 != 0:
        print(number, flush=True)
    number += 1
"""


def test_kill_at_any_moment_loses_and_tears_nothing(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
) -> None:
    """Twenty kills on one store, through log changes and compactions."""
    rng = random.Random(20)
    following = 0
    for _ in range(20):
        acknowledged = following - 1
        with child(WRITER, str(tmp_path / "store"), str(following)) as writer:
            assert writer.stdout is not None
            for _ in range(rng.randrange(1, 60)):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
            # What it said before it died counts too; a line cut short does not.
            lines = writer.stdout.read().splitlines(keepends=True)
            whole = [int(line) for line in lines if line.endswith("\n")]
            acknowledged = max([acknowledged, *whole])
        found = batches_found(tmp_path / "store")
        assert len(found) > acknowledged
        assert found == dict.fromkeys(range(len(found)), (ROWS_PER_BATCH, ROWS_PER_BATCH))
        following = len(found)


def batches_found(folder: Path) -> dict[int, tuple[int, int]]:
    """Number of a batch -> its rows in each context."""
    store = open_level(folder)
    counts: dict[int, list[int]] = {}
    for place, scope in enumerate((ALPHA, BETA)):
        for (_, number, _), value in store.reader(scope).scan(Table.CHAIN):
            assert isinstance(number, int)
            assert value == bytes(3_000)
            counts.setdefault(number, [0, 0])[place] += 1
    last = store.reader(ALPHA).get(Table.META, (b"last",))
    store.close()
    assert last == b"%d" % (len(counts) - 1)
    return {number: (count[0], count[1]) for number, count in counts.items()}


DROPPER = """
import sys
from pathlib import Path
from covey.model.ids import ContextId
from covey.store import open_level
store = open_level(Path(sys.argv[1]))
apply = store._engine.apply
def slow(changes, *, durable):
    apply(changes, durable=durable)
    print(len(changes), flush=True)
    sys.stdin.readline()
store._engine.apply = slow
store.drop(ContextId(b"a" * 36))
"""


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_drop_killed_midway_is_finished_at_opening(
    filled: Path, child: Callable[..., subprocess.Popen[str]], steps: int
) -> None:
    """A context half removed from the disk must not come back as a damaged one."""
    with child(DROPPER, str(filled)) as dropper:
        assert dropper.stdout is not None
        assert dropper.stdin is not None
        for _ in range(steps - 1):
            assert dropper.stdout.readline()
            dropper.stdin.write("go on\n")
            dropper.stdin.flush()
        assert dropper.stdout.readline()
        dropper.kill()
    store = open_level(filled)
    assert list(store.reader(ALPHA).scan(Table.LOG)) == []
    store.close()
    database = plyvel.DB(str(filled))
    stored = [key for key, _ in database]
    database.close()
    assert stored == [keys.SCHEMA_KEY, keys.COUNTER_KEY]
