"""The second environment: made where a Python 3.10 can be used, said in one line where none can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import setup

SCRIPTS = Path(setup.__file__).parent
USELESS = """#!/bin/sh
echo "pyenv: python3.10: command not found" >&2
exit 127
"""

WITHOUT = """
import sys
NONE_RUNS = 3
if __name__ == "__main__":
    print("setup: no Python 3.10 runs here", file=sys.stderr)
    sys.exit(NONE_RUNS)
"""


def _target(tmp_path: Path) -> setup.Target:
    return setup.Target(tmp_path / ".venv-3.10", (3, 10), (3, 10))


def _python(version: tuple[int, int], path: str) -> setup.Python:
    return setup.Python(version, path, "/include")


def test_a_shim_that_does_not_run_is_no_python(tmp_path: Path) -> None:
    """A name on the PATH says nothing: every candidate is asked."""
    shim = tmp_path / "python3.10"
    shim.write_text(USELESS)
    shim.chmod(0o755)
    assert setup._ask(str(shim)) is None
    assert setup._ask(sys.executable) is not None


def test_one_that_runs_behind_a_shim_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pyenv's own versions stand behind its shims."""
    found = {"shim": None, "newer": _python((3, 12), "newer"), "real": _python((3, 10), "real")}
    monkeypatch.setattr(setup, "_candidates", lambda: iter(found))
    monkeypatch.setattr(setup, "_ask", found.get)
    monkeypatch.setattr(setup, "_lacking", lambda _python: {})
    assert setup._find_complete(_target(tmp_path)) == found["real"]


def test_one_that_cannot_build_is_passed_over_and_its_lack_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is installed into the system for the second environment."""
    monkeypatch.setattr(setup, "_candidates", lambda: iter(["bare"]))
    monkeypatch.setattr(setup, "_ask", lambda path: _python((3, 10), path))
    monkeypatch.setattr(setup, "_lacking", lambda _python: {"Python.h": "python3.10-dev"})
    with pytest.raises(setup.NoSuchPython, match=r"bare lacks Python\.h"):
        setup._find_complete(_target(tmp_path))


def test_where_none_runs_it_is_one_line_and_a_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Whoever asked goes on without it, so it must be told apart from a set-up that failed."""
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "_candidates", lambda: iter(()))
    assert setup.main(["--only", "3.10"]) == setup.NONE_RUNS
    assert capsys.readouterr().err == "setup: no Python 3.10 runs here\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.version_info[:2] == (3, 10), reason="this Python is one")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["python310.py"], 0, "test-3.10: not run: no Python 3.10 runs here\n"),
        (
            ["demo.py", "--engine", "wasmer"],
            2,
            "demo: wasmer needs CPython 3.10: no Python 3.10 runs here\n",
        ),
    ],
)
def test_who_wants_one_where_none_runs_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    """`make check` goes on; the demo, which was asked for by name, does not."""
    for script in SCRIPTS.glob("*.py"):
        (tmp_path / "scripts" / script.name).parent.mkdir(exist_ok=True)
        (tmp_path / "scripts" / script.name).write_bytes(script.read_bytes())
    (tmp_path / "scripts" / "setup.py").write_text(WITHOUT)
    ran = subprocess.run(
        [sys.executable, str(tmp_path / "scripts" / arguments[0]), *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == code
    assert ran.stdout + ran.stderr == said
