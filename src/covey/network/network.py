"""The network: peers, gossip, provider records and streams of one node. It moves bytes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import trio
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError

from covey.errors import ConfigError, PeerUnavailable
from covey.model import PeerId, limits
from covey.network.address import parse_peer_address, parse_peer_id, peer_id_of, split_peer
from covey.network.chronicle import Chronicle
from covey.network.connections import Connections, PeerRow
from covey.network.discovery import Discovery, OnFound, ProviderKeys, Wishes
from covey.network.gossip import Gossip, Validate
from covey.network.identify import PeerHost
from covey.network.peerstore import BoundedPeerStore
from covey.network.providers import Providers
from covey.network.redial import Redial
from covey.network.remembered import RememberedPeers
from covey.network.rules import TopicRules
from covey.network.scores import Misdeed
from covey.network.streams import FrameStream
from covey.network.swarm import PeerSwarm

__all__ = ["SYNC_PROTOCOL", "Network", "OnStream"]

SYNC_PROTOCOL = TProtocol("/covey/sync/1.0.0")

OnStream = Callable[[PeerId, FrameStream], Awaitable[None]]

_ADDRESS_TTL_S = 3600


class Network:
    """One node's place among its peers; made by `open_network`.

    Callbacks are called in the network's tasks: `validate` and the notices of peers must be quick
    and must not raise; an exception in one of them stops the network and is raised by the block.
    """

    def __init__(
        self,
        host: PeerHost,
        connections: Connections,
        gossip: Gossip,
        providers: Providers,
        remembered: RememberedPeers,
        services: trio.Nursery,
        on_stream: OnStream,
        crash: Callable[[Exception], None],
    ) -> None:
        self.peer_id = peer_id_of(host.get_id())
        rng = random.Random()  # noqa: S311
        self.discovery = Discovery(
            self.provide,
            self.find_providers,
            self.dial_peer,
            self.is_connected,
            rng,
        )
        self._host = host
        self._connections = connections
        self.chronicle = Chronicle(host.get_id(), connections)
        self._gossip = gossip
        self._providers = providers
        self.redial = Redial(host, connections, remembered, self.dial_id, rng)
        self._services = services
        self._on_stream = on_stream
        self._crash = crash
        self._is_closed = False
        self._inbound_streams: Counter[PeerId] = Counter()
        host.set_stream_handler(SYNC_PROTOCOL, self._serve_stream)
        providers.on_opened = self.discovery.hasten

    @property
    def addresses(self) -> tuple[str, ...]:
        """Full multiaddrs that this node can be dialled at."""
        return tuple(str(address) for address in self._host.get_addrs())

    async def dial(self, address: str) -> PeerId:
        """Connect to `/ip4/…/tcp/…/p2p/…` at the operator's word, whatever it names.

        Raises ConfigError if malformed, PeerUnavailable.
        """
        peer, transport = parse_peer_address(address)
        if peer == self._host.get_id():
            raise ConfigError("the address to dial is this node's own")
        store = self._host.get_peerstore()
        assert isinstance(store, BoundedPeerStore)
        store.add_vouched(peer, [transport], _ADDRESS_TTL_S)
        self.redial.choose(peer, transport)
        await self.dial_id(peer)
        return peer_id_of(peer)

    def addresses_of(self, peer: PeerId) -> tuple[str, ...]:
        """Transport addresses that a peer said of itself, or was found or dialled at."""
        try:
            known = self._host.get_peerstore().addrs(parse_peer_id(peer))
        except PeerStoreError:
            return ()
        return tuple(dict.fromkeys(str(split_peer(address)[0]) for address in known))

    async def dial_at(self, peer: PeerId, addresses: Iterable[str]) -> None:
        """Connect to a peer at transport addresses, which are not kept if it is not there.

        Raises ConfigError for one that is malformed, PeerUnavailable.
        """
        parsed = [parse_peer_address(f"{address}/p2p/{peer}")[1] for address in addresses]
        swarm = self._host.get_network()
        assert isinstance(swarm, PeerSwarm)
        try:
            await swarm.dial_at(parse_peer_id(peer), parsed[: limits.DIAL_ADDRESSES_MAX])
        except BaseLibp2pError as error:
            self.chronicle.unreached(parse_peer_id(peer), error)
            raise PeerUnavailable(str(error)) from error

    async def dial_peer(self, peer: PeerId) -> None:
        """Connect to a peer by its known addresses; raises PeerUnavailable."""
        await self.dial_id(parse_peer_id(peer))

    def pin(self, owner: str, addresses: Iterable[str]) -> None:
        """Keep connections to these peers for an owner, for ever, instead of those it named before.

        addresses: as of `dial`, but host names are resolved as this machine does; raises
        ConfigError. None of them: the owner wants nobody any more.
        """
        named = tuple(addresses)
        self.chronicle.name(owner, named)
        self.redial.pin(owner, [parse_peer_address(address) for address in named])

    def is_connected(self, peer: PeerId) -> bool:
        """An open connection exists."""
        return self._connections.is_connected(parse_peer_id(peer))

    def connected(self) -> tuple[PeerId, ...]:
        """Connected peers, in order of arrival."""
        return tuple(peer_id_of(peer) for peer in self._connections.peers())

    def peer_table(self) -> tuple[PeerRow, ...]:
        """One row for each open connection."""
        return tuple(self._described(row) for row in self._connections.table())

    def _described(self, row: PeerRow) -> PeerRow:
        peer = parse_peer_id(row.peer)
        return replace(
            row,
            score=self._gossip.score(peer),
            agent=self._host.agent(peer),
            protocols=self._host.protocols(peer),
        )

    async def disconnect(self, peer: PeerId) -> None:
        """Close the connections of a peer; a wanted one is redialled later."""
        await self._connections.drop(parse_peer_id(peer))

    def blame(self, peer: PeerId, misdeed: Misdeed) -> None:
        """Hold something against a peer, as gossip does; with enough of it the peer is refused."""
        self._gossip.blame(parse_peer_id(peer), misdeed)

    async def subscribe(self, topic: str, validate: Validate) -> None:
        """Take part in a topic: `validate` sees each frame once, and its ACCEPT passes it on."""
        await self._gossip.subscribe(topic, validate)

    def shape(self, topic: str, rules: TopicRules) -> None:
        """Take part in a topic by these rules from now on, until it is left; before it too."""
        self._gossip.shape(topic, rules)

    async def unsubscribe(self, topic: str) -> None:
        """Leave a topic; unknown ones are ignored."""
        await self._gossip.unsubscribe(topic)

    async def publish(self, topic: str, frame: bytes) -> None:
        """Send a frame to the subscribed peers; waits for slow ones rather than losing it."""
        await self._gossip.publish(topic, frame)

    def topic_peers(self, topic: str) -> tuple[PeerId, ...]:
        """Peers that a frame published now would go to."""
        return self._gossip.topic_peers(topic)

    def score(self, peer: PeerId) -> float:
        """Zero for a peer that nothing is held against, below it for others; forgiven by halves."""
        return self._gossip.score(parse_peer_id(peer))

    @property
    def is_closed(self) -> bool:
        """`close` was called."""
        return self._is_closed

    async def provide(self, key: bytes) -> bool:
        """Announce this node under a 32-byte key; False while nobody is there to take it."""
        return await self._providers.provide(key)

    async def find_providers(
        self, key: bytes, on_found: OnFound | None = None
    ) -> tuple[PeerId, ...]:
        """Peers announced under a 32-byte key, each once; `dial_peer` knows their addresses.

        on_found: as of `Providers.find`.
        """
        return await self._providers.find(key, on_found)

    def discover(
        self, topic: str, keys: ProviderKeys, wishes: Callable[[], Wishes] = Wishes
    ) -> None:
        """Keep announcing and looking up the keys of a topic, and dialling whom that finds."""
        self.discovery.add(topic, keys, wishes)

    def undiscover(self, topic: str) -> None:
        """Stop discovering a topic."""
        self.discovery.remove(topic)

    async def open_stream(self, peer: PeerId) -> FrameStream:
        """A sync stream to a peer, dialled if need be; the caller closes it.

        Raises PeerUnavailable.
        """
        identifier = parse_peer_id(peer)
        try:
            with trio.fail_after(limits.STREAM_OPEN_TIMEOUT_S):
                raw = await self._host.new_stream(identifier, [SYNC_PROTOCOL])
        except (BaseLibp2pError, trio.TooSlowError) as error:
            raise PeerUnavailable(f"no sync stream to {peer}") from error
        stream = FrameStream(peer, raw)
        self._services.start_soon(stream.run)
        return stream

    async def close(self) -> None:
        """Close every connection and stop; idempotent and bounded.

        py-libp2p leaves connections open when its `run` block ends, so the host is closed first.
        """
        if self._is_closed:
            return
        self._is_closed = True
        with trio.CancelScope(shield=True), trio.move_on_after(limits.NETWORK_CLOSE_S):
            await self._connections.close_all()
            await self._host.close()
        self._services.cancel_scope.cancel()

    async def dial_id(self, peer: ID) -> None:
        """Connect to a peer by its libp2p id; raises PeerUnavailable."""
        try:
            await self._host.get_network().dial_peer(peer)
        except BaseLibp2pError as error:
            self.chronicle.unreached(peer, error)
            raise PeerUnavailable(str(error)) from error

    async def _serve_stream(self, raw: INetStream) -> None:
        peer = peer_id_of(raw.muxed_conn.peer_id)
        is_full = self._inbound_streams.total() >= limits.SYNC_STREAMS_MAX
        if is_full or self._inbound_streams[peer] >= limits.SYNC_STREAMS_PER_PEER_MAX:
            await raw.reset()
            return
        stream = FrameStream(peer, raw)
        self._inbound_streams[peer] += 1
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.run)
                await self._on_stream(peer, stream)
                await stream.close()
        except Exception as error:  # noqa: BLE001
            # This task belongs to py-libp2p, which would swallow it or fall over it elsewhere.
            self._crash(error)
        finally:
            self._inbound_streams[peer] -= 1
            if not self._inbound_streams[peer]:
                del self._inbound_streams[peer]
            await stream.reset()
