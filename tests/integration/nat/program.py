"""A node in a network of the lab: prints its address, then answers commands, one JSON line each."""

from __future__ import annotations

import contextlib
import sys
import time

import trio

from covey.errors import PeerUnavailable
from covey.model import PeerId
from covey.network import FrameStream, Network, NetworkConfig, open_network
from tests.integration.commanded import obey

FRAME_BYTES = 64 * 1024


async def serve(peer: PeerId, stream: FrameStream) -> None:
    """Answer the last of many frames alone: `x` says that it is the last."""
    with contextlib.suppress(PeerUnavailable):
        while True:
            frame = await stream.receive()
            if frame.startswith(b"x"):
                await stream.send(frame)


async def act(network: Network, request: dict) -> dict:
    started_s = time.monotonic()
    match request["command"]:
        case "dial":
            await network.dial(request["address"])
        case "dial_peer":
            await network.dial_peer(PeerId(request["peer"]))
        case "addresses":
            return {"addresses": network.addresses}
        case "table":
            return {"table": {row.peer: row.address for row in network.peer_table()}}
        case "disconnect":
            await network.disconnect(PeerId(request["peer"]))
        case "send":
            stream = await network.open_stream(PeerId(request["peer"]))
            for _ in range(request["bytes"] // FRAME_BYTES):
                await stream.send(bytes(FRAME_BYTES))
            await stream.send(b"x")
            await stream.receive()
            await stream.close()
    return {"s": time.monotonic() - started_s}


async def main(number: str, listen: str, bootstrap: str, is_relay: str) -> None:
    config = NetworkConfig(
        seed=bytes([int(number)]) * 32,
        listen=(listen,),
        bootstrap=tuple(filter(None, [bootstrap])),
        is_relay=is_relay == "relay",
    )
    async with open_network(config, on_stream=serve) as network:
        await obey(network, act)


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
