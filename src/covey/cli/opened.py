"""Opens what a command works with, only when it needs it: a fast command imports little."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["open_client"]


def open_client(home: Path) -> Client:
    """The client of the node that runs on a home."""
    # Imported here: `--help`, completion and usage errors do without HTTP.
    from covey.client import Client  # noqa: PLC0415

    return Client(home)
