"""Damaged files: always noticed, never repaired unasked, never read as something else."""

from __future__ import annotations

import random
import shutil
from functools import partial
from pathlib import Path

import pytest

from covey.errors import StoreError
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store import open_level, repair

ALPHA = ContextId(b"a" * 36)
Rows = list[tuple[tuple[int], bytes]]


def read_all(folder: Path) -> list[tuple[tuple[bytes | int, ...], bytes]]:
    store = open_level(folder)
    try:
        return list(store.reader(ALPHA).scan(Table.LOG))
    finally:
        store.close()


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("seed", range(8))
def test_flipped_byte_in_a_table_is_noticed(filled: Path, seed: int) -> None:
    """Silent decay of the disk must not become a wrong balance: all rows, or StoreError."""
    table = only(filled, "*.ldb")
    data_bytes = table.stat().st_size * 3 // 4  # what follows is index and filter
    flip(table, random.Random(seed).randrange(data_bytes))
    with pytest.raises(StoreError, match=r"is damaged .*: restore a copy"):
        read_all(filled)


def test_flipped_byte_is_noticed_by_get_and_by_snapshots(filled: Path, rows: Rows) -> None:
    """Every way of reading checks: one that does not would be the one that is used."""
    table = only(filled, "*.ldb")
    flip(table, table.stat().st_size // 2)
    store = open_level(filled)
    live = store.reader(ALPHA)
    keys = [key for key, _ in rows]
    with store.snapshot(ALPHA) as frozen:
        for reader in (live, frozen):
            with pytest.raises(StoreError, match="is damaged"):
                list(map(partial(reader.get, Table.LOG), keys))
            with pytest.raises(StoreError, match="is damaged"):
                list(reader.scan(Table.LOG))
            with pytest.raises(StoreError, match="is damaged"):
                list(reader.scan(Table.LOG, reverse=True))
    store.close()


def test_flipped_byte_in_the_log_is_noticed(filled: Path) -> None:
    """The latest writes are as precious as the old ones."""
    flip(only(filled, "*.log"), 100)
    with pytest.raises(StoreError, match="is damaged"):
        open_level(filled)


@pytest.mark.parametrize("content", [b"", b"MANIFEST-00", b"MANIFEST-999999\n", b"\xff\x00\n"])
def test_damaged_current_is_noticed(filled: Path, content: bytes) -> None:
    """CURRENT names the descriptor: cut short or wrong, no store is opened, or made anew."""
    before = sorted(path.name for path in filled.glob("*.ldb"))
    (filled / "CURRENT").write_bytes(content)
    with pytest.raises(StoreError, match=r"restore a copy of it, or move it away"):
        open_level(filled)
    assert sorted(path.name for path in filled.glob("*.ldb")) == before


def test_missing_current_is_not_a_new_store(filled: Path) -> None:
    """LevelDB would begin an empty store on top of the old one's tables."""
    (filled / "CURRENT").unlink()
    with pytest.raises(StoreError, match="its file CURRENT is missing"):
        open_level(filled)
    with pytest.raises(StoreError, match="its file CURRENT is missing"):
        open_level(filled)


def test_descriptor_cut_anywhere_is_noticed(tmp_path: Path) -> None:
    """LevelDB reads a cut descriptor as an older one and deletes the newer tables: we do not."""
    folder = tmp_path / "store"
    rows = [((number,), random.Random(number).randbytes(20_000)) for number in range(1_200)]
    store = open_level(folder)
    for key, value in rows:
        store.write([ScopedWrites(ALPHA, (Write(Table.LOG, key, value),))], durable=False)
    store.close()
    manifest = only(folder, "MANIFEST-*")
    size_bytes = manifest.stat().st_size
    outcomes = []
    for kept_bytes in (*range(0, size_bytes, max(1, size_bytes // 25)), size_bytes - 1):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        with (copy / manifest.name).open("r+b") as file:
            file.truncate(kept_bytes)
        try:
            assert read_all(copy) == rows
            outcomes.append("whole")
        except StoreError as error:
            assert "is damaged" in str(error)  # noqa: PT017 -- either outcome is right
            outcomes.append("refused")
        shutil.rmtree(copy)
    assert outcomes.count("refused") > len(outcomes) // 2


def test_missing_log_is_noticed(filled: Path) -> None:
    """The newest rows are in the log; without it LevelDB would open without a word."""
    only(filled, "*.log").unlink()
    with pytest.raises(StoreError, match=r"its log \d{6}\.log is missing"):
        open_level(filled)


def test_missing_table_is_noticed(filled: Path) -> None:
    """A deleted table is not an empty one."""
    only(filled, "*.ldb").unlink()
    with pytest.raises(StoreError, match="is damaged"):
        read_all(filled)


@pytest.mark.parametrize("lost", ["CURRENT", "MANIFEST-*"])
def test_repair_brings_rows_back_when_asked(filled: Path, rows: Rows, lost: str) -> None:
    """The last resort without a copy: the rows are still in the tables and the log."""
    only(filled, lost).unlink()
    with pytest.raises(StoreError):
        open_level(filled)
    repair(filled)
    assert read_all(filled) == rows
