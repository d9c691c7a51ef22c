"""A covey network in a process of its own: prints its address, then answers commands, one line of
JSON each. The same commands as js-libp2p/node.mjs beside it; times are the monotonic clock.
"""

from __future__ import annotations

import json
import os
import sys
import time

import trio

from covey.model import PeerId, Verdict
from covey.network import FrameStream, Network, NetworkConfig, open_network

__all__: list[str] = []

_STAMP_BYTES = 12  # when it was sent, 8 bytes, and a number, 4 bytes
_NAME_BYTES = 28  # the stamp and some of the random filling, which each publisher has of its own
_LOOK_S = 0.01


class Heard:
    """What arrived, and how long after it was sent."""

    def __init__(self) -> None:
        self._latencies_ms: list[float] = []
        self._distinct: set[bytes] = set()
        self._wanted = 0
        self._complete = trio.Event()

    def validate(self, peer: PeerId, frame: bytes) -> Verdict:
        """Accept anything."""
        del peer
        sent_ns = int.from_bytes(frame[:8], "big")
        self._latencies_ms.append((time.monotonic_ns() - sent_ns) / 1e6)
        self._distinct.add(frame[:_NAME_BYTES])
        if len(self._distinct) == self._wanted:
            self._complete.set()
        return Verdict.ACCEPT

    async def received(self, count: int, patience_s: float) -> dict[str, object]:
        """Once that many distinct messages are there, or at the end of patience; then forget."""
        self._wanted, self._complete = count, trio.Event()
        if len(self._distinct) < count:
            with trio.move_on_after(patience_s):
                await self._complete.wait()
        answer = {
            "distinct": len(self._distinct),
            "heard": len(self._latencies_ms),
            "ms": self._latencies_ms,
        }
        self._latencies_ms, self._distinct, self._wanted = [], set(), 0
        return answer


async def _publish(network: Network, topic: str, count: int, size: int, rate: float | None) -> None:
    filling = os.urandom(size - _STAMP_BYTES)
    begun = trio.current_time()
    for number in range(count):
        if rate:
            await trio.sleep_until(begun + number / rate)
        stamp = time.monotonic_ns().to_bytes(8, "big") + number.to_bytes(4, "big")
        await network.publish(topic, stamp + filling)


async def _act(network: Network, heard: Heard, request: dict[str, object]) -> object:
    match request:
        case {"do": "dial", "address": str(address)}:
            await network.dial(address)
        case {"do": "subscribe", "topic": str(topic)}:
            await network.subscribe(topic, heard.validate)
        case {"do": "meet", "topic": str(topic), "peers": int(peers)}:
            while len(network.topic_peers(topic)) < peers:  # noqa: ASYNC110 -- theirs to do
                await trio.sleep(_LOOK_S)
        case {"do": "publish", "topic": str(topic), "count": int(count), "size": int(size)}:
            rate = request.get("rate")
            assert rate is None or isinstance(rate, int | float)
            await _publish(network, topic, count, size, rate)
        case {"do": "received", "count": int(count), "patience_s": int(patience_s)}:
            return await heard.received(count, patience_s)
        case _:
            raise AssertionError(request)
    return {}


async def _nothing(peer: PeerId, stream: FrameStream) -> None:
    del peer, stream


async def _main() -> None:
    heard = Heard()
    config = NetworkConfig(seed=os.urandom(32), listen=("/ip4/127.0.0.1/tcp/0",))
    async with open_network(config, on_stream=_nothing) as network:
        _say({"address": network.addresses[0]})
        async for line in trio.wrap_file(sys.stdin):
            _say(await _act(network, heard, json.loads(line)))


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    trio.run(_main)
