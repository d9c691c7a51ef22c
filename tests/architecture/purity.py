"""What the core may not do: see a clock, draw randomness, wait, or touch the world outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import Source, imports

# fmt: off
OUTSIDE = frozenset({
    "anyio", "asyncio", "concurrent", "contextvars", "datetime", "http", "httpx", "hypercorn",
    "io", "libp2p", "litestar", "logging", "multiaddr", "multiprocessing", "os", "pathlib",
    "plyvel", "queue", "rich", "secrets", "select", "selectors", "shutil", "signal",
    "sniffio", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "trio",
    "typer", "urllib", "uuid", "wasmtime",
})
# fmt: on
# `hash` of text and bytes differs from process to process, `id` from run to run.
OUTSIDE_CALLS = frozenset({"open", "print", "input", "hash", "id", "breakpoint", "exec", "eval"})

_WAITING = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def impure(module: Source) -> Iterator[str]:
    """Every place where a pure module reaches for the world."""
    for statement, name in imports(module):
        if name.split(".")[0] in OUTSIDE:
            yield module.at(statement, f"imports {name}, which the core does not know")
    yield from _draws(module)
    for node in module.nodes():
        if isinstance(node, _WAITING):
            yield module.at(node, "waits; the core is synchronous")
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in OUTSIDE_CALLS
        ):
            yield module.at(node, f"calls {node.func.id}(), whose answer is not in its arguments")


def _draws(module: Source) -> Iterator[str]:
    """Uses of `random` beyond the type of a generator that somebody else made and seeded."""
    for node in module.nodes():
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            yield module.at(node, "imports from random; `import random` for the type alone")
        elif isinstance(node, ast.Call) and _is_of_random(node.func):
            yield module.at(node, "draws by itself; take an rng as an argument")
        elif isinstance(node, ast.Attribute) and _is_of_random(node) and node.attr != "Random":
            yield module.at(node, f"uses random.{node.attr}; take an rng as an argument")


def _is_of_random(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "random"
    )
