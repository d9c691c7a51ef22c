"""Real nodes, each a process of its own, and the real command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from covey.client import Client
from covey.testkit.cluster import Cluster, NodeProcess, agree, covey_command

APPS = Path(__file__).resolve().parents[2] / "apps"
PATIENCE_S = 60.0

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def run_covey(
    *arguments: object, home: Path | None = None, stdin: str = "", timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """One command to its end."""
    where = () if home is None else ("--home", str(home))
    return subprocess.run(
        [covey_command(), *map(str, arguments), *where],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@pytest.fixture
def covey() -> Command:
    """`covey(*arguments, home=…)`: the command, run to its end."""
    return run_covey


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Nodes of this test; all are gone when it ends."""
    with Cluster(tmp_path / "homes") as nodes:
        yield nodes


def bundle(name: str) -> bytes:
    """The committed bundle of an application."""
    return (APPS / name / f"{name}.covey").read_bytes()


def put(key: str, value: str = "x") -> tuple[str, bytes]:
    """A call that sets one entry of `kv`."""
    return "set", json.dumps({"key": key, "value": value}).encode()


def keys(client: Client, context: str) -> set[str]:
    """Every key of a context of `kv`, page by page."""
    found: set[str] = set()
    after = None
    while True:
        question = {"limit": 500} if after is None else {"limit": 500, "after": after}
        page = json.loads(
            bytes(client.query(context, "entries", json.dumps(question).encode()).result)
        )
        names = [entry["key"] for entry in page["entries"]]
        found.update(names)
        if not names or not page["more"]:
            return found
        after = names[-1]


@dataclass
class Network:
    """Nodes that share one context of `kv`, which the first has founded."""

    cluster: Cluster
    nodes: list[NodeProcess]
    context: str
    topic: str

    def agree(self, *nodes: NodeProcess, timeout_s: float = PATIENCE_S) -> str:
        """Wait until nodes (all, if none is named) are in sync; their digest."""
        chosen = nodes or tuple(self.nodes)
        clients = {node.peer_id: node.client() for node in chosen}
        try:
            return agree(self.context, clients, timeout_s)[0].digest
        finally:
            for client in clients.values():
                client.close()

    def join(self, node: NodeProcess) -> None:
        """Bring a running node into the context."""
        with node.client() as client:
            assert client.join(self.topic, "kv").admitted
        if node not in self.nodes:
            self.nodes.append(node)


@pytest.fixture
def make_network(cluster: Cluster) -> Callable[[int], Network]:
    """`make_network(count)`: that many nodes, all admitted to one context."""

    def make(count: int) -> Network:
        nodes = [cluster.add(f"node-{number}") for number in range(count)]
        cluster.start(nodes[0])
        if nodes[1:]:
            cluster.start(*nodes[1:], bootstrap=nodes[0])
        with nodes[0].client() as client:
            application = client.install(bundle("kv"))
            context = client.create_context(application.id, "kv")
        network = Network(cluster, [nodes[0]], context.id, context.topic)
        for node in nodes[1:]:
            network.join(node)
        return network

    return make


def one_line(text: str) -> str:
    """What a failed command said: one line for a person, no traceback."""
    assert "Traceback" not in text
    # What takes longer than a second says so before.
    (line,) = [line for line in text.strip().splitlines() if " …" not in line]
    return line
