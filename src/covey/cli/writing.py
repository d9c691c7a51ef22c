"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

from covey.errors import ConfigError, StoreError
from covey.workbench.reading import shown

__all__ = ["write_file"]


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole. Raises ConfigError for a directory, StoreError for the disk."""
    try:
        path.write_bytes(content)
    except IsADirectoryError as error:
        raise ConfigError(f"{shown(path)} is a directory") from error
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        why = error.strerror if isinstance(error, OSError) else error
        raise StoreError(f"{shown(path)} cannot be written: {why}") from error
