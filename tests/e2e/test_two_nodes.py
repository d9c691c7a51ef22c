"""The main job through the command alone: install, found, join, call, converge, leave."""

from __future__ import annotations

import json

from covey.testkit.cluster import until
from tests.e2e.conftest import APPS, PATIENCE_S


def told(result):
    """What a command that succeeded printed as JSON."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_two_people_share_a_context(cluster, covey, make_network):
    """Every step of the tutorial, by the commands that people type."""
    ada, ben = cluster.add("ada"), cluster.add("ben")
    cluster.start(ada)
    cluster.start(ben, bootstrap=ada)
    release = told(covey("app", "install", APPS / "kv" / "kv.covey", "--json", home=ada.home))["id"]
    context = told(covey("context", "create", release, "--name", "notes", "--json", home=ada.home))[
        "id"
    ]
    ticket = told(covey("context", "ticket", "notes", "--json", home=ada.home))["ticket"]
    joined = told(covey("join", ticket, "--name", "shared", "--json", home=ben.home))
    assert joined == {"id": context, "admitted": True, "why": ""}

    one = told(covey("call", "notes", "set", '{"key": "a", "value": "1"}', "--json", home=ada.home))
    assert set(one) == {"result", "delta", "fuel"}
    two = covey("call", "shared", "set", '{"key": "b", "value": "2"}', "--json", home=ben.home)
    assert told(two)["delta"] != one["delta"]

    def status(node):
        (row,) = told(covey("status", "--json", home=node.home))["contexts"]
        return row

    def are_equal():
        rows = status(ada), status(ben)
        return rows[0]["digest"] == rows[1]["digest"] and (
            rows[0]["in_sync_with"] == [ben.peer_id] and rows[1]["in_sync_with"] == [ada.peer_id]
        )

    until(are_equal, PATIENCE_S, "agreement of two nodes")
    row = status(ben)
    assert row["name"] == "shared"
    assert row["members"] == 2
    assert row["behind"] == 0
    for node, name in ((ada, "notes"), (ben, "shared")):
        answer = told(covey("query", name, "get", '{"key": "b"}', "--json", home=node.home))
        assert answer["result"]["value"] == "2"

    peers = told(covey("peers", "--json", home=ada.home))
    assert [peer["peer_id"] for peer in peers["peers"]] == [ben.peer_id]
    told(covey("context", "leave", "shared", "--json", home=ben.home))
    assert told(covey("status", "--json", home=ben.home))["contexts"] == []


def test_batch_answers_each_line_in_order(covey, make_network):
    """Scripts match answers to lines by their place; one bad call does not cost the others."""
    (node,) = make_network(1).nodes
    lines = [
        '{"method": "set", "args": {"key": "a", "value": "1"}}',
        '{"method": "set", "args": {"wrong": 1}}',
        '{"method": "nothing"}',
        '{"method": "set", "args": {"key": "b", "value": "2"}}',
    ]
    result = covey("call", "kv", "--batch", "-", home=node.home, stdin="\n".join(lines) + "\n")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert ["error" in answer for answer in answers] == [False, True, True, False]
    assert result.returncode == 1


def test_late_joiner_gets_everything(cluster, make_network):
    """Who comes later holds what was written before, and says in sync only then."""
    network = make_network(1)
    first = network.nodes[0]
    late = cluster.add("late")
    late.start(bootstrap=(first.address,))
    with first.client() as client:
        calls = [
            (("set"), json.dumps({"key": f"k{n}", "value": "v" * 100}).encode())
            for n in range(3_000)
        ]
        for reply in client.batch("kv", calls):
            assert not isinstance(reply, Exception)
        late.wait_ready()
        network.join(late)
        network.agree()
        with late.client() as other:
            last = json.loads(bytes(other.query("kv", "get", b'{"key": "k2999"}').result))
    assert last["value"] == "v" * 100


def test_many_batches_leave_no_connection_open(make_network):
    """Each batch has a connection of its own; there are only so many of them."""
    (node,) = make_network(1).nodes
    with node.client() as client:
        for number in range(300):
            (reply,) = client.batch("kv", [("set", b'{"key": "a", "value": "%d"}' % number)])
            assert not isinstance(reply, Exception)
