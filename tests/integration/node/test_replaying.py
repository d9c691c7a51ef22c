"""What a node wrote can be run again from its home alone, and comes to the same state."""

from __future__ import annotations

import pytest

from covey.codec import parse_cid
from covey.errors import NodeError, StoreError
from covey.model import ContextId
from covey.runtime import BlockingExecutor, new_engine
from covey.testkit.replay import replay_home
from tests.integration.node.conftest import found, opened, put, run, told


@pytest.mark.trio
async def test_home_of_a_stopped_node_is_replayed(home):
    """Every call, and the digest that the node told."""
    place = home("ada")
    async with opened(place) as node:
        context = await found(node)
        for batch in range(3):
            await run(node, context.id, [put(f"k{batch}-{i}") for i in range(10)])
        digest = told(node, context.id).digest
        executor = BlockingExecutor(new_engine())
        with pytest.raises(StoreError):
            replay_home(place.path, ContextId(parse_cid(context.id)), executor)
    replayed = replay_home(place.path, ContextId(parse_cid(context.id)), executor)
    assert replayed.calls == 30
    assert replayed.digest == digest


@pytest.mark.trio
async def test_a_context_that_is_not_there_is_said_to_be_missing(home):
    """Not replayed as an empty one."""
    place = home("ada")
    async with opened(place):
        pass
    nobody = ContextId(b"\x01\x55\x12\x20" + bytes(32))
    with pytest.raises(NodeError, match="does not hold"):
        replay_home(place.path, nobody, BlockingExecutor(new_engine()))
