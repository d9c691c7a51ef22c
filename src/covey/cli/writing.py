"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

from covey.errors import ConfigError, StoreError

__all__ = ["write_file"]


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole. Raises ConfigError for a directory, StoreError for the disk."""
    try:
        path.write_bytes(content)
    except IsADirectoryError as error:
        raise ConfigError(f"{path} is a directory") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
