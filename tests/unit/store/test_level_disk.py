"""A disk that takes no more: the write fails whole, and writing stops until opened anew."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import plyvel
import pytest

from covey.errors import StoreError
from covey.model.ids import ContextId
from covey.model.view import Table
from covey.store import open_level
from covey.store.failures import explained

ALPHA = ContextId(b"a" * 36)

# A file size limit fails a write in the same place as a full disk, and needs no rights.
FILLER = """
import resource, sys
from pathlib import Path
from covey.errors import StoreError
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store import open_level
scope = ContextId(b"a" * 36)
store = open_level(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
number = 0
def put(number):
    writes = tuple(Write(Table.CHAIN, (bytes(32), number, bytes([row]) * 32), bytes(2_000))
                   for row in range(10))
    store.write([ScopedWrites(scope, writes)], durable=True)
try:
    while True:
        put(number)
        number += 1
except StoreError as error:
    print(error)
rows = sum(1 for _ in store.reader(scope).scan(Table.CHAIN))
assert rows == number * 10, (rows, number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
try:
    put(number + 1)
except StoreError as error:
    print(error)
print(number)
store.close()
"""

FULL_FROM_THE_START = """
import resource, sys
from pathlib import Path
from covey.errors import StoreError
from covey.store import open_level
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    open_level(Path(sys.argv[1]))
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("limit_bytes", [300_000, 1_234_567])
def test_full_disk_fails_the_write_and_stops_writing(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]], limit_bytes: int
) -> None:
    """Acknowledged batches are kept, the failed one leaves nothing, and nothing follows it."""
    folder = tmp_path / "store"
    with child(FILLER, str(folder), str(limit_bytes)) as process:
        said, trouble = process.communicate()
    assert process.returncode == 0, trouble
    failure, refusal, count = said.splitlines()
    assert failure == (
        f"the disk of the store {folder} is full: free some space and start the node again"
    )
    assert refusal.startswith("nothing more is written since a write failed: the disk")
    store = open_level(folder)
    found = [key[1] for key, _ in store.reader(ALPHA).scan(Table.CHAIN)]
    store.close()
    assert found == [number for number in range(int(count)) for _ in range(10)]


def test_disk_full_at_opening_is_said_so(
    tmp_path: Path, child: Callable[..., subprocess.Popen[str]]
) -> None:
    """The first start on a full disk gives the sentence, not a trace."""
    folder = tmp_path / "store"
    with child(FULL_FROM_THE_START, str(folder)) as process:
        said, trouble = process.communicate()
    assert process.returncode == 0, trouble
    assert "is full: free some space" in said
    open_level(folder).close()


def test_batch_that_breaks_off_is_not_written(tmp_path: Path) -> None:
    """plyvel writes what a batch has so far when its block raises, unless told otherwise."""
    engine = open_level(tmp_path / "store")._engine
    with pytest.raises(TypeError):
        engine.apply([(b"first", b"x"), (b"second", 5)], durable=True)  # type: ignore[list-item]
    assert engine.get(b"first") is None
    engine.close()


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (OSError(28, os.strerror(28)), "is full"),
        (OSError(30, os.strerror(30)), "cannot be written"),
        (OSError(13, os.strerror(13)), "cannot be written"),
        (OSError(5, os.strerror(5)), "failed (Input/output error): check the disk"),
        (plyvel.IOError(b"IO error: /s/LOCK: Permission denied"), "cannot be written"),
        (plyvel.IOError(b"IO error: /s/000005.log: No space left on device"), "is full"),
        (plyvel.IOError(b"IO error: /s/000005.ldb: Input/output error"), "failed (/s/000005.ldb"),
        (
            plyvel.IOError(b"IO error: lock /s/LOCK: Resource temporarily unavailable"),
            "already in use by another covey node",
        ),
        (plyvel.CorruptionError(b"Corruption: bad block"), "is damaged (bad block)"),
        (plyvel.Error(b"Invalid argument: strange"), "failed (Invalid argument: strange)"),
    ],
)
def test_each_failure_has_one_sentence(raised: Exception, sentence: str) -> None:
    """Whoever runs the node learns what to do, without LevelDB's own words to puzzle over."""
    with pytest.raises(StoreError) as caught, explained(Path("/s")):
        raise raised
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is raised
