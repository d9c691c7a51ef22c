"""Connections to peers: Noise only, our multiplexer, every known address tried."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Protocol

import trio
from libp2p.abc import IMuxedConn, INetConn, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key_pair
from libp2p.custom_types import TProtocol
from libp2p.io.abc import ReadWriteCloser
from libp2p.network.auto_connector import AutoConnector
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.exceptions import SwarmException
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_PROTOCOL_ID
from libp2p.security.noise.transport import Transport as NoiseTransport
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_PROTOCOL_ID
from libp2p.stream_muxer.yamux.yamux import Yamux
from libp2p.transport.exceptions import OpenConnectionError
from libp2p.transport.upgrader import TransportUpgrader
from multiaddr import Multiaddr

from covey.errors import ConfigError
from covey.model import limits
from covey.network.address import (
    dialable,
    host_and_port,
    is_ip,
    relay_of,
    resolved,
    split_peer,
)
from covey.network.door import VainDials
from covey.network.hearsay import place
from covey.network.identify import PeerHost
from covey.network.muxer import Muxer
from covey.network.peerstore import BoundedPeerStore
from covey.network.transport import TcpTransport
from covey.network.unread import Unread
from covey.network.why import Unreached

__all__ = ["Circuits", "PeerSwarm", "build_host"]

_logger = logging.getLogger(__name__)
_SEED_SIZE_BYTES = 32


class _Upgrader(TransportUpgrader):
    """Negotiates `/yamux/1.0.0` and builds our multiplexer, where py-libp2p hard-wires its own."""

    unread: Unread

    async def upgrade_connection(self, conn: ISecureConn, peer_id: ID) -> IMuxedConn:
        selected = await self.muxer_multistream.select_transport(conn)
        assert selected is Yamux
        return Muxer(conn, peer_id, self.unread)


class _NoAutoConnector(AutoConnector):
    """Dials nobody: py-libp2p's own dials whatever it knows, even with its minimums at zero."""

    async def maybe_connect(self) -> None:
        """Called when a connection ends."""

    async def run_background_task(self, nursery: trio.Nursery) -> None:
        """Called when the swarm starts."""


class Circuits(Protocol):
    """Ways to peers that cannot be dialled."""

    def ways(self, peer: ID) -> Iterable[Multiaddr]:
        """Transport addresses, through connected relays, that a peer might be behind."""

    async def connect(self, way: Multiaddr, peer: ID) -> RawConnection:
        """A raw connection to a peer along one of these; raises SwarmException."""


class PeerSwarm(Swarm):
    """py-libp2p's swarm with its dialling replaced.

    Its own tries one address of each kind, refuses a peer for a minute after one failure, waits
    252 ms on every connect and drops loopback addresses when there are others.
    """

    circuits: Circuits | None = None

    def _init_connection_management(self) -> None:
        super()._init_connection_management()
        self.auto_connector = _NoAutoConnector(self)
        self._vain = VainDials(time.monotonic)

    async def dial_peer(self, peer_id: ID) -> list[INetConn]:
        """Connections to a peer, dialled if there are none; raises SwarmException."""
        return await self.dial_at(peer_id, None)

    async def dial_at(self, peer_id: ID, addresses: list[Multiaddr] | None) -> list[INetConn]:
        """As `dial_peer`, at these addresses alone, which are not remembered; None: those known."""
        existing = self._live(peer_id)
        if existing:
            return existing
        if peer_id in self._ongoing_dials:
            await self._ongoing_dials[peer_id].wait()
            existing = self._live(peer_id)
            if existing:
                return existing
            raise SwarmException(f"unable to connect to {peer_id}")
        known = self._known(peer_id) if addresses is None else addresses
        direct, circuits = self._usable(known, peer_id)
        return [await self._dial_once(peer_id, direct, circuits)]

    async def dial_direct(self, peer_id: ID, also: Multiaddr | None = None) -> INetConn:
        """A connection without a relay in between, dialled if need be; raises SwarmException.

        also: an address that is tried with those known, and not remembered.
        """
        while peer_id in self._ongoing_dials:
            await self._ongoing_dials[peer_id].wait()
        for conn in self._live(peer_id):
            if conn.get_connection_type() is ConnectionType.DIRECT:
                return conn
        known = self._known(peer_id)
        direct, _ = self._usable(known if also is None else [also, *known], peer_id)
        return await self._dial_once(peer_id, direct, [])

    def places(self, peer_id: ID) -> list[str]:
        """Where a peer is connected from, as of `hearsay.place`."""
        return [place(at) for conn in self._live(peer_id) for at in conn.get_transport_addresses()]

    @contextlib.contextmanager
    def dial_counted(self, host: str) -> Iterator[None]:
        """A dial of an IP address within the block; raises SwarmException if it had too many.

        It was in vain if the block raises.
        """
        if not self._vain.may_dial(host):
            raise SwarmException("the host was dialled in vain too often")
        self._vain.begun(host)
        yield
        self._vain.succeeded(host)

    async def _do_handle_inbound_connection(
        self, read_write_closer: ReadWriteCloser, maddr: Multiaddr, failure_event: object
    ) -> None:
        """Serve one inbound connection to its end, then free its slot.

        py-libp2p's own holds the slot until the node stops, and so refuses everybody after as many
        connections as may be open at once. Errors end in the listener.
        """
        del failure_event
        muxed = await self.upgrade_inbound_raw_conn(RawConnection(read_write_closer, False), maddr)
        assert isinstance(muxed, Muxer)
        await muxed.wait_closed()

    async def _dial_once(
        self, peer_id: ID, direct: list[Multiaddr], circuits: list[Multiaddr]
    ) -> INetConn:
        """While it runs, others wait for it instead of dialling the peer, too."""
        finished = trio.Event()
        self._ongoing_dials[peer_id] = finished
        try:
            return await self._race(peer_id, direct, circuits)
        finally:
            finished.set()
            del self._ongoing_dials[peer_id]

    def _live(self, peer_id: ID) -> list[INetConn]:
        return [conn for conn in self.get_connections(peer_id) if not conn.is_closed]

    def _known(self, peer_id: ID) -> list[Multiaddr]:
        try:
            return list(self.peerstore.addrs(peer_id))
        except PeerStoreError:
            return []

    def _usable(
        self, known: list[Multiaddr], peer_id: ID
    ) -> tuple[list[Multiaddr], list[Multiaddr]]:
        """The direct ones, and those through relays with the connected ones added."""
        direct: dict[str, Multiaddr] = {}
        circuits: dict[str, Multiaddr] = {}
        for address in known:
            transport, _ = split_peer(address)
            if relay_of(transport) is not None:
                circuits[str(transport)] = transport
                continue
            try:
                host_and_port(transport)
            except ConfigError:
                continue  # Other transports: not spoken here.
            direct[str(transport)] = transport
        for way in self.circuits.ways(peer_id) if self.circuits else ():
            circuits.setdefault(str(way), way)
        bound = limits.DIAL_ADDRESSES_MAX
        return list(direct.values())[:bound], list(circuits.values())[:bound]

    async def _race(
        self, peer_id: ID, direct: list[Multiaddr], circuits: list[Multiaddr]
    ) -> INetConn:
        """The first address that connects; the next is tried after a failure or a short wait.

        Those through relays wait longer: for all direct ones to fail, or long enough for one.
        """
        if not direct and not circuits:
            raise Unreached(peer_id, ())
        connected: list[INetConn] = []
        failures: list[tuple[Multiaddr, Exception]] = []

        async def attempt(address: Multiaddr, failed: trio.Event) -> None:
            try:
                conn = await self._dial_address(address, peer_id)
            except Exception as error:  # noqa: BLE001
                # py-libp2p lets errors of every layer through here; each ends this address only.
                failures.append((address, error))
                failed.set()
            else:
                connected.append(conn)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            given_up = [trio.Event() for _ in direct]
            for address, failed in zip(direct, given_up, strict=True):
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(limits.DIAL_STAGGER_S):
                    await failed.wait()
            with trio.move_on_after(limits.RELAY_DIAL_AFTER_S):
                for failed in given_up if circuits else ():
                    await failed.wait()
            for address in circuits:
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(limits.RELAY_DIAL_AFTER_S):
                    await failed.wait()
        if not connected:
            raise Unreached(peer_id, failures)
        return connected[0]

    async def _dial_address(self, address: Multiaddr, peer_id: ID) -> INetConn:
        if self.circuits is not None and relay_of(address) is not None:
            # Without the limiter: the relay may have to be dialled below it.
            with trio.fail_after(limits.DIAL_TIMEOUT_S):
                raw = await self.circuits.connect(address, peer_id)
                return await self.upgrade_outbound_raw_conn(raw, peer_id)
        host, _ = host_and_port(address)
        if not is_ip(host):
            return await self._dial_named(address, peer_id)
        with self.dial_counted(host):
            async with self._global_dial_limiter:
                with trio.fail_after(limits.DIAL_TIMEOUT_S):
                    return await self._dial_addr_single_attempt(address, peer_id)

    async def _dial_named(self, address: Multiaddr, peer_id: ID) -> INetConn:
        """As `_dial_address`, at the hosts a name leads to: each is counted, whatever its name."""
        with trio.fail_after(limits.DIAL_TIMEOUT_S):
            found = await resolved(address)
        *others, last = found[: limits.DIAL_RESOLVED_MAX]
        for each in others:
            # Any failure has the next one tried; that of the last is the name's.
            with contextlib.suppress(SwarmException, OpenConnectionError, trio.TooSlowError):
                return await self._dial_address(each, peer_id)
        return await self._dial_address(last, peer_id)


def build_host(seed: bytes, nursery: trio.Nursery) -> tuple[PeerHost, TcpTransport]:
    """A host that accepts Noise only (py-libp2p's default accepts plaintext too).

    seed: 32 bytes of the Ed25519 identity. The transport accepts in `nursery`.
    """
    if len(seed) != _SEED_SIZE_BYTES:
        raise ConfigError("the identity seed is not 32 bytes long")
    key_pair = create_new_key_pair(seed)
    peer_id = ID.from_pubkey(key_pair.public_key)
    peerstore = BoundedPeerStore(peer_id)
    peerstore.add_key_pair(peer_id, key_pair)
    noise = NoiseTransport(key_pair, noise_privkey=create_noise_key_pair().private_key)
    transport = TcpTransport(nursery)
    upgrader = _Upgrader({NOISE_PROTOCOL_ID: noise}, {TProtocol(YAMUX_PROTOCOL_ID): Yamux})
    upgrader.unread = Unread()
    swarm = PeerSwarm(
        peer_id,
        peerstore,
        upgrader,
        transports=[transport],
        retry_config=RetryConfig(max_retries=0),
        connection_config=ConnectionConfig(
            max_connections=limits.CONNECTIONS_MAX,
            high_watermark=limits.CONNECTIONS_MAX,
            min_connections=0,
            low_watermark=0,
            max_connections_per_peer=limits.CONNECTIONS_PER_PEER_MAX,
        ),
    )
    peerstore.is_connected = lambda peer: peer in swarm.connections
    peerstore.places = swarm.places
    return PeerHost(swarm, addrs_factory=dialable), transport
