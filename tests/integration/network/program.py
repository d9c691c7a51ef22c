"""A node in a process of its own: prints its address, then answers commands, one JSON line each."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import trio

from covey.errors import PeerUnavailable
from covey.model import PeerId, Verdict
from covey.network import FrameStream, Network, NetworkConfig, open_network
from tests.integration.commanded import obey

FRAMES: list[bytes] = []
ARRIVED_NS: list[int] = []


async def echo(peer: PeerId, stream: FrameStream) -> None:
    with contextlib.suppress(PeerUnavailable):
        while True:
            await stream.send(await stream.receive())


def keep(peer: PeerId, frame: bytes) -> Verdict:
    FRAMES.append(frame)
    ARRIVED_NS.append(time.time_ns())
    return Verdict.ACCEPT


async def act(network: Network, request: dict) -> dict:
    match request["command"]:
        case "dial":
            await network.dial(request["address"])
        case "subscribe":
            await network.subscribe(request["topic"], keep)
        case "topic_peers":
            return {"peers": network.topic_peers(request["topic"])}
        case "publish":
            for number in range(request["count"]):
                frame = b"%d:" % number + bytes(request["size"])
                await network.publish(request["topic"], frame)
        case "frames":
            return {"count": len(FRAMES), "distinct": len(set(FRAMES))}
        case "latencies":
            sent_ns = [int.from_bytes(frame[:8], "big") for frame in FRAMES]
            pairs = zip(ARRIVED_NS, sent_ns, strict=True)
            return {"ms": [(arrived - sent) / 1e6 for arrived, sent in pairs]}
        case "publish_stamped":
            for _ in range(request["count"]):
                stamp = time.time_ns().to_bytes(8, "big")
                await network.publish(request["topic"], stamp + bytes(request["size"] - 8))
                await trio.sleep(request["pause_s"])
        case "clear":
            FRAMES.clear()
            ARRIVED_NS.clear()
        case "cpu":
            return {"cpu_s": time.process_time()}
        case "connected":
            return {"peers": network.connected()}
        case "echo":
            stream = await network.open_stream(PeerId(request["peer"]))
            await stream.send(b"ping")
            answer = await stream.receive()
            await stream.close()
            return {"answer": answer.decode()}
    return {"ok": True}


async def main(number: str, listen: str, peers: str) -> None:
    config = NetworkConfig(
        seed=bytes([int(number)]) * 32,
        listen=(listen,),
        peers_path=Path(peers) if peers else None,
    )
    async with open_network(config, on_stream=echo) as network:
        await obey(network, act)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
