"""Nodes on one local network that know no address of each other: the command as people type it."""

from __future__ import annotations

import time

import pytest

from covey.testkit.cluster import NodeProcess, until

LISTEN = ("/ip4/0.0.0.0/tcp/0",)
PATIENCE_S = 30.0
SILENCE_S = 3.0


@pytest.fixture
def nodes(lab, tmp_path):
    """Three nodes in one private network; the last is not asked to be found."""
    started = [NodeProcess(name, tmp_path / name) for name in ("ann", "ben", "cara")]
    with lab.at("a"):
        for node, options in zip(started, (["--mdns"], ["--mdns"], []), strict=True):
            node.start(listen=LISTEN, options=options)
        for node in started:
            node.wait_ready()
    yield started
    for node in started:
        node.kill()


def _connected(node: NodeProcess) -> set[str]:
    with node.client() as client:
        return {row.peer_id for row in client.peers().peers}


def test_nodes_that_are_announced_find_each_other_and_nobody_else(lab, nodes):
    """Also one that comes back under another port, or is killed without a goodbye."""
    ann, ben, cara = nodes
    peer = ben.wait_ready().peer_id
    with lab.at("a"):
        until(lambda: _connected(ann) == {peer}, PATIENCE_S, "each other")
        ben.kill()
        until(lambda: not _connected(ann), PATIENCE_S, "the loss")
        ben.start(listen=LISTEN, options=["--mdns"])
        assert ben.wait_ready().peer_id == peer
        until(lambda: _connected(ann) == {peer}, PATIENCE_S, "each other again")
        time.sleep(SILENCE_S)
        assert _connected(cara) == set()
        assert _connected(ben) == {ann.wait_ready().peer_id}
