"""Exit codes: what went wrong, for scripts."""

from __future__ import annotations

from typing import Final

from covey.errors import NodeError, NotFound, Refused, StoreError

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "NOT_FOUND",
    "NOT_RUNNING",
    "OK",
    "REFUSED",
    "STORE",
    "USAGE",
    "exit_code",
]

OK: Final = 0
REFUSED: Final = 1  # by the application or a rule; nothing was changed
USAGE: Final = 2  # also arguments that are no JSON
NOT_RUNNING: Final = 3
NOT_FOUND: Final = 4
STORE: Final = 5  # or the disk: read-only, full, corrupt
FAILED: Final = 6  # anything else: a port in use, a second node on the home, a damaged bundle
INTERRUPTED: Final = 130  # Ctrl-C, as shells count it


def exit_code(error: NodeError) -> int:
    """The code of an error."""
    if isinstance(error, Refused):
        return REFUSED
    if isinstance(error, NotFound):
        return NOT_FOUND
    if isinstance(error, StoreError):
        return STORE
    if type(error).__name__ == "NodeNotRunning":
        return NOT_RUNNING  # By name: importing the client takes longer than most errors.
    return FAILED
