"""Files that somebody names: whatever they are, nobody waits, and one line says what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from covey.errors import ConfigError, NodeError, NotFound, StoreError
from covey.workbench.reading import open_regular, read_file, shown


def pipe(folder: Path) -> Path:
    """Nobody writes to it."""
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(
    ("place", "kind", "what"),
    [
        (pipe, StoreError, "pipe is no regular file"),
        (lambda _: Path("/dev/zero"), StoreError, "/dev/zero is no regular file"),
        (lambda folder: folder, StoreError, "is a directory, not a file"),
        (lambda folder: folder / "a\nb", NotFound, r"a\\nb does not exist"),
        (lambda _: Path("a\0b"), NotFound, r"a\\x00b does not exist"),
        (lambda _: Path("\ud800"), NotFound, r"\\ud800 does not exist"),
        (lambda _: Path("a" * 5000), StoreError, "aaa… cannot be read: File name too long"),
        (lambda _: Path("/proc/self/mem"), StoreError, "cannot be read: "),
    ],
)
def test_what_is_no_file_to_read_is_told_at_once(
    tmp_path: Path, place: Callable[[Path], Path], kind: type[NodeError], what: str
) -> None:
    """In one short line; a pipe or a device would be read for ever."""
    with pytest.raises(kind, match=what) as caught:
        read_file(place(tmp_path), 100)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1_100


def test_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    """One byte more is too many."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(ConfigError, match="file is larger than 4 bytes"):
        read_file(path, 4)


def test_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    """What counts is where it leads."""
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"1"


def test_what_was_written_is_repeated_in_part() -> None:
    """An error is a line, whatever somebody wrote."""
    assert shown("name") == "name"
    assert shown("näme\n\x1b[31m") == "näme\\n\\x1b[31m"
    assert shown("z" * 60_000) == "z" * 1_000 + "…"
