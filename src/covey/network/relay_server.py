"""A node as relay: keeps places for peers that nobody can dial, and joins streams to them.

What it carries is encrypted between the two peers, who have proved to each other who they are. Each
thing a stranger may use is bounded: places by host and in all, circuits by peer, by host and in
all, and of a circuit its bytes, its time and its silence.
"""

from __future__ import annotations

import logging
import time
from collections import Counter

import trio
from libp2p.abc import INetStream
from libp2p.connection_types import ConnectionType
from libp2p.host.basic_host import BasicHost
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import (
    CONNECTION_FAILED,
    MALFORMED_MESSAGE,
    NO_RESERVATION,
    OK,
    PERMISSION_DENIED,
    RESERVATION_REFUSED,
    RESOURCE_LIMIT_EXCEEDED,
    HopMessage,
    Reservation,
    Status,
    StopMessage,
)
from libp2p.relay.circuit_v2.pb.circuit_pb2 import PeerId as WirePeer

from covey.model import limits
from covey.network.address import peer_id_of
from covey.network.connections import Connections
from covey.network.door import host_of
from covey.network.relay_wire import (
    BROKEN,
    HOP,
    STOP,
    circuit_limit,
    receive_hop,
    receive_stop,
    send,
)

__all__ = ["RelayServer"]

_logger = logging.getLogger(__name__)
_PIECE_BYTES = 64 * 1024


class RelayServer:
    """The relay's side of Circuit Relay v2, on a host that others can dial."""

    def __init__(self, host: BasicHost, connections: Connections) -> None:
        self._host = host
        self._connections = connections
        self._places: dict[ID, float] = {}  # -> Unix time of expiry
        self._hosts: dict[ID, str] = {}  # that a place was given to
        self._circuits: Counter[ID] = Counter()
        self._circuits_of_host: Counter[str] = Counter()
        connections.watch(None, self._on_departed)
        host.set_stream_handler(HOP, self._on_stream)

    async def _on_stream(self, stream: INetStream) -> None:
        """py-libp2p opened a stream of a peer that reserves or connects."""
        try:
            with trio.fail_after(limits.RELAY_HANDSHAKE_S):
                request = await receive_hop(stream)
            if stream.muxed_conn.get_connection_type() is not ConnectionType.DIRECT:
                await _answer(stream, PERMISSION_DENIED)  # No relaying by way of relays.
            elif request.type == HopMessage.RESERVE:
                await self._reserve(stream)
            elif request.type == HopMessage.CONNECT:
                await self._connect(stream, ID(request.peer.id))
            else:
                await _answer(stream, MALFORMED_MESSAGE)
            await stream.close()
        except (*BROKEN, trio.TooSlowError) as error:
            _logger.debug("relaying failed", extra={"reason": repr(error)})
            with trio.move_on_after(limits.STREAM_CLOSE_S):
                await stream.reset()

    async def _reserve(self, stream: INetStream) -> None:
        """A place for the peer itself: whatever its message says, nobody reserves for others."""
        peer = stream.muxed_conn.peer_id
        refusal = self._refusal(peer, stream)
        if refusal is not None:
            await _answer(stream, refusal)
            return
        self._places[peer] = time.time() + limits.RELAY_RESERVATION_S
        self._hosts[peer] = _host(stream)
        addresses = [address.to_bytes() for address in self._host.get_addrs()]
        place = Reservation(
            expire=int(self._places[peer]), addrs=addresses[: limits.DIAL_ADDRESSES_MAX]
        )
        await send(
            stream,
            HopMessage(type=HopMessage.STATUS, status=OK, reservation=place, limit=circuit_limit()),
        )
        _logger.info("relaying for a peer", extra={"peer": peer_id_of(peer)})

    def _refusal(self, peer: ID, stream: INetStream) -> Status.ValueType | None:
        self._drop_expired()
        if peer in self._places:
            return None
        if len(self._places) >= limits.RELAY_RESERVATIONS_MAX:
            return RESOURCE_LIMIT_EXCEEDED
        neighbours = sum(other == _host(stream) for other in self._hosts.values())
        if neighbours >= limits.RELAY_RESERVATIONS_PER_HOST_MAX:
            return RESERVATION_REFUSED
        return None

    async def _connect(self, stream: INetStream, target: ID) -> None:
        source = stream.muxed_conn.peer_id
        self._drop_expired()
        if target not in self._places or target == source:
            await _answer(stream, NO_RESERVATION)
            return
        hosts = tuple(
            dict.fromkeys((_host(stream), self._hosts[target]))
        )  # One home, counted once.
        if not self._has_room((source, target), hosts):
            await _answer(stream, RESOURCE_LIMIT_EXCEEDED)
            return
        self._circuits.update((source, target))
        self._circuits_of_host.update(hosts)
        try:
            onward = await self._onward(source, target)
            if onward is None:
                await _answer(stream, CONNECTION_FAILED)
                return
            try:
                await _answer(stream, OK, is_limited=True)
                await _carry(stream, onward)
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                    await _end(stream)
                    await _end(onward)
        finally:
            self._circuits.subtract((source, target))
            self._circuits_of_host.subtract(hosts)
            self._circuits += Counter()  # Drops those at zero.
            self._circuits_of_host += Counter()

    def _has_room(self, peers: tuple[ID, ID], hosts: tuple[str, ...]) -> bool:
        """For one circuit more: in all, of these peers, and of their hosts."""
        return (
            self._circuits.total() < 2 * limits.RELAY_CIRCUITS_MAX
            and max(self._circuits[each] for each in peers) < limits.RELAY_CIRCUITS_PER_PEER_MAX
            and max(self._circuits_of_host[each] for each in hosts)
            < limits.RELAY_CIRCUITS_PER_HOST_MAX
        )

    async def _onward(self, source: ID, target: ID) -> INetStream | None:
        """A stream to the target, which has agreed to be connected with the source."""
        stream: INetStream | None = None
        try:
            with trio.fail_after(limits.RELAY_HANDSHAKE_S):
                stream = await self._host.new_stream(target, [STOP])
                await send(
                    stream,
                    StopMessage(
                        type=StopMessage.CONNECT,
                        peer=WirePeer(id=source.to_bytes()),
                        limit=circuit_limit(),
                    ),
                )
                if (await receive_stop(stream)).status == OK:
                    return stream
        except (*BROKEN, trio.TooSlowError) as error:
            _logger.debug("relayed peer did not answer", extra={"reason": repr(error)})
        if stream is not None:
            await _end(stream)
        return None

    def _drop_expired(self) -> None:
        now = time.time()
        for peer in [peer for peer, expiry in self._places.items() if expiry <= now]:
            self._on_departed(peer)

    def _on_departed(self, peer: ID) -> None:
        self._places.pop(peer, None)
        self._hosts.pop(peer, None)


async def _answer(
    stream: INetStream, status: Status.ValueType, *, is_limited: bool = False
) -> None:
    limit = circuit_limit() if is_limited else None
    await send(stream, HopMessage(type=HopMessage.STATUS, status=status, limit=limit))


def _host(stream: INetStream) -> str:
    remote = stream.get_remote_address()
    return host_of(remote[0]) if remote else ""


async def _carry(one: INetStream, other: INetStream) -> None:
    """Until either end has had enough, or the circuit its bytes, its time or too long a silence."""
    left_bytes = limits.RELAY_CIRCUIT_BYTES_MAX
    silence = trio.CancelScope(deadline=trio.current_time() + limits.RELAY_CIRCUIT_IDLE_S)

    async def pump(source: INetStream, sink: INetStream, scope: trio.CancelScope) -> None:
        nonlocal left_bytes
        try:
            while left_bytes > 0:
                piece = await source.read(_PIECE_BYTES)
                left_bytes -= len(piece)
                await sink.write(piece)
                silence.deadline = trio.current_time() + limits.RELAY_CIRCUIT_IDLE_S
        except BROKEN:
            pass  # Either end is gone; so is the circuit.
        scope.cancel()

    with silence, trio.move_on_after(limits.RELAY_CIRCUIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump, one, other, nursery.cancel_scope)
            nursery.start_soon(pump, other, one, nursery.cancel_scope)


async def _end(stream: INetStream) -> None:
    """What was written leaves before the end."""
    try:
        await stream.close()
        await stream.reset()
    except BROKEN:
        return
