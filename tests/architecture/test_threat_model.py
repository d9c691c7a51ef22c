"""Every line of the threat model names a test that is there, or says why there is none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from covey.testkit.oracle.attacks import ATTACKS
from tests.architecture.source import ROOT, sources

DOCUMENT = ROOT / "docs" / "threat-model.md"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_ATTACK = re.compile(r"attack `([^`]+)`")
_REASON = re.compile(r"no test: \S[^|`]{10,}")


def _lines(text: str) -> Iterator[str]:
    """The lines of all tables, without their heads."""
    lines = text.splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        is_row = line.startswith("|") and not line.startswith("|---")
        if is_row and above.startswith("|"):
            yield line


def _tests() -> set[tuple[str, str]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        (module.path, node.name)
        for module in sources("tests")
        for node in module.nodes()
        if isinstance(node, kinds) and node.name.startswith("test_")
    }


def _faults(text: str) -> list[str]:
    """What the document says of tests and is not so."""
    known = _tests()
    faults = [f"{path}::{name}" for path, name in _TEST.findall(text) if (path, name) not in known]
    faults += [f"attack {name}" for name in _ATTACK.findall(text) if name not in ATTACKS]
    for line in _lines(text):
        shown = line.strip().removesuffix("|").rpartition("|")[2]
        if not (_TEST.search(shown) or _ATTACK.search(shown) or _REASON.search(shown)):
            faults.append(line)
    return faults


def test_every_line_is_shown_by_a_test_or_says_why_not() -> None:
    """A promise that nothing holds is a wish, and a limit that nothing shows is a rumour."""
    assert _faults(DOCUMENT.read_text("utf-8")) == []


def test_every_table_says_what_shows_its_lines() -> None:
    """Each table's last column is of tests; there are many lines."""
    text = DOCUMENT.read_text("utf-8")
    heads = re.findall(r"^(\|.*\|)\n\|---", text, re.MULTILINE)
    assert [head for head in heads if not head.endswith("| shown by |")] == []
    assert len(list(_lines(text))) > 80


@pytest.mark.parametrize(
    ("line", "is_fault"),
    [
        ("| who | `tests/architecture/test_threat_model.py::test_that_is_not_there` |", True),
        ("| who | `tests/architecture/test_no_file.py::test_faulty_line_is_noticed` |", True),
        ("| who | attack `of nobody` |", True),
        ("| who | |", True),
        ("| who | no test: |", True),
        ("| `tests/architecture/test_threat_model.py::test_faulty_line_is_noticed` | |", True),
        ("| who | `tests/architecture/test_threat_model.py::test_faulty_line_is_noticed` |", False),
        ("| who | attack `junior massacre` |", False),
        ("| who | no test: it would be a test of a machine |", False),
    ],
)
def test_faulty_line_is_noticed(line: str, is_fault: bool) -> None:
    """The check can fail."""
    assert bool(_faults(f"| | shown by |\n|---|---|\n{line}\n")) is is_fault
