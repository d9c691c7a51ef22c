"""The main job across two routers: the command as people type it, and one relay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covey.testkit.cluster import NodeProcess, until
from tests.integration.nat.lab import PUBLIC_A, PUBLIC_B

BUNDLE = Path(__file__).resolve().parents[3] / "apps" / "kv" / "kv.covey"
LISTEN = ("/ip4/0.0.0.0/tcp/4001",)
PATIENCE_S = 60.0


@pytest.fixture
def homes(tmp_path):
    """A node in each network, not started yet."""
    nodes = {name: NodeProcess(name, tmp_path / name) for name in "rab"}
    yield nodes
    for node in nodes.values():
        node.kill()


@pytest.mark.parametrize(
    "is_symmetric",
    [
        pytest.param(False, id="keeps-ports", marks=pytest.mark.slow),
        pytest.param(True, id="symmetric"),
    ],
)
def test_call_behind_one_router_arrives_behind_the_other(lab, homes, is_symmetric):
    """Founding, joining by ticket, calling: all of it through a relay that is no member."""
    lab.translate(is_symmetric=is_symmetric)
    with lab.at("r"):
        homes["r"].start(listen=LISTEN, options=["--serve-relay"])
        peer = homes["r"].wait_ready().peer_id
    for name, address in (("a", PUBLIC_A), ("b", PUBLIC_B)):
        with lab.at(name):
            homes[name].start(listen=LISTEN, bootstrap=[f"/ip4/{address}/tcp/4001/p2p/{peer}"])
            homes[name].wait_ready()
    with lab.at("a"), homes["a"].client() as client:
        release = client.install(BUNDLE.read_bytes())
        client.create_context(release.id, "notes")
        until(
            lambda: any("/p2p-circuit/" in a for a in client.status().addresses),
            PATIENCE_S,
            "a place at the relay",
        )
        ticket = client.ticket("notes")
    with lab.at("b"), homes["b"].client() as client:
        assert client.join(ticket, "notes").admitted
    with lab.at("a"), homes["a"].client() as client:
        client.call("notes", "set", json.dumps({"key": "k", "value": "v"}).encode())
    with lab.at("b"), homes["b"].client() as client:
        until(lambda: _value(client) == "v", PATIENCE_S, "the call on the other side")
        (way,) = [row.address for row in client.peers().peers if row.peer_id != peer]
        assert way.endswith("/p2p-circuit") or not is_symmetric


def _value(client) -> str:
    found = json.loads(bytes(client.query("notes", "get", b'{"key": "k"}').result))
    return (found or {}).get("value", "")
