"""Opening a store on disk: its folder, its one owner, its version."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import plyvel
import pytest

from covey.errors import StoreError
from covey.model import limits
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store import keys, level, open_level, repair

ALPHA = ContextId(b"a" * 36)
Child = Callable[..., "subprocess.Popen[str]"]

HOLDER = """
import sys
from pathlib import Path
from covey.store import open_level
store = open_level(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
store.close()
"""

READ_ONLY = """
import ctypes, os, sys
from pathlib import Path
from covey.errors import StoreError
from covey.store import open_level
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    0x20000, 1, 32, 4096, 16384, 1 << 18)
def mount(source, target, flags):
    if libc.mount(source, target, None, flags, None) != 0:
        print("no mounts here:", os.strerror(ctypes.get_errno()))
        sys.exit(77)
if libc.unshare(CLONE_NEWNS) != 0:
    print("no mount namespace here:", os.strerror(ctypes.get_errno()))
    sys.exit(77)
folder = os.fsencode(sys.argv[1])
mount(b"none", b"/", MS_REC | MS_PRIVATE)
mount(folder, folder, MS_BIND)
mount(folder, folder, MS_BIND | MS_REMOUNT | MS_RDONLY)
try:
    open_level(Path(sys.argv[1]) / sys.argv[2])
except StoreError as error:
    print(error)
"""


def test_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """Application data is nobody else's to read."""
    folder = tmp_path / "home" / "store"
    open_level(folder).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_database_is_opened_with_the_limits_on_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself it takes blocks of 4 KiB, whose index is held in memory: four times as much."""
    given: dict[str, object] = {}
    real = plyvel.DB

    def opened(name: str, **options: object) -> object:
        given.update(options)
        return real(name, **options)

    monkeypatch.setattr(level.plyvel, "DB", opened)
    open_level(tmp_path / "store").close()
    assert given["block_size"] == limits.STORE_BLOCK_BYTES == 16 * 1024
    assert given["lru_cache_size"] == limits.STORE_CACHE_BYTES >= 64 * limits.STORE_BLOCK_BYTES
    assert given["max_open_files"] == limits.STORE_OPEN_FILES_MAX
    assert given["write_buffer_size"] == limits.STORE_WRITE_BUFFER_BYTES


def test_rows_are_there_after_opening_again(
    filled: Path, rows: list[tuple[tuple[int], bytes]]
) -> None:
    """The ordinary restart: rows from a table and from the log."""
    store = open_level(filled)
    found = list(store.reader(ALPHA).scan(Table.LOG))
    store.close()
    assert found == rows


def test_second_opener_in_this_process_is_refused(filled: Path) -> None:
    """Two writers on one store would each believe the other's rows missing."""
    store = open_level(filled)
    with pytest.raises(StoreError, match="already in use by another covey node"):
        open_level(filled)
    with pytest.raises(StoreError, match="already in use by another covey node"):
        repair(filled)
    assert len(list(store.reader(ALPHA).scan(Table.LOG))) == 3_010
    store.close()
    open_level(filled).close()


def test_second_opener_in_another_process_is_refused(filled: Path, child: Child) -> None:
    """A node started twice on one home says so, and works once the first has gone."""
    with child(HOLDER, str(filled)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreError, match="already in use by another covey node"):
            open_level(filled)
        with pytest.raises(StoreError, match="already in use by another covey node"):
            repair(filled)
        holder.communicate("leave\n")
    open_level(filled).close()


@pytest.mark.parametrize(
    ("schema", "advice"),
    [
        (level.SCHEMA_VERSION + 1, "upgrade covey"),
        (level.SCHEMA_VERSION - 1, "run it with the covey that wrote it"),
    ],
)
def test_store_of_another_covey_is_left_alone(filled: Path, schema: int, advice: str) -> None:
    """Either would misread the rows of the other."""
    database = plyvel.DB(str(filled))
    database.put(keys.SCHEMA_KEY, keys.number_bytes(schema))
    database.close()
    said = rf"its schema is {schema}, this covey knows 2\).*{advice}"
    with pytest.raises(StoreError, match=said):
        open_level(filled)
    database = plyvel.DB(str(filled))  # released, and still what it was
    assert database.get(keys.SCHEMA_KEY) == keys.number_bytes(schema)
    database.close()


def test_store_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """A LevelDB folder without our schema row is somebody else's."""
    database = plyvel.DB(str(tmp_path), create_if_missing=True)
    database.put(b"theirs", b"x")
    database.close()
    with pytest.raises(StoreError, match="not covey's"):
        open_level(tmp_path)


def test_creation_cut_short_starts_afresh(tmp_path: Path) -> None:
    """Killed between creating the files and the schema row: there was nothing to lose yet."""
    plyvel.DB(str(tmp_path), create_if_missing=True).close()
    open_level(tmp_path).close()
    for name in ("CURRENT", "LOCK"):
        (tmp_path / name).unlink()
    for log in tmp_path.glob("*.log"):
        log.unlink()
    open_level(tmp_path).close()


@pytest.mark.parametrize("place", ["store", "store/below"])
def test_file_in_the_place_of_the_folder_is_named(tmp_path: Path, place: str) -> None:
    """The sentence says what is in the way."""
    (tmp_path / "store").write_bytes(b"")
    with pytest.raises(StoreError, match="a file is in the place of a folder"):
        open_level(tmp_path / place)


@pytest.mark.skipif(sys.platform != "linux", reason="bind mounts are Linux's")
@pytest.mark.parametrize("name", ["store", "new"])
def test_read_only_disk_is_said_so(filled: Path, child: Child, name: str) -> None:
    """An existing and a new store on a disk that cannot be written, which binds root too."""
    with child(READ_ONLY, str(filled.parent), name) as process:
        said, trouble = process.communicate()
    if process.returncode == 77:
        pytest.skip(said.strip())
    assert process.returncode == 0, trouble
    assert "cannot be written: make the folder and its disk writable" in said
    assert said.count("\n") == 1


def test_forgotten_rows_leave_the_disk(tmp_path: Path) -> None:
    """After leaving a context its data is not lying about in old files."""
    store = open_level(tmp_path / "store")
    marks = [b"secret %d of the context" % number for number in range(3)]
    writes = tuple(Write(Table.LOG, (number,), mark) for number, mark in enumerate(marks))
    store.write([ScopedWrites(ALPHA, writes)], durable=True)
    store.drop(ALPHA)
    store.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert [mark in held for mark in marks] == [False] * 3


def test_durable_write_carries_earlier_ones_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power must not keep a delta and lose its parents, written just before."""
    store = open_level(tmp_path / "store")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    batch = [ScopedWrites(ALPHA, (Write(Table.LOG, (1,), b"x"),))]
    store.write(batch, durable=True)
    assert len(synced) == 0
    store.write(batch, durable=False)
    store.write(batch, durable=False)
    assert len(synced) == 0
    store.write(batch, durable=True)
    assert len(synced) == 1
    store.write(batch, durable=True)
    assert len(synced) == 1
    store.close()


def test_copy_of_a_closed_store_is_a_store(filled: Path, tmp_path: Path) -> None:
    """Restoring a copy is what the messages advise."""
    shutil.copytree(filled, tmp_path / "copy")
    store = open_level(tmp_path / "copy")
    assert len(list(store.reader(ALPHA).scan(Table.LOG))) == 3_010
    store.close()
