"""What a shell offers for the rest of a word, asked of the node that runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from covey.cli.opened import open_client
from covey.errors import NodeError

if TYPE_CHECKING:
    from covey.client import Client

__all__ = ["complete_context", "complete_peer"]


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
