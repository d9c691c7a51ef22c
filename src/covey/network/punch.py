"""A direct connection in place of one through a relay, where both routers let it pass.

Both sides dial each other at the same moment, from the port that their connection to the relay
already uses: each router then takes the other's packet for an answer. It works where routers keep
the outside port of an inside port and silently drop what nobody asked for; elsewhere the relay
stays. The messages are DCUtR's. Source: libp2p/specs, relay/DCUtR.md.
"""

from __future__ import annotations

import ipaddress
import logging
import socket as system_socket
from collections.abc import Collection

import trio
from libp2p.abc import IMuxedConn, INetStream
from libp2p.connection_types import ConnectionType
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.io.trio import TrioTCPStream
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from libp2p.utils.varint import read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr
from trio_typing import TaskStatus

from covey.model import limits
from covey.network.address import host_and_port, peer_id_of, relay_of
from covey.network.connections import Connections
from covey.network.door import Door
from covey.network.hearsay import is_usable
from covey.network.identify import PeerHost
from covey.network.muxer import Muxer
from covey.network.relay_wire import receive_punch, send
from covey.network.swarm import PeerSwarm

__all__ = ["Puncher"]

_logger = logging.getLogger(__name__)
_DCUTR = TProtocol("/libp2p/dcutr")


class Puncher:
    """Tries to make relayed connections direct: who was dialled through the relay begins.

    What comes of it is counted at the door: otherwise one host could be let in beyond its share,
    one after the other, through a relay.
    """

    def __init__(self, host: PeerHost, connections: Connections, door: Door) -> None:
        swarm = host.get_network()
        assert isinstance(swarm, PeerSwarm)
        self._host = host
        self._swarm = swarm
        self._connections = connections
        self._door = door
        self._nursery: trio.Nursery | None = None
        self._limiter = trio.CapacityLimiter(limits.PUNCHES_AT_ONCE_MAX)
        self._trying: dict[ID, None] = {}
        self._answering: dict[ID, None] = {}
        host.set_stream_handler(_DCUTR, self._on_stream)

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; ready when started."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._connections.watch(lambda peer: nursery.start_soon(self._improve, peer), None)
            task_status.started()
            await trio.sleep_forever()

    async def _improve(self, peer: ID) -> None:
        """A few attempts, after a plain dial: the other side may be one that can be dialled."""
        if not self._connections.is_brought(peer) or peer in self._trying:
            return
        self._trying[peer] = None
        try:
            for attempt, pause_s in enumerate(limits.PUNCH_PAUSES_S):
                await trio.sleep(pause_s)
                async with self._limiter:
                    if not self._connections.is_brought(peer):
                        return
                    if await self._succeeds(peer, is_plain=attempt == 0):
                        _logger.info("direct connection", extra={"peer": peer_id_of(peer)})
                        return
        finally:
            del self._trying[peer]

    async def _succeeds(self, peer: ID, *, is_plain: bool) -> bool:
        try:
            with trio.fail_after(limits.PUNCH_S):
                if is_plain:
                    conn = await self._swarm.dial_direct(peer)
                    self._count(conn.muxed_conn)
                else:
                    await self._begin(peer)
        except Exception as error:  # noqa: BLE001
            # Bad addresses, sockets, handshakes, errors of every layer: the relay stays in use.
            _logger.debug("no direct connection", extra={"reason": repr(error)})
            return False
        return True

    async def _begin(self, peer: ID) -> None:
        """This side begins, dials half a round trip later, and answers the handshake."""
        stream = await self._host.new_stream(peer, [_DCUTR])
        try:
            outside, port = await self._seen(_relay(stream))
            asked_s = trio.current_time()
            await send(stream, HolePunch(type=HolePunch.CONNECT, ObsAddrs=[outside.to_bytes()]))
            told = await receive_punch(stream)
            round_trip_s = trio.current_time() - asked_s
            await send(stream, HolePunch(type=HolePunch.SYNC))
            await trio.sleep(round_trip_s / 2)
            target = _target(told, self._swarm.places(peer))
            with self._swarm.dial_counted(target[0]):
                raw = await _open(target, port, is_initiator=False)
                at = raw.get_transport_addresses()[0]
                self._count(await self._swarm.upgrade_inbound_raw_conn(raw, at))
        finally:
            await stream.reset()

    async def _on_stream(self, stream: INetStream) -> None:
        """The other side begins: this one dials at its word, and begins the handshake."""
        peer = stream.muxed_conn.peer_id
        is_first = peer not in self._answering
        try:
            if not is_first:
                raise SwarmException("the peer has begun already")
            self._answering[peer] = None
            with trio.fail_after(limits.PUNCH_S):
                await self._answer(stream, peer)
        except Exception as error:  # noqa: BLE001
            # As above, and py-libp2p's task.
            _logger.debug("no direct connection", extra={"reason": repr(error)})
            with trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()
        finally:
            if is_first:
                del self._answering[peer]

    async def _answer(self, stream: INetStream, peer: ID) -> None:
        told = await receive_punch(stream)
        outside, port = await self._seen(_relay(stream))
        answer = HolePunch(type=HolePunch.CONNECT, ObsAddrs=[outside.to_bytes()])
        await send(stream, answer)
        if (await receive_punch(stream)).type != HolePunch.SYNC:
            raise SwarmException("the peer did not say when to dial")
        target = _target(told, self._swarm.places(peer))
        with self._swarm.dial_counted(target[0]):
            raw = await _open(target, port, is_initiator=True)
            conn = await self._swarm.upgrade_outbound_raw_conn(raw, peer)
        self._count(conn.muxed_conn)

    def _count(self, conn: IMuxedConn) -> None:
        """The connection stays as long as its host has room; it is counted until it ends."""
        assert isinstance(conn, Muxer)
        assert self._nursery is not None
        self._nursery.start_soon(self._hold, conn)

    async def _hold(self, muxer: Muxer) -> None:
        remote = muxer.get_remote_address()
        with self._door.pass_through(remote[0] if remote else "") as is_admitted:
            if not is_admitted:
                _logger.info("no room for its host", extra={"peer": peer_id_of(muxer.peer_id)})
                await muxer.close()
            await muxer.wait_closed()

    async def _seen(self, relay: ID) -> tuple[Multiaddr, int]:
        """Where a relay sees this node, and the local port of the connection it sees."""
        muxer = self._connections.dialled(relay)
        if muxer is None or muxer.local_port is None:
            raise SwarmException("this node has not dialled the relay")
        stream = await self._host.new_stream(relay, [IDENTIFY])
        try:
            packed = await read_varint_prefixed_bytes_limited(stream, limits.IDENTIFY_BYTES_MAX)
        finally:
            await stream.close()
        outside = Multiaddr(Identify.FromString(packed).observed_addr)
        host_and_port(outside)
        return outside, muxer.local_port


def _relay(stream: INetStream) -> ID:
    muxer = stream.muxed_conn
    if muxer.get_connection_type() is not ConnectionType.DIRECT:
        parts = relay_of(muxer.get_transport_addresses()[0])
        if parts is not None:
            return parts[0]
    raise SwarmException("the connection is direct already")


def _target(told: HolePunch, places: Collection[str]) -> tuple[str, int]:
    """The first address told that may be dialled: a peer must not have this node dial many.

    places: where the peer is connected from, as of `hearsay.place`.
    """
    if told.type != HolePunch.CONNECT:
        raise SwarmException("the peer did not say where it is seen")
    for packed in told.ObsAddrs[: limits.DIAL_ADDRESSES_MAX]:
        address = Multiaddr(packed)
        if relay_of(address) is None and is_usable(address, places):
            return host_and_port(address)
    raise SwarmException("the peer does not know where it is seen")


async def _open(target: tuple[str, int], port: int, *, is_initiator: bool) -> RawConnection:
    """A socket that dials from a local port which the connection to the relay uses, too."""
    version = ipaddress.ip_address(target[0]).version
    family = system_socket.AF_INET if version == 4 else system_socket.AF_INET6
    socket = trio.socket.socket(family, system_socket.SOCK_STREAM)
    try:
        socket.setsockopt(system_socket.SOL_SOCKET, system_socket.SO_REUSEADDR, 1)
        await socket.bind(("", port))
        await socket.connect(target)
    except BaseException:
        socket.close()
        raise
    return RawConnection(TrioTCPStream(trio.SocketStream(socket)), is_initiator)
