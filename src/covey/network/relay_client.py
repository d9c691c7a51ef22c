"""A node behind relays: asks for places at them, is connected to there, and dials others there."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator

import trio
from libp2p.abc import INetStream
from libp2p.connection_types import ConnectionType
from libp2p.identity.identify_push.identify_push import push_identify_to_peers
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.peer.peerstore import PeerStoreError
from libp2p.relay.circuit_v2.pb.circuit_pb2 import (
    OK,
    PERMISSION_DENIED,
    RESOURCE_LIMIT_EXCEEDED,
    HopMessage,
    Status,
    StopMessage,
)
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as WirePeer
from multiaddr import Multiaddr
from trio_typing import TaskStatus

from covey.model import limits
from covey.network.address import host_and_port, peer_id_of, relay_of, split_peer, through
from covey.network.connections import Connections
from covey.network.door import Door
from covey.network.identify import PeerHost
from covey.network.muxer import Muxer
from covey.network.pipe import Circuit
from covey.network.relay_wire import BROKEN, HOP, STOP, receive_hop, receive_stop, send
from covey.network.remembered import RememberedPeers
from covey.network.swarm import PeerSwarm

__all__ = ["RelayClient"]

_logger = logging.getLogger(__name__)


class RelayClient:
    """The two other sides of Circuit Relay v2: who is connected to, and who connects.

    A node that nobody from outside has reached directly asks connected relays for a place: those
    that the operator named, or that it has been connected with for long. The relay learns who talks
    to whom and how much; not what, and it cannot pass for either. Whom it brings is counted as
    coming from its own host, since that is all that is known of them.
    """

    def __init__(
        self, host: PeerHost, connections: Connections, remembered: RememberedPeers, door: Door
    ) -> None:
        swarm = host.get_network()
        assert isinstance(swarm, PeerSwarm)
        self._host = host
        self._swarm = swarm
        self._connections = connections
        self._remembered = remembered
        self._door = door
        self._brought: Counter[ID] = Counter()  # open connections by the relay that brought them
        self._places: dict[ID, tuple[Multiaddr, float]] = {}  # -> address, Unix time to renew
        swarm.circuits = self
        host.places = self.places
        host.set_stream_handler(STOP, self._on_stream)

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep places at relays until cancelled; ready when started."""
        self._connections.watch(None, self._on_departed)
        task_status.started()
        while True:
            await trio.sleep(limits.RELAY_PLACES_WAIT_S)
            # A hole that was punched leads to another port, and for one peer alone.
            ports = {host_and_port(own)[1] for own in self._host.get_transport_addrs()}
            if self._connections.is_dialled_from_outside(ports):
                continue
            known = tuple(self._places.items())
            for relay in self._trusted()[: limits.RELAYS_MAX]:
                if relay not in self._places or self._places[relay][1] <= time.time():
                    await self._reserve(relay)
            if tuple(self._places.items()) != known:
                with trio.move_on_after(limits.RELAY_HANDSHAKE_S):
                    await push_identify_to_peers(self._host)

    def places(self) -> list[Multiaddr]:
        """Transport addresses, through relays, that this node can be dialled at."""
        return [through(relay, address) for relay, (address, _) in self._places.items()]

    def ways(self, peer: ID) -> Iterable[Multiaddr]:
        """As of `Circuits`: whoever shares a relay with this node is found there unannounced."""
        relays = [relay for relay in self._relays() if relay != peer][: limits.RELAYS_MAX]
        return [through(relay, None) for relay in relays]

    async def connect(self, way: Multiaddr, peer: ID) -> RawConnection:
        """As of `Circuits`."""
        parts = relay_of(way)
        if parts is None or parts[0] in (peer, self._host.get_id()):
            raise SwarmException(f"{way} leads nowhere")
        relay, address = parts
        if not self._connections.is_direct(relay):
            await self._swarm.dial_direct(relay, address)
        stream = await self._host.new_stream(relay, [HOP])
        request = HopMessage(type=HopMessage.CONNECT, peer=WirePeer(id=peer.to_bytes()))
        answer: HopMessage | None = None
        try:
            await send(stream, request)
            answer = await receive_hop(stream)
        except BROKEN as error:
            raise SwarmException("the relay did not answer") from error
        finally:
            if answer is None or answer.status != OK:
                with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                    await stream.reset()
        if answer.status != OK:
            raise SwarmException(f"the relay refused: {_name(answer.status)}")
        return self._connection(stream, relay, is_initiator=True)

    async def _reserve(self, relay: ID) -> None:
        address = self._address_of(relay)
        if address is None:
            return
        try:
            with trio.fail_after(limits.RELAY_HANDSHAKE_S):
                stream = await self._host.new_stream(relay, [HOP])
                try:
                    await send(stream, HopMessage(type=HopMessage.RESERVE))
                    answer = await receive_hop(stream)
                finally:
                    await stream.close()
        except (*BROKEN, trio.TooSlowError) as error:
            _logger.debug("no answer from a relay", extra={"reason": repr(error)})
            return
        if answer.status != OK:
            reason = _name(answer.status)
            _logger.info("no place at a relay", extra={"peer": peer_id_of(relay), "reason": reason})
            return
        lasts_s = min(max(0.0, answer.reservation.expire - time.time()), limits.RELAY_RESERVATION_S)
        self._places[relay] = (address, time.time() + lasts_s / 2)
        _logger.info("reachable through a relay", extra={"peer": peer_id_of(relay)})

    def _address_of(self, relay: ID) -> Multiaddr | None:
        """Where others find a relay: where this node did, or where its operator says it is."""
        dialled = self._connections.dialled(relay)
        if dialled is not None:
            return dialled.get_transport_addresses()[0]
        # After its restart a relay may be the first to dial: that does not make it another one.
        if not self._is_named(relay):
            return None
        try:
            told = self._host.get_peerstore().addrs(relay)
        except PeerStoreError:
            return None
        direct = (split_peer(address)[0] for address in told if relay_of(address) is None)
        return next(direct, None)

    async def _on_stream(self, stream: INetStream) -> None:
        """A relay at which this node has a place brings somebody."""
        relay = stream.muxed_conn.peer_id
        try:
            with self._room(relay, stream) as has_room:
                with trio.fail_after(limits.RELAY_HANDSHAKE_S):
                    request = await receive_stop(stream)
                    is_expected = relay in self._places and request.type == StopMessage.CONNECT
                    refusal = RESOURCE_LIMIT_EXCEEDED if is_expected else PERMISSION_DENIED
                    status = OK if is_expected and has_room else refusal
                    await send(stream, StopMessage(type=StopMessage.STATUS, status=status))
                if status != OK:
                    await stream.close()
                    return
                raw = self._connection(stream, relay, is_initiator=False)
                muxed = await self._swarm.upgrade_inbound_raw_conn(raw, through(relay, None))
                assert isinstance(muxed, Muxer)
                await muxed.wait_closed()
        except Exception as error:  # noqa: BLE001
            # A stranger's failed handshake ends this stream and nothing else.
            _logger.debug("relayed connection failed", extra={"reason": repr(error)})
            with trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()

    @contextlib.contextmanager
    def _room(self, relay: ID, stream: INetStream) -> Iterator[bool]:
        """Whether a relay may bring one more; it is counted until the block ends."""
        remote = stream.get_remote_address()
        with self._door.pass_through(remote[0] if remote else "") as is_admitted:
            if not is_admitted or self._brought[relay] >= limits.RELAYED_PER_RELAY_MAX:
                yield False
                return
            self._brought[relay] += 1
            try:
                yield True
            finally:
                self._brought[relay] -= 1
                self._brought += Counter()  # Drops those at zero.

    def _connection(self, stream: INetStream, relay: ID, *, is_initiator: bool) -> RawConnection:
        dialled = self._connections.dialled(relay)
        address = dialled.get_transport_addresses()[0] if dialled is not None else None
        way = through(relay, address)
        return RawConnection(Circuit(stream), is_initiator, ConnectionType.RELAYED, [way])

    def _relays(self) -> list[ID]:
        """Connected peers that serve as relay, in order of arrival."""
        store = self._host.get_peerstore()
        return [
            peer
            for peer in self._connections.peers()
            if self._connections.is_direct(peer) and store.supports_protocols(peer, [HOP])
        ]

    def _trusted(self) -> list[ID]:
        """Relays to have places at: those named first. A stranger must not become one at once."""
        named = [relay for relay in self._relays() if self._is_named(relay)]
        known = [
            relay
            for relay in self._relays()
            if self._connections.dialled_for_s(relay) >= limits.RELAY_KNOWN_S
        ]
        return list(dict.fromkeys((*named, *known)))

    def _is_named(self, relay: ID) -> bool:
        return self._remembered.is_chosen(peer_id_of(relay))

    def _on_departed(self, peer: ID) -> None:
        self._places.pop(peer, None)


def _name(status: Status.ValueType) -> str:
    return Status.Name(status) if status in Status.values() else str(status)
