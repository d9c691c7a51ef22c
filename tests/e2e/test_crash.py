"""A node that dies at any moment keeps what it acknowledged, and is heard again on its return."""

from __future__ import annotations

import threading

from covey.errors import NodeError
from tests.e2e.conftest import PATIENCE_S, keys, put


def write_until_it_breaks(node, acknowledged, enough):
    """Set one entry after the other; `acknowledged` gets the keys that were durable."""
    number = 0
    try:
        with node.client() as client:
            while True:
                calls = [put(f"{node.name}-{n}") for n in range(number, number + 20)]
                for place, reply in enumerate(client.batch("kv", calls), start=number):
                    assert not isinstance(reply, Exception)
                    acknowledged.append(f"{node.name}-{place}")
                    if len(acknowledged) >= 200:
                        enough.set()
                number += 20
    except NodeError:
        enough.set()


def kill_while_writing(node):
    """Kill a node in the middle of its writes; what it had acknowledged."""
    acknowledged: list[str] = []
    enough = threading.Event()
    writer = threading.Thread(
        target=write_until_it_breaks, args=(node, acknowledged, enough), daemon=True
    )
    writer.start()
    assert enough.wait(PATIENCE_S)
    node.kill()
    writer.join(PATIENCE_S)
    assert not writer.is_alive()
    assert len(acknowledged) >= 200
    return acknowledged


def test_killed_node_returns_with_everything_acknowledged(make_network):
    """Durable means that a crash does not take it back; the others get it, too."""
    network = make_network(2)
    first, second = network.nodes
    network.agree()
    acknowledged = kill_while_writing(second)
    with first.client() as client:
        client.call("kv", *put("while-away"))
    identity = second.peer_id
    second.start(listen=())
    assert second.wait_ready().peer_id == identity
    network.agree()
    for node in network.nodes:
        with node.client() as client:
            found = keys(client, "kv")
        assert found >= {*acknowledged, "while-away"}


def test_killed_founder_returns_where_it_was(make_network):
    """The ports are kept: the others find a node again that was their only address."""
    network = make_network(2)
    first, second = network.nodes
    addresses = first.wait_ready().addresses
    acknowledged = kill_while_writing(first)
    first.start(listen=())
    assert first.wait_ready().addresses == addresses
    with second.client() as client:
        client.call("kv", *put("of-the-other"))
    network.agree()
    for node in network.nodes:
        with node.client() as client:
            assert keys(client, "kv") >= {*acknowledged, "of-the-other"}


def test_partition_heals(make_network):
    """Both sides write while they cannot hear each other, and hold everything after."""
    network = make_network(3)
    one, two, frozen = network.nodes
    network.agree()
    with frozen.client() as client:
        client.call("kv", *put("before"))
        network.agree()
        frozen.freeze()
        with one.client() as other:
            for number in range(20):
                other.call("kv", *put(f"apart-{number}"))
        network.agree(one, two)
        frozen.thaw()
        client.call("kv", *put("after"))
    network.agree()
    expected = {"before", "after", *(f"apart-{number}" for number in range(20))}
    for node in network.nodes:
        with node.client() as client:
            assert keys(client, "kv") == expected


def test_both_sides_of_a_partition_write(make_network):
    """What one wrote and told nobody before it died merges with what the other wrote meanwhile."""
    network = make_network(2)
    one, two = network.nodes
    network.agree()
    two.freeze()
    write_many(one)
    one.kill()
    two.thaw()
    write_many(two)
    one.start(listen=())
    one.wait_ready()
    network.agree()
    expected = {f"{node.name}-{n}" for node in (one, two) for n in range(300)}
    for node in network.nodes:
        with node.client() as client:
            assert keys(client, "kv") == expected


def write_many(node):
    """Set 300 entries in one batch."""
    with node.client() as client:
        for reply in client.batch("kv", [put(f"{node.name}-{n}") for n in range(300)]):
            assert not isinstance(reply, Exception)
