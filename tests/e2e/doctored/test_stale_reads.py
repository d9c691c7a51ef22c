"""One delta with an old cut that reads a busy entry: it outlasts the watchdog of whoever runs it.

What a read costs at an old cut grows with each later version of the entry, and its fuel does not.
A run that is ended by the watchdog is no verdict: the delta is held, and all that follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.client import Client
from covey.errors import NodeError
from covey.testkit.cluster import agree, until
from tests.e2e.doctored.application import ADD, TOUCH, burner
from tests.e2e.doctored.assault import Assault
from tests.e2e.doctored.scene import PATIENCE_S, Honest, Scene, opened


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """One for each test: they stop its nodes."""
    with opened(tmp_path / "scene") as scene:
        yield scene


TOUCHES = 250
"""Of the entry, in one delta of an honest member."""


def touched(client: Client, context: str) -> None:
    """An honest node's calls, none of which is odd."""
    replies = list(client.batch(context, [(TOUCH, b"{}")] * TOUCHES))
    assert not [reply for reply in replies if isinstance(reply, NodeError)]


def test_honest_calls_go_on_beside_one_stale_delta(scene: Scene):
    """One delta must not take every node's engine for ten seconds, and then again and again."""
    context = scene.found(burner(), "stale reads")
    assault = Assault(scene, context, lambda name: (ADD, b"{}"))
    assault.commit("lay fuse")
    touched(scene.ada.client, context)
    with assault.under("stale reads", waiting=True) as seen:
        (delta,) = assault.commit("light fuse")
        for node, mark in seen.each():
            until(lambda n=node, m=mark: n.gave_up(m) or delta in n.rows(context), PATIENCE_S, "it")
    applied = sum(delta in node.rows(context) for node in scene.honest)
    assault.close()
    assault.told("one stale delta that reads a busy entry", "held", seen, str(applied))
    assert applied == len(scene.honest)


@pytest.mark.parametrize("deed", [pytest.param("light fuse"), pytest.param("honest add")])
def test_honest_nodes_agree_again_after_a_partition(scene: Scene, deed: str):
    """ada has applied it while its cut was young; ben, who was away and wrote, has to as well.

    With an honest delta in its place they do.
    """
    context = scene.found(burner(), f"split by {deed}")
    ada, ben = scene.ada, scene.ben
    for node in scene.honest:
        node.client.call(context, ADD)
    scene.meet(context)
    ben.process.stop()
    scene.mal.commit("lay fuse", context)
    (delta,) = scene.mal.commit(deed, context)
    until(lambda: delta in ada.rows(context), PATIENCE_S, "ada applies it")
    ada.client.call(context, ADD)
    scene.mal.stop()
    ada.process.stop()
    ben.process.start(listen=())
    ben.process.wait_ready()
    touched(ben.client, context)
    ada.process.start(bootstrap=(ben.process.address,))
    ada.process.wait_ready()
    agree(context, clients(ada, ben), PATIENCE_S)


def clients(*nodes: Honest) -> dict[str, Client]:
    """New ones: the nodes were started again."""
    return {node.peer_id: node.process.client() for node in nodes}
