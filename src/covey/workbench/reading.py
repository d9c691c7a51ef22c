"""Files that somebody names: regular ones, read up to a bound; what is wrong said in one line."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from covey.errors import ConfigError, NotFound, StoreError

__all__ = ["open_regular", "read_file", "shown"]

_SHOWN_CHARS: Final = 1_000


def shown(named: object, chars_max: int = _SHOWN_CHARS) -> str:
    """What somebody wrote, as an error repeats it: on one line, and not all of a page."""
    text = str(named)
    some = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:chars_max])
    return some if len(text) <= chars_max else f"{some}…"


def open_regular(path: Path) -> BinaryIO:
    """Open a file to be read; whoever asked closes it. Raises NotFound, StoreError.

    A pipe would be waited for, and a device may never end.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, ValueError) as error:  # ValueError: no file has such a name
        raise NotFound(f"{shown(path)} does not exist") from error
    except OSError as error:
        raise StoreError(f"{shown(path)} cannot be read: {error.strerror}") from error
    mode = os.fstat(number).st_mode
    if not stat.S_ISREG(mode):
        os.close(number)
        what = "a directory, not a file" if stat.S_ISDIR(mode) else "no regular file"
        raise StoreError(f"{shown(path)} is {what}")
    return os.fdopen(number, "rb")


def read_file(path: Path, size_bytes_max: int) -> bytes:
    """The content. Raises as `open_regular`, and ConfigError where it is too large."""
    with open_regular(path) as file:
        try:
            content = file.read(size_bytes_max + 1)
        except OSError as error:
            raise StoreError(f"{shown(path)} cannot be read: {error.strerror}") from error
    if len(content) > size_bytes_max:
        raise ConfigError(f"{shown(path)} is larger than {size_bytes_max} bytes")
    return content
