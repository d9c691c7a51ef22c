"""A peer that says anything: raw sockets, raw Noise, raw streams, raw frames. Its manners are bad.

It shares the codec with the code under test, so that what it sends is wrong only where it means to.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.io.exceptions import IOException
from libp2p.peer.id import ID

from covey.codec import peer_id_text
from covey.crypto import Signer, sha256
from covey.model import PeerId
from covey.network.address import parse_listen_address, parse_peer_address
from covey.network.peerstore import BoundedPeerStore
from covey.network.swarm import build_host

__all__ = ["ENDED", "Attacker", "open_attacker", "seed_below"]

ENDED = (BaseLibp2pError, IOException, trio.BrokenResourceError, trio.ClosedResourceError, OSError)
"""What it sees when the victim has had enough."""

_LOOPBACK = "/ip4/127.0.0.1/tcp/0"
_DIAL_S = 20.0


def seed_below(victim: str, number: int) -> bytes:
    """A seed whose peer id sorts before the victim's, so that the sync stream is its to open."""
    attempt = 0
    while True:
        seed = sha256(b"attacker %d %d" % (number, attempt))
        if peer_id_text(Signer.from_seed(seed).public) < victim:
            return seed
        attempt += 1


class Attacker:
    """A libp2p host that serves nothing and opens whatever streams it likes."""

    def __init__(self, host: BasicHost, address: str) -> None:
        self.host = host
        self.peer = PeerId(host.get_id().to_base58())
        self.victim, self._transport = parse_peer_address(address)

    async def connect(self) -> None:
        """Dial the victim, if there is no connection; raises one of ENDED."""
        store = self.host.get_peerstore()
        assert isinstance(store, BoundedPeerStore)
        store.add_vouched(self.victim, [self._transport], 3_600)
        with trio.fail_after(_DIAL_S):
            await self.host.get_network().dial_peer(self.victim)

    @property
    def is_connected(self) -> bool:
        """The victim has not closed the connection."""
        connections = self.host.get_network().get_connections(self.victim)
        return any(not conn.is_closed for conn in connections)

    async def open(self, protocol: str) -> INetStream:
        """A stream to the victim, over a new connection if need be; raises one of ENDED."""
        await self.connect()
        with trio.fail_after(_DIAL_S):
            return await self.host.new_stream(self.victim, [TProtocol(protocol)])

    async def disconnect(self) -> None:
        """Hang up."""
        for conn in self.host.get_network().get_connections(self.victim):
            await conn.close()

    def serve(self, protocol: str, handler: Callable[[INetStream], Awaitable[None]]) -> None:
        """Answer a protocol."""
        self.host.set_stream_handler(TProtocol(protocol), handler)


@contextlib.asynccontextmanager
async def open_attacker(address: str, number: int = 1) -> AsyncIterator[Attacker]:
    """An attacker on loopback that is connected to the victim at an address."""
    seed = seed_below(address.rsplit("/", 1)[1], number)
    async with trio.open_nursery() as nursery:
        host, _ = build_host(seed, nursery)
        async with host.run([parse_listen_address(_LOOPBACK)]):
            attacker = Attacker(host, address)
            await attacker.connect()
            try:
                yield attacker
            finally:
                with trio.move_on_after(2):
                    await attacker.disconnect()
                with trio.move_on_after(2):
                    await host.close()
        nursery.cancel_scope.cancel()


def peer_of(text: str) -> ID:
    """The libp2p id of a peer id's text."""
    return ID.from_base58(text)
