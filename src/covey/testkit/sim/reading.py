"""Files that somebody names: read up to a bound, and what is wrong said in one line."""

from __future__ import annotations

from pathlib import Path

from covey.errors import ConfigError, NotFound, StoreError

__all__ = ["read_file"]


def read_file(path: Path, size_bytes_max: int) -> bytes:
    """The content. Raises NotFound, StoreError, and ConfigError where it is too large."""
    try:
        with path.open("rb") as file:
            content = file.read(size_bytes_max + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path} does not exist") from error
    except IsADirectoryError as error:
        raise StoreError(f"{path} is a directory, not a file") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > size_bytes_max:
        raise ConfigError(f"{path} is larger than {size_bytes_max} bytes")
    return content
