"""Several nodes on one machine, each a process with its own home, all gone at the end."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from covey.api.schema import ContextStatusReply
from covey.client import Client
from covey.errors import NodeError
from covey.testkit.cluster.process import STOP_S, NodeProcess

__all__ = ["Cluster", "agree", "context_status", "until"]

LOOK_AGAIN_S = 0.1  # between looks at what no stream tells


class Cluster:
    """Nodes whose homes are in one folder; leaving the block ends every process.

    options: of `covey run`, for every node.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self._options = tuple(options)
        self.nodes: list[NodeProcess] = []

    def __enter__(self) -> Cluster:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, name: str) -> NodeProcess:
        """A new node with a home and keys; it does not run yet."""
        node = NodeProcess(name, self.folder / name, self._options)
        self.nodes.append(node)
        return node

    def start(self, *nodes: NodeProcess, bootstrap: NodeProcess | None = None) -> None:
        """Start nodes side by side and wait until all are ready."""
        for node in nodes:
            node.start(bootstrap=() if bootstrap is None else (bootstrap.address,))
        for node in nodes:
            node.wait_ready()

    def close(self) -> None:
        """Stop all nodes at once; whoever does not stop in time is killed."""
        for node in self.nodes:
            node.thaw()
            node.interrupt()
        deadline_s = time.monotonic() + STOP_S
        for node in self.nodes:
            _end(node, max(deadline_s - time.monotonic(), 0))


def _end(node: NodeProcess, patience_s: float) -> None:
    try:
        node.wait(patience_s)
    except subprocess.TimeoutExpired:
        node.kill()


def until(fact: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Look again and again until a fact holds; NodeError says what did not happen in time."""
    deadline_s = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > deadline_s:
            raise NodeError(f"{what} did not happen within {timeout_s:.0f} s")
        time.sleep(LOOK_AGAIN_S)


def context_status(client: Client, context: str) -> ContextStatusReply:
    """What a node says of one context. context: its id."""
    for row in client.status().contexts:
        if row.id == context:
            return row
    raise NodeError(f"the node does not know the context {context}")


def agree(context: str, peers: dict[str, Client], timeout_s: float) -> list[ContextStatusReply]:
    """Wait until all nodes say that they are in sync with all others, with one digest.

    peers: the client of each node, by peer id. Raises NodeError with what they said last.
    """
    rows: list[ContextStatusReply] = []

    def are_equal() -> bool:
        rows[:] = [context_status(client, context) for client in peers.values()]
        return (
            len({(row.digest, row.deltas) for row in rows}) == 1
            and all(row.behind == 0 and row.waiting == 0 for row in rows)
            and all(
                set(row.in_sync_with) >= peers.keys() - {peer}
                for peer, row in zip(peers, rows, strict=True)
            )
        )

    try:
        until(are_equal, timeout_s, "agreement of all nodes")
    except NodeError as error:
        raise NodeError(f"{error}: {_told(rows)}") from error
    return rows


def _told(rows: list[ContextStatusReply]) -> str:
    return "; ".join(
        f"digest {row.digest[:8]}, {row.deltas} deltas, in sync with {len(row.in_sync_with)}, "
        f"behind {row.behind}"
        for row in rows
    )
