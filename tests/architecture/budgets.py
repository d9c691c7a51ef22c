"""How long files, functions and lines may be, and what every file says about itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Source

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
LINE_CHARS_MAX = 100

_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")


def long_files(module: Source) -> Iterator[str]:
    """A file that needs more lines has two purposes."""
    count = len(module.text.splitlines())
    if count > FILE_LINES_MAX:
        yield f"{module.path} has {count} lines, more than {FILE_LINES_MAX}"


def long_lines(module: Source) -> Iterator[str]:
    """A line fits beside another file on a screen."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        if len(line) > LINE_CHARS_MAX:
            yield f"{module.path}:{number} has {len(line)} characters, more than {LINE_CHARS_MAX}"


def long_functions(module: Source) -> Iterator[str]:
    """A function is read at one glance."""
    for node in module.nodes():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > FUNCTION_LINES_MAX:
                yield module.at(node, f"{node.name} has {count} lines, over {FUNCTION_LINES_MAX}")


def without_docstring(module: Source) -> Iterator[str]:
    """Every file says what it is."""
    if not ast.get_docstring(module.tree):
        yield f"{module.path} has no docstring"


def without_exports(module: Source) -> Iterator[str]:
    """Every module says what others may use."""
    for node in module.tree.body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return
    yield f"{module.path} has no __all__"


def unfinished(module: Source) -> Iterator[str]:
    """What is merged is finished; what is not is an issue, not a comment."""
    for number, line in enumerate(module.text.splitlines(), start=1):
        found = _UNFINISHED.search(line)
        if found:
            yield f"{module.path}:{number} holds {found.group()}"


def star_imports(module: Source) -> Iterator[str]:
    """Every name can be followed to where it is made."""
    for node in module.nodes():
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield module.at(node, f"imports everything from {node.module}")
