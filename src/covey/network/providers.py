"""Provider records in the Kademlia DHT: who can be asked about a key."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice

import trio
from libp2p.abc import INetStream
from libp2p.exceptions import BaseLibp2pError
from libp2p.host.basic_host import BasicHost
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.kad_dht.provider_store import ProviderStore
from libp2p.kad_dht.utils import sort_peer_ids_by_distance
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.tools.anyio_service.context import background_trio_service
from multiaddr import Multiaddr
from trio_typing import TaskStatus

from covey.model import PeerId, limits
from covey.network.address import peer_id_of, split_peer
from covey.network.connections import Connections
from covey.network.provider_query import ask_providers
from covey.network.questions import Questions

__all__ = ["Providers"]

_logger = logging.getLogger(__name__)
_KEY_BYTES = 32
_SHA2_256 = b"\x12\x20"  # the multihash prefix: function and length
_QUERIES_AT_ONCE = 4
_ADDRESS_TTL_S = 3600


class _BoundedStore(ProviderStore):
    """Records that others left here; py-libp2p bounds the providers of a key, nothing else."""

    def add_provider(self, key: bytes, provider: PeerInfo) -> None:
        short = (a for a in provider.addrs if len(a.to_bytes()) <= limits.PEER_ADDRESS_BYTES_MAX)
        provider = PeerInfo(provider.peer_id, list(islice(short, limits.DIAL_ADDRESSES_MAX)))
        while key not in self.providers and len(self.providers) >= limits.PROVIDER_KEYS_MAX:
            del self.providers[next(iter(self.providers))]
        super().add_provider(key, provider)


class _Dht(KadDHT):
    """py-libp2p serves twelve streams at once, all of which one idle peer could hold for ever."""

    def __init__(self, host: BasicHost) -> None:
        super().__init__(host, DHTMode.SERVER, strict_validation=True)
        self._inbound_limiter = trio.CapacityLimiter(limits.DHT_STREAMS_MAX)
        self._served: Counter[ID] = Counter()

    async def handle_stream(self, stream: INetStream) -> None:
        """Serve a stream of a peer for a while."""
        peer = stream.muxed_conn.peer_id
        if self._served[peer] >= limits.DHT_STREAMS_PER_PEER_MAX:
            await stream.reset()
            return
        self._served[peer] += 1
        try:
            with trio.move_on_after(limits.DHT_STREAM_S) as scope:
                await super().handle_stream(Questions(stream))
            if scope.cancelled_caught:
                await stream.reset()
        finally:
            self._served[peer] -= 1
            if not self._served[peer]:
                del self._served[peer]


class _Found:
    """Providers of one lookup, in the order in which they were told, without this node."""

    def __init__(self, me: ID) -> None:
        self._me = me
        self.peers: dict[ID, list[Multiaddr]] = {}

    def take(self, infos: Iterable[PeerInfo]) -> None:
        """Take one answer, as far as there is room."""
        for info in infos:
            is_known = info.peer_id in self.peers
            if info.peer_id != self._me and (is_known or len(self.peers) < limits.PROVIDERS_MAX):
                self.peers.setdefault(info.peer_id, []).extend(info.addrs)


class Providers:
    """The DHT of one host, in server mode.

    A key is a SHA-256 hash; on the wire it is that hash's multihash, as of any content.
    on_opened: called when the first of the connected peers can be asked.
    """

    def __init__(self, host: BasicHost, connections: Connections) -> None:
        self.on_opened: Callable[[], None] = lambda: None
        self._host = host
        self._connections = connections
        self._dht = _Dht(host)
        self._store = _BoundedStore(host=host, peer_routing=self._dht.peer_routing)
        self._dht.provider_store = self._store

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; ready when started."""
        async with trio.open_nursery() as nursery, background_trio_service(self._dht):
            self._connections.watch(lambda peer: nursery.start_soon(self._learn, peer), None)
            task_status.started()
            await trio.sleep_forever()

    async def provide(self, key: bytes) -> bool:
        """Announce this node at the peers closest to the key; False if none took it."""
        try:
            return await self._store.provide(_multihash(key))
        except BaseLibp2pError as error:
            _logger.debug("announcing failed", extra={"reason": repr(error)})
            return False

    async def find(
        self, key: bytes, on_found: Callable[[tuple[PeerId, ...]], Awaitable[None]] | None = None
    ) -> tuple[PeerId, ...]:
        """Peers that announced the key, each once, without this node; their addresses are noted.

        on_found: told of those that are news before further peers are asked, which wait for it.
        py-libp2p answers with its local records alone if it has any, and would see nobody new.
        """
        target = _multihash(key)
        found = _Found(self._host.get_id())
        found.take(self._store.get_providers(target))
        waiting = self._dht.routing_table.find_local_closest_peers(
            target, limits.PROVIDERS_QUERIES_MAX
        )
        asked: set[ID] = {self._host.get_id()}
        told = 0
        while (
            len(asked) <= limits.PROVIDERS_QUERIES_MAX and len(found.peers) < limits.PROVIDERS_MAX
        ):
            told = await self._tell(found, told, on_found)
            batch = [peer for peer in waiting if peer not in asked][:_QUERIES_AT_ONCE]
            if not batch:
                break
            asked.update(batch)
            closer = await self._ask_all(batch, target, found)
            if len(found.peers) == told and told > 0:
                break  # The closest peers agree; those further away know no more.
            waiting = sort_peer_ids_by_distance(target, list(dict.fromkeys((*waiting, *closer))))
        await self._tell(found, told, on_found)
        return self._note(found.peers)

    async def _tell(
        self,
        found: _Found,
        told: int,
        on_found: Callable[[tuple[PeerId, ...]], Awaitable[None]] | None,
    ) -> int:
        """Tell those after the first `told`; returns how many are told then."""
        news = dict(list(found.peers.items())[told:])
        if news and on_found is not None:
            await on_found(self._note(news))
        return told + len(news)

    async def _ask_all(self, batch: list[ID], target: bytes, found: _Found) -> list[ID]:
        closer: list[ID] = []

        async def ask(peer: ID) -> None:
            with trio.move_on_after(limits.PROVIDERS_QUERY_S):
                infos, nearer = await ask_providers(self._host, peer, target)
                found.take(infos)
                closer.extend(info.peer_id for info in nearer)
                self._note({info.peer_id: info.addrs for info in nearer})

        async with trio.open_nursery() as nursery:
            for peer in batch:
                nursery.start_soon(ask, peer)
        return closer

    def _note(self, found: dict[ID, list[Multiaddr]]) -> tuple[PeerId, ...]:
        peerstore = self._host.get_peerstore()
        for peer, addresses in found.items():
            usable = dict.fromkeys(split_peer(address)[0] for address in addresses)
            if usable:
                peerstore.add_addrs(peer, list(usable)[: limits.DIAL_ADDRESSES_MAX], _ADDRESS_TTL_S)
        return tuple(peer_id_of(peer) for peer in found)

    async def _learn(self, peer: ID) -> None:
        """Put a connected peer into the routing table once its addresses can be known."""
        addresses = [
            address
            for conn in self._host.get_network().get_connections(peer)
            for address in conn.get_transport_addresses()
        ]
        await self._dht.routing_table.add_peer(
            PeerInfo(peer, addresses), skip_server_mode_check=True
        )
        if len(self._connections.peers()) == 1:
            self.on_opened()


def _multihash(key: bytes) -> bytes:
    assert len(key) == _KEY_BYTES
    return _SHA2_256 + key
