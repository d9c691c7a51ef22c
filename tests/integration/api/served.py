"""The API of a fake node, served from a thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from covey.api.server import serve
from tests.integration.api.fake_node import TOKEN, FakeNode

__all__ = ["ServedNode", "served"]


class ServedNode:
    """A fake node whose API is served; `home` is what clients open."""

    def __init__(self, node: FakeNode, home: Path, address: str) -> None:
        self.node = node
        self.home = home
        self.address = address
        self.stop: Callable[[], None] = lambda: None
        self.run: Callable[..., object] = lambda function: function()


@contextmanager
def served(home: Path) -> Iterator[ServedNode]:
    """Serve a fake node from a thread of its own while the block runs.

    `run` runs a function in the loop of the node; `stop` ends the server and waits for it.
    """
    node = FakeNode()
    ready: list[ServedNode] = []
    is_ready = threading.Event()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            host, port = await nursery.start(_serve, node)
            served_node = ServedNode(node, home, f"http://{host}:{port}")
            token = trio.lowlevel.current_trio_token()
            served_node.run = lambda function, *arguments: trio.from_thread.run_sync(
                function, *arguments, trio_token=token
            )
            served_node.stop = lambda: served_node.run(nursery.cancel_scope.cancel)
            ready.append(served_node)
            is_ready.set()

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    assert is_ready.wait(10)
    (served_node,) = ready
    home.mkdir(exist_ok=True)
    (home / "keys").mkdir(exist_ok=True)
    (home / "token").write_text(TOKEN)
    (home / "api.json").write_text(json.dumps({"address": served_node.address, "pid": 1}))
    try:
        yield served_node
    finally:
        if thread.is_alive():
            with suppress(trio.RunFinishedError):
                served_node.stop()
        thread.join(10)
        assert not thread.is_alive()


async def _serve(node: FakeNode, task_status: trio.TaskStatus[tuple[str, int]]) -> None:
    await serve(node, host="127.0.0.1", port=0, token=TOKEN, task_status=task_status)
