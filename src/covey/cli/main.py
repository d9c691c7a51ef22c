"""The command `covey`. It imports nothing before it is ready to be interrupted."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from covey.cli.interrupts import quitting_at_once
from covey.cli.streams import open_closed_streams

__all__ = ["main", "run_command"]


def main() -> None:
    """Run the command of this process and exit."""
    open_closed_streams()
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; no error leaves it as a traceback."""
    with quitting_at_once():
        from covey.cli.dispatch import perform, report  # noqa: PLC0415 - interruptible
    try:
        return perform(arguments)
    except BaseException as error:  # noqa: BLE001 - what nobody foresaw is one line, too
        return report(error)


if __name__ == "__main__":
    main()
