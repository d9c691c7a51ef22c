"""The second environment, .venv-3.10: where the second engine runs, and covey on its oldest Python.

    python scripts/python310.py

Makes it if need be, runs the contract of engines and the unit tests of the runtime on it, then a
short demo whose nodes use the second engine. Where no Python 3.10 runs it says so in one line and
succeeds: whoever has none can still check everything else.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from setup import NONE_RUNS

__all__ = ["NoPython310", "main", "ready_python"]

ROOT = Path(__file__).resolve().parent.parent
TESTS = (
    "tests/contract/runtime",
    "tests/unit/runtime",
    "tests/unit/sync/test_audit.py",
    "tests/integration/node/test_engines.py",
)
TRANSACTIONS = 1_000  # of the demo: enough that agents write at once and hand over


class NoPython310(Exception):
    """None runs here; the message says why."""


def main() -> int:
    """Run the tests; the exit code is theirs, 0 where there is no Python 3.10."""
    try:
        python = str(ready_python())
    except NoPython310 as error:
        print(f"test-3.10: not run: {error}")
        return 0
    tests = _run(python, "-m", "pytest", "-q", "-n", "2", "-m", "not slow", *TESTS)
    demo = _run(
        python, "scripts/demo.py", "--engine", "wasmer", "--transactions", str(TRANSACTIONS)
    )
    return tests or demo


def ready_python() -> Path:
    """The interpreter of an environment with Python 3.10, made if need be.

    Raises NoPython310 where none runs, SystemExit where making it failed, which was said.
    """
    if platform.python_version().startswith("3.10."):
        return Path(sys.executable)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "setup.py", "--only", "3.10"],
        stdout=sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == NONE_RUNS:
        raise NoPython310(done.stderr.strip().removeprefix("setup: "))
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(1)
    return ROOT / ".venv-3.10" / "bin" / "python"


def _run(*command: str) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
