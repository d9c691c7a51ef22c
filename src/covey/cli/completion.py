"""What a shell offers for the rest of a word, asked of the node that runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from covey.cli.opened import open_client
from covey.errors import NodeError

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["complete_context", "complete_peer", "completing_named_shell"]

_GUESSES_NONE = "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"


@contextmanager
def completing_named_shell(given: Sequence[str]) -> Iterator[None]:
    """Where the options of completion name a shell, it is that one, or refused if there is none.

    Typer guesses the shell otherwise, and then ignores the name.
    """
    is_named = len(given) > 1 and given[0] in {"--show-completion", "--install-completion"}
    if is_named:
        os.environ[_GUESSES_NONE] = "1"
    try:
        yield
    finally:
        if is_named:
            del os.environ[_GUESSES_NONE]


def complete_context(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the node's contexts."""
    return _asked(context, incomplete, lambda client: (c.name for c in client.contexts().contexts))


def complete_peer(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of connected peers."""
    return _asked(context, incomplete, lambda client: (p.peer_id for p in client.peers().peers))


def _asked(
    context: typer.Context, incomplete: str, ask: Callable[[Client], Iterable[str]]
) -> list[str]:
    """Nothing where no node runs: a shell that completes has no place for an error."""
    home = context.params.get("home") or os.environ.get("COVEY_HOME") or Path.home() / ".covey"
    try:
        with open_client(Path(home)) as client:
            words = list(dict.fromkeys(ask(client)))
    except NodeError:
        return []
    return [word for word in words if word.startswith(incomplete)]
