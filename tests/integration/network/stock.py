"""Peers of another make: py-libp2p as it comes, and a raw gossip stream that says anything."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import trio
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from covey.errors import PeerUnavailable
from covey.network import Network
from covey.network.wire import RpcReader

__all__ = ["RawPeer", "open_raw_peer", "stock_host"]


@contextlib.asynccontextmanager
async def stock_host():
    """py-libp2p as it comes, with Noise."""
    import libp2p
    from libp2p.crypto.x25519 import create_new_key_pair
    from libp2p.security.noise.transport import PROTOCOL_ID, Transport
    from multiaddr import Multiaddr

    key_pair = libp2p.generate_new_ed25519_identity()
    noise = Transport(key_pair, noise_privkey=create_new_key_pair().private_key)
    host = libp2p.new_host(key_pair=key_pair, sec_opt={PROTOCOL_ID: noise})
    async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        yield host
        await host.close()


class RawPeer:
    """Writes RPCs, and keeps those it was sent."""

    def __init__(self, host, stream) -> None:
        self.host = host
        self.peer = host.get_id().to_base58()
        self.heard: list[rpc_pb2.RPC] = []
        self._stream = stream

    @property
    def address(self) -> str:
        return str(self.host.get_addrs()[0])

    async def write(self, **parts: object) -> None:
        await self.write_bytes(encode_varint_prefixed(rpc_pb2.RPC(**parts).SerializeToString()))

    async def write_bytes(self, packed: bytes) -> None:
        await self._stream.write(packed)

    async def write_control(self, **parts: object) -> None:
        await self.write(control=rpc_pb2.ControlMessage(**parts))

    def controls(self, name: str) -> list:
        """All entries of one kind that came, in order."""
        return [entry for rpc in self.heard for entry in getattr(rpc.control, name)]

    async def listen(self, stream) -> None:
        reader = RpcReader(stream)
        with contextlib.suppress(PeerUnavailable, Exception):
            while True:
                self.heard.append(rpc_pb2.RPC.FromString(await reader.next()))


@contextlib.asynccontextmanager
async def open_raw_peer(covey: Network) -> AsyncIterator[RawPeer]:
    """A raw peer that covey dialled, with a gossip stream each way."""
    streams: list = []
    found = trio.Event()

    async def accept(stream) -> None:
        streams.append(stream)
        found.set()
        await trio.sleep_forever()

    async with stock_host() as host, trio.open_nursery() as nursery:
        host.set_stream_handler(PROTOCOL_ID_V11, accept)
        await covey.dial(str(host.get_addrs()[0]))
        out = await host.new_stream(host.get_connected_peers()[0], [PROTOCOL_ID_V11])
        raw = RawPeer(host, out)
        await found.wait()
        nursery.start_soon(raw.listen, streams[0])
        yield raw
        nursery.cancel_scope.cancel()
