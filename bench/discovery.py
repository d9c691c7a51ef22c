"""How long a newcomer that has one address takes to be connected with somebody in its topic.

All nodes are real hosts over TCP in one process: a bootstrap node, others that know it alone, every
sixth of them in the topic. One newcomer after the other starts, is met and goes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import statistics

import trio

from covey.model import PeerId
from covey.network import FrameStream, Network, NetworkConfig, Wishes, open_network

__all__ = ["seconds_to_meet"]

_TOPIC = "t"
_KEY = hashlib.sha256(b"a topic of today").digest()
_LISTEN = ("/ip4/127.0.0.1/tcp/0",)
_MEMBERS_EVERY = 6
_PATIENCE_S = 20.0
_LOOK_S = 0.005


async def seconds_to_meet(nodes: int, newcomers: int) -> list[float]:
    """Of each newcomer, from its start to its connection with a peer of the topic.

    nodes: how many there are before it, the bootstrap node among them.
    """
    async with contextlib.AsyncExitStack() as stack:
        bootstrap = await stack.enter_async_context(open_network(_config(1), on_stream=_leave))
        known = (bootstrap.addresses[0],)
        others = [
            await stack.enter_async_context(open_network(_config(n, known), on_stream=_leave))
            for n in range(2, nodes + 1)
        ]
        with trio.fail_after(_PATIENCE_S):
            while len(bootstrap.connected()) < len(others):  # noqa: ASYNC110 - others' doing
                await trio.sleep(_LOOK_S)
        members = others[::_MEMBERS_EVERY]
        for node in members:
            node.discover(_TOPIC, lambda: (_KEY,))
        names = {node.peer_id for node in members}
        with trio.fail_after(_PATIENCE_S):
            while not _all_met(members, names):  # noqa: ASYNC110 - as above
                await trio.sleep(_LOOK_S)
        return [await _met(nodes + 1 + n, known, names) for n in range(newcomers)]


def _all_met(members: list[Network], names: set[PeerId]) -> bool:
    return all(names - {node.peer_id} <= set(node.connected()) for node in members)


async def _met(number: int, known: tuple[str, ...], wanted: set[PeerId]) -> float:
    is_met = trio.Event()

    def connected(peer: PeerId) -> None:
        if peer in wanted:
            is_met.set()

    began = trio.current_time()
    config = _config(number, known)
    async with open_network(config, on_stream=_leave, on_connected=connected) as newcomer:
        newcomer.discover(_TOPIC, lambda: (_KEY,), lambda: Wishes(is_announced=False))
        with trio.fail_after(_PATIENCE_S):
            await is_met.wait()
        return trio.current_time() - began


def _config(number: int, bootstrap: tuple[str, ...] = ()) -> NetworkConfig:
    return NetworkConfig(seed=number.to_bytes(2, "big") * 16, listen=_LISTEN, bootstrap=bootstrap)


async def _leave(peer: PeerId, stream: FrameStream) -> None:
    """Nobody says anything on a stream here."""
    del peer, stream


async def _main(nodes: int, newcomers: int) -> None:
    took = await seconds_to_meet(nodes, newcomers)
    print(
        json.dumps(
            {
                "name": "covey-discovery",
                "nodes": nodes,
                "newcomers": newcomers,
                "median_s": round(statistics.median(took), 3),
                "worst_s": round(max(took), 3),
            }
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=19, help="before the newcomer")
    parser.add_argument("--newcomers", type=int, default=10)
    asked = parser.parse_args()
    trio.run(_main, asked.nodes, asked.newcomers)
