"""A store brought back from an old copy: the device that wrote since is retired, nothing forks."""

from __future__ import annotations

import shutil

from tests.e2e.conftest import keys, put


def test_restored_copy_of_the_store_goes_on_as_a_new_device(make_network):
    """Writing on from an old copy would give two deltas one sequence, which nobody could undo."""
    network = make_network(2)
    two = network.nodes[1]
    with two.client() as client:
        client.call("kv", *put("before"))
    network.agree()
    two.stop()
    shutil.copytree(two.home / "store", two.home / "copy")
    two.start(listen=())
    two.wait_ready()
    with two.client() as client:
        for number in range(5):
            client.call("kv", *put(f"lost-{number}"))
        old_device = client.context("kv").device
    network.agree()
    two.stop()
    shutil.rmtree(two.home / "store")
    (two.home / "copy").rename(two.home / "store")
    two.start(listen=())
    two.wait_ready()
    with two.client() as client:
        client.call("kv", *put("after"))
        assert client.context("kv").device != old_device
    network.agree()
    expected = {"before", "after", *(f"lost-{number}" for number in range(5))}
    for node in network.nodes:
        with node.client() as client:
            assert keys(client, "kv") == expected
            rows = client.log("kv", limit=1_000).rows
        chains = [(row.author, row.sequence) for row in rows]
        assert len(chains) == len(set(chains)), "no device has two deltas of one sequence"


def test_restored_copy_writes_only_once_it_is_admitted(make_network):
    """Without another member the new device cannot be let in: it reads and says so."""
    (node,) = make_network(1).nodes
    node.stop()
    shutil.copytree(node.home / "store", node.home / "copy")
    node.start(listen=())
    node.wait_ready()
    with node.client() as client:
        client.call("kv", *put("lost"))
    node.stop()
    shutil.rmtree(node.home / "store")
    (node.home / "copy").rename(node.home / "store")
    node.start(listen=())
    node.wait_ready()
    with node.client() as client:
        assert client.context("kv").phase == "reading"
        assert keys(client, "kv") == set()
