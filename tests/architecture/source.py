"""The Python files of this repository, read once, as the architecture tests look at them."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PURE_PACKAGES = ("errors", "model", "codec", "crypto", "rules", "merge", "governance", "sync")


@dataclass(frozen=True)
class Source:
    """One file: its path from the root of the repository, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name of a module under src, such as "covey.sync.replica"; else ""."""
        if not self.path.startswith("src/"):
            return ""
        parts = self.path.removeprefix("src/").removesuffix(".py").split("/")
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_pure(self) -> bool:
        """Whether the file belongs to the core, which knows no world outside its arguments."""
        parts = self.module.split(".")
        return len(parts) > 1 and parts[0] == "covey" and parts[1] in PURE_PACKAGES

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the tree."""
        return ast.walk(self.tree)

    def at(self, node: ast.AST, finding: str) -> str:
        """A finding, with the place where it is."""
        return f"{self.path}:{getattr(node, 'lineno', 1)} {finding}"


def source(text: str, path: str = "src/covey/sync/example.py") -> Source:
    """A file that exists only in a test."""
    return Source(path, text, ast.parse(text))


@functools.cache
def sources(*folders: str) -> tuple[Source, ...]:
    """The files of these folders, in the order of their paths."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return tuple(
        source(path.read_text("utf-8"), path.relative_to(ROOT).as_posix()) for path in paths
    )


def imports(module: Source) -> Iterator[tuple[ast.stmt, str]]:
    """Every import of a file, also those inside functions: the statement and the dotted name."""
    for node in module.nodes():
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node, node.module or ""
