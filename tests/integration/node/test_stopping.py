"""Stopping at any moment: a node that is told to end while it begins must not hang."""

from __future__ import annotations

import pytest
import trio

from covey.api.server import serve
from covey.node.running import run
from tests.integration.api.fake_node import TOKEN, FakeNode
from tests.integration.node.conftest import LOOPBACK

pytestmark = pytest.mark.trio


@pytest.mark.parametrize("steps", range(12))
async def test_server_cancelled_at_any_step_ends(steps):
    """Behind its shield the server once waited for a word that nobody was left to say."""

    async def begin(scope):
        with scope:
            async with trio.open_nursery() as nursery:
                await nursery.start(_serve)
                await trio.sleep_forever()

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()
            nursery.start_soon(begin, scope)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            scope.cancel()


async def _serve(*, task_status):
    await serve(FakeNode(), host="127.0.0.1", port=0, token=TOKEN, task_status=task_status)


@pytest.mark.parametrize("delay_s", [0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12])
async def test_node_cancelled_while_it_starts_ends(home, delay_s):
    """Wherever Ctrl-C meets it; it starts again afterwards."""
    path = home("ada").path
    with trio.fail_after(20):
        with trio.move_on_after(delay_s):
            await run(
                path,
                listen=LOOPBACK,
                bootstrap=[],
                api=None,
                serve=serve,
                on_ready=lambda service, api: None,
            )
        await run(
            path,
            listen=(),
            bootstrap=[],
            api=None,
            serve=serve,
            on_ready=lambda service, api: service.request_stop(),
        )
