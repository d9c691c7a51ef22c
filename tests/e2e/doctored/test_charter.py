"""A charter with other rules under the same name: nobody joins it."""

from __future__ import annotations

import threading

import pytest

from covey.errors import NodeError
from covey.testkit.cluster import until
from tests.e2e.doctored.application import arena
from tests.e2e.doctored.assault import record
from tests.e2e.doctored.scene import PATIENCE_S
from tests.e2e.doctored.test_rules import two_founders


@pytest.mark.parametrize("by", ["ticket", "topic"])
def test_an_altered_charter_is_not_joined(scene, by):
    """What it hashes to is the context: who gives another one is to blame, and asked in vain."""
    name = f"chartered, by {by}"
    context = scene.found(arena(), name, two_founders(scene))
    rules = scene.ada.client.rules(context)
    target = scene.mal_client.ticket(context)
    if by == "topic":
        target = scene.ada.client.context(context).topic
    scene.mal.commit("another charter", name)
    for node in scene.honest:
        node.process.freeze()
    zoe = scene.newcomer(f"zoe-{by}")
    joiner = threading.Thread(target=_join, args=(zoe, target), daemon=True)
    joiner.start()
    until(lambda: zoe.refusals(0), PATIENCE_S, "a refusal")
    assert set(zoe.refusals(0)) == {"wrong-content"}
    assert all(row.phase == "joining" for row in zoe.client.contexts().contexts)
    for node in scene.honest:
        node.process.thaw()
    joiner.join(PATIENCE_S)
    with zoe.process.client() as client:
        assert client.join(scene.ada.client.ticket(context), None).admitted
        joined = client.rules(context)
        assert (joined.id, joined.constraints) == (context, rules.constraints)
        assert joined.members == rules.members
    zoe.process.stop()
    record(f"altered charter, joined by {by}", "wrong-content", "0/1")


def _join(node, target: str) -> None:
    try:
        with node.process.client() as client:
            client.join(target, None)
    except NodeError:
        return
