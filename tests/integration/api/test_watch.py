"""A watch: rows as they come, heartbeats between them, and an end that says why."""

from __future__ import annotations

import json
import threading

import httpx
import pytest
import trio

from covey.errors import NotFound, PeerUnavailable
from covey.model import limits
from tests.integration.api.fake_node import TOKEN


def _count_watchers(served_node):
    return served_node.run(lambda: len(served_node.node.watchers))


def _until(condition):
    """Wait for what another thread does; the test's own time limit ends it otherwise."""
    pause = threading.Event()
    while not condition():
        pause.wait(0.005)


def test_rows_arrive_as_deltas_are_applied(client, served_node):
    with client.watch("notes") as rows:
        applied = served_node.run(served_node.node.apply, 3)
        row = next(rows)
    assert (row.delta, row.author, row.sequence, row.calls) == (
        applied.delta,
        applied.author,
        1,
        3,
    )


def test_nothing_is_missed_after_the_block_is_entered(client, served_node):
    """The demo hands over by a watch: a delta between opening and reading must be told."""
    with client.watch("notes") as rows:
        for _ in range(50):
            served_node.run(served_node.node.apply)
        assert [next(rows).arrival for _ in range(50)] == list(range(1, 51))


def test_watch_from_an_arrival_number_begins_with_what_was_before(client, served_node):
    for _ in range(5):
        served_node.run(served_node.node.apply)
    with client.watch("notes", after=2) as rows:
        assert [next(rows).arrival for _ in range(3)] == [3, 4, 5]
        served_node.run(served_node.node.apply)
        assert next(rows).arrival == 6


def test_watch_ends_when_the_client_leaves(client, served_node):
    """A watcher that is gone must not be told for ever."""
    with client.watch("notes"):
        assert _count_watchers(served_node) == 1
    _until(lambda: _count_watchers(served_node) == 0)


def test_silent_watch_sends_heartbeats(served_node, monkeypatch):
    """A connection that died without a word is noticed by the write that fails."""
    monkeypatch.setattr(limits, "API_HEARTBEAT_S", 0.01)
    with httpx.stream(
        "GET",
        f"{served_node.address}/v1/contexts/notes/watch",
        headers={"authorization": f"Bearer {TOKEN}"},
    ) as reply:
        pieces = reply.iter_raw()
        assert [next(pieces) for _ in range(4)] == [b"\n"] * 4


def test_client_passes_over_heartbeats(client, served_node, monkeypatch):
    monkeypatch.setattr(limits, "API_HEARTBEAT_S", 0.01)
    with client.watch("notes") as rows:
        thread = threading.Timer(0.1, served_node.run, [served_node.node.apply])
        thread.start()
        assert next(rows).arrival == 1
        thread.join()


def test_watcher_that_falls_behind_is_told_and_cut_off(client, served_node):
    served_node.node.watch_queue_max = 5

    def burst():
        for _ in range(20):
            served_node.node.apply()

    with client.watch("notes") as rows:
        served_node.run(burst)
        arrivals = []
        with pytest.raises(PeerUnavailable, match="fell behind"):
            arrivals.extend(row.arrival for row in rows)
    assert len(arrivals) < 20
    assert served_node.node.watchers == []


def test_watch_of_an_unknown_context_is_not_found(client):
    with pytest.raises(NotFound), client.watch("nope"):
        pass


def test_watch_is_told_when_the_node_stops(served_node):
    with httpx.stream(
        "GET",
        f"{served_node.address}/v1/contexts/notes/watch",
        headers={"authorization": f"Bearer {TOKEN}"},
    ) as reply:
        lines = reply.iter_lines()
        assert next(lines) == ""
        served_node.stop()
        last = [line for line in lines if line][-1]
    assert json.loads(last)["error"]["message"] == "the node is stopping"


def test_client_says_that_the_node_stops(client, served_node):
    with client.watch("notes") as rows:
        served_node.stop()
        with pytest.raises(PeerUnavailable, match="stopping"):
            next(rows)


def test_many_rows_for_one_watcher(client, served_node):
    """Rows that wait together leave together, complete and in order."""
    served_node.node.watch_queue_max = 20_000

    def burst():
        for _ in range(5_000):
            served_node.node.apply()

    with client.watch("notes") as rows:
        served_node.run(burst)
        assert [next(rows).arrival for _ in range(5_000)] == list(range(1, 5_001))


def test_fake_keeps_the_contract_of_a_full_queue():
    """The rest of this file rests on it: who falls behind finds the channel closed."""

    async def main():
        from tests.integration.api.fake_node import FakeNode

        node = FakeNode()
        node.watch_queue_max = 1
        async with node.watch("notes", None) as rows:
            node.apply()
            node.apply()
            assert (await rows.receive())[0] == 1
            with pytest.raises(trio.EndOfChannel):
                await rows.receive()

    trio.run(main)
