"""What LevelDB and the system say about a failing disk, in one sentence that says what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import plyvel

from covey.errors import StoreError

__all__ = ["corrupt", "explained"]

# LevelDB passes on the system's words only, so the words are what there is to recognise.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what plyvel and the system raise about the store in `folder` into StoreError."""
    try:
        yield
    except plyvel.CorruptionError as error:
        raise corrupt(folder, _words(error)) from error
    except plyvel.Error as error:
        raise _failed(folder, _words(error)) from error
    except OSError as error:
        raise _failed(folder, error.strerror or str(error)) from error


def corrupt(folder: Path, what: str) -> StoreError:
    """The error for a store whose files are damaged; `what` is LevelDB's finding."""
    return StoreError(
        f"the store {folder} is damaged ({what}): restore a copy of it, or move it away,"
        " start afresh and join its contexts again"
    )


def _failed(folder: Path, words: str) -> StoreError:
    if words.startswith("lock "):  # LevelDB's own word: taking the lock, not opening its file
        return StoreError(
            f"the store {folder} is already in use by another covey node: stop that one first,"
            " or give this one its own home"
        )
    if _says(words, _FULL):
        return StoreError(
            f"the disk of the store {folder} is full: free some space and start the node again"
        )
    if _says(words, _FORBIDDEN):
        return StoreError(
            f"the store {folder} cannot be written: make the folder and its disk writable"
            " for this user"
        )
    if _says(words, (errno.ENOTDIR, errno.EEXIST)):
        return StoreError(
            f"the store {folder} cannot be there, since a file is in the place of a folder:"
            " move that file away"
        )
    if "No such file" in words or "Corruption" in words:
        return corrupt(folder, words)
    return StoreError(
        f"the disk of the store {folder} failed ({words}): check the disk and start the node again"
    )


def _says(words: str, numbers: tuple[int, ...]) -> bool:
    return any(os.strerror(number) in words for number in numbers)


def _words(error: Exception) -> str:
    """What plyvel passed on from LevelDB: bytes, as the only argument."""
    said = error.args[0] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return text.removeprefix("IO error: ").removeprefix("Corruption: ")
