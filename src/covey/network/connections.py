"""Who is connected: one table, notices of arrival and departure, stale connections dropped."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import trio
from libp2p.abc import INetConn, INetStream, INetwork, INotifee
from libp2p.connection_types import ConnectionType
from libp2p.network.connection.swarm_connection import SwarmConn
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.rcmgr import Direction
from multiaddr import Multiaddr

from covey.model import PeerId, limits
from covey.network.address import peer_id_of
from covey.network.muxer import Muxer

__all__ = ["Connections", "PeerRow"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRow:
    """One open connection, for people.

    address: multiaddr text of the far end (an inbound one has a port that nobody can dial); it ends
    in `/p2p-circuit` where a relay is in between.
    direction: "inbound" or "outbound". since_s: Unix time. latency_s: of the last round trip, None
    before the first. agent, protocols: as the peer says, empty while it has not.
    """

    peer: PeerId
    address: str
    direction: str
    since_s: float
    latency_s: float | None
    score: float = 0.0
    agent: str = ""
    protocols: tuple[str, ...] = ()


@dataclass(slots=True)
class _Open:
    conn: SwarmConn
    muxer: Muxer
    direction: Direction
    since_s: float
    opened_s: float  # trio's time

    @property
    def is_direct(self) -> bool:
        """No relay is in between."""
        return self.muxer.get_connection_type() is ConnectionType.DIRECT


class Connections(INotifee):
    """Open connections by peer, in order of arrival.

    A peer that dials while it still has an inbound connection here has lost that one (it died and
    came back, or its address changed), so the older one is dropped at once: py-libp2p would go on
    using it, and nothing would get through. Two of opposite directions are a simultaneous dial;
    then the older one must only answer. A direct connection takes the place of those through
    relays, and one through a relay only that of a direct one that does not answer.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._open: dict[ID, list[_Open]] = {}
        self._arrived: list[Callable[[ID], None]] = []
        self._departed: list[Callable[[ID], None]] = []

    def watch(
        self, arrived: Callable[[ID], None] | None, departed: Callable[[ID], None] | None
    ) -> None:
        """Be told, synchronously, of each peer's first connection and of the end of its last.

        A replaced connection is a departure and an arrival: what ran over it is gone.
        """
        if arrived is not None:
            self._arrived.append(arrived)
        if departed is not None:
            self._departed.append(departed)

    def peers(self) -> tuple[ID, ...]:
        """Connected peers, in order of arrival."""
        return tuple(self._open)

    def is_connected(self, peer: ID) -> bool:
        """An open connection exists."""
        return peer in self._open

    def is_direct(self, peer: ID) -> bool:
        """A connection exists without a relay in between."""
        return any(entry.is_direct for entry in self._open.get(peer, ()))

    def dialled(self, peer: ID) -> Muxer | None:
        """The direct connection that this node has opened to a peer."""
        for entry in self._open.get(peer, ()):
            if entry.is_direct and entry.direction is Direction.OUTBOUND:
                return entry.muxer
        return None

    def dialled_for_s(self, peer: ID) -> float:
        """How long the direct connection lasts that this node has opened; 0 without one."""
        muxer = self.dialled(peer)
        opened_s = [entry.opened_s for entry in self._open.get(peer, ()) if entry.muxer is muxer]
        return trio.current_time() - opened_s[0] if opened_s else 0.0

    def is_brought(self, peer: ID) -> bool:
        """A peer has come through a relay, and there is no direct connection to it."""
        entries = self._open.get(peer, ())
        return any(entry.direction is Direction.INBOUND for entry in entries) and not any(
            entry.is_direct for entry in entries
        )

    def is_dialled_from_outside(self, ports: Collection[int]) -> bool:
        """Somebody who is not in the same private network has reached this node at its ports."""
        return any(
            entry.muxer.local_port in ports
            and entry.direction is Direction.INBOUND
            and _is_outside(entry.muxer)
            for entries in self._open.values()
            for entry in entries
        )

    def table(self) -> tuple[PeerRow, ...]:
        """One row for each open connection."""
        return tuple(
            PeerRow(
                peer=peer_id_of(peer),
                address=_text(entry.muxer.get_transport_addresses()),
                direction="inbound" if entry.direction is Direction.INBOUND else "outbound",
                since_s=entry.since_s,
                latency_s=entry.muxer.latency_s,
            )
            for peer, entries in self._open.items()
            for entry in entries
        )

    async def close_all(self) -> None:
        """Close every connection at once (py-libp2p does it one after the other, slowly)."""
        async with trio.open_nursery() as nursery:
            for entries in tuple(self._open.values()):
                for entry in tuple(entries):
                    nursery.start_soon(entry.conn.close)

    async def drop(self, peer: ID) -> None:
        """Close the connections of one peer."""
        for entry in tuple(self._open.get(peer, ())):
            await entry.conn.close()

    async def connected(self, network: INetwork, conn: INetConn) -> None:
        """py-libp2p opened a connection."""
        del network
        assert isinstance(conn, SwarmConn)
        assert isinstance(conn.muxed_conn, Muxer)
        entry = _Open(conn, conn.muxed_conn, conn.direction, time.time(), trio.current_time())
        peer = conn.muxed_conn.peer_id
        older = tuple(self._open.get(peer, ()))
        self._open.setdefault(peer, []).append(entry)
        entry.muxer.ping()  # How far it is, is known soon.
        if not older:
            self._tell(self._arrived, peer)
        lost = [other for other in older if _supersedes(entry, other)]
        if lost and len(lost) == len(older):
            self._tell(self._departed, peer)
            self._tell(self._arrived, peer)
        for other in older:
            if other in lost:
                # It must not be chosen for a new stream while it closes.
                swarm = conn.swarm
                assert isinstance(swarm, Swarm)
                swarm.remove_conn(other.conn)
                self._nursery.start_soon(other.conn.close)
            else:
                self._nursery.start_soon(self._close_one, other, entry)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def disconnected(self, network: INetwork, conn: INetConn) -> None:
        """py-libp2p closed a connection."""
        del network
        peer = conn.muxed_conn.peer_id
        assert isinstance(peer, ID)
        entries = self._open.get(peer)
        if entries is None:
            return
        remaining = [entry for entry in entries if entry.conn is not conn]
        if remaining:
            self._open[peer] = remaining
        else:
            del self._open[peer]
            self._tell(self._departed, peer)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def opened_stream(self, network: INetwork, stream: INetStream) -> None:
        """Of no interest here."""

    async def closed_stream(self, network: INetwork, stream: INetStream) -> None:
        """Of no interest here."""

    async def listen(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Of no interest here."""

    async def listen_close(self, network: INetwork, multiaddr: Multiaddr) -> None:
        """Of no interest here."""

    async def _close_one(self, older: _Open, newer: _Open) -> None:
        if not await older.muxer.is_alive(limits.STALE_CHECK_S):
            await older.conn.close()
        elif older.is_direct and not newer.is_direct:
            await newer.conn.close()

    @staticmethod
    def _tell(watchers: list[Callable[[ID], None]], peer: ID) -> None:
        for watcher in watchers:
            watcher(peer)


def _text(addresses: list[Multiaddr]) -> str:
    return str(addresses[0]) if addresses else ""


def _supersedes(newer: _Open, older: _Open) -> bool:
    if newer.is_direct is not older.is_direct:
        return newer.is_direct
    return newer.direction is older.direction


def _is_outside(muxer: Muxer) -> bool:
    remote = muxer.get_remote_address()
    try:
        return remote is not None and not ipaddress.ip_address(remote[0]).is_private
    except ValueError:
        return False
