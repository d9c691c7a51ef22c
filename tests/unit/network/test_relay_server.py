"""Who gets a place at a relay, and how many circuits: counted by host, not by address."""

from __future__ import annotations

import pytest
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.circuit_pb2 import RESERVATION_REFUSED

from covey.model import limits
from covey.network.relay_server import RelayServer


def peer(number: int) -> ID:
    return ID(bytes([0, 36, 8, 1, 18, 32]) + bytes([number]) * 32)


class _World:
    """A host and its connections: nothing of them is asked here."""

    def watch(self, arrived, departed):
        """Nobody comes or goes."""

    def set_stream_handler(self, protocol, handler):
        """Nobody opens a stream."""

    def get_addrs(self):
        return []


class _Stream:
    """One that a peer opened from an address."""

    def __init__(self, who: ID, address: str) -> None:
        self.muxed_conn = self
        self.peer_id = who
        self._address = address
        self.written = b""

    def get_remote_address(self):
        return self._address, 4001

    async def write(self, packed: bytes) -> None:
        self.written += packed


@pytest.fixture
def server() -> RelayServer:
    world = _World()
    return RelayServer(world, world)


@pytest.mark.trio
async def test_addresses_of_one_ipv6_network_share_the_places_of_one_host(server):
    """A home has a /64, with addresses beyond number: each had places of its own."""
    for number in range(limits.RELAY_RESERVATIONS_PER_HOST_MAX):
        await server._reserve(_Stream(peer(number), f"2001:db8::{number + 1:x}"))
    neighbour = _Stream(peer(100), "2001:db8::ffff")
    assert server._refusal(peer(100), neighbour) == RESERVATION_REFUSED
    await server._reserve(neighbour)
    assert peer(100) not in server._places
    elsewhere = _Stream(peer(101), "2001:db8:0:1::1")
    assert server._refusal(peer(101), elsewhere) is None
    await server._reserve(elsewhere)
    assert peer(101) in server._places


def test_circuits_are_counted_by_host(server):
    """Sixteen peer ids of one machine took all 128."""
    pair, hosts = (peer(1), peer(2)), ("198.51.100.1", "203.0.113.1")
    assert server._has_room(pair, hosts)
    server._circuits_of_host[hosts[1]] = limits.RELAY_CIRCUITS_PER_HOST_MAX
    assert not server._has_room(pair, hosts)
    assert server._has_room(pair, hosts[:1])
