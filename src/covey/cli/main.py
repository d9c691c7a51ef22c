"""The command `covey`. It imports nothing before it is ready to be interrupted."""

from __future__ import annotations

import sys

__all__ = ["main"]

_INTERRUPTED = 130  # as `covey.cli.exits`, which is not imported yet


def main() -> None:
    """Run the command of this process and exit."""
    try:
        from covey.cli.dispatch import run_command  # noqa: PLC0415 - Ctrl-C may come meanwhile

        code = run_command(sys.argv[1:])
    except KeyboardInterrupt:
        code = _INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
