"""Where a hole is punched to: a second way to have this node dial at a stranger's word."""

from __future__ import annotations

import contextlib

import pytest
import trio
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from multiaddr import Multiaddr

from covey.model import limits
from covey.network.connections import Connections
from covey.network.punch import Puncher, _target
from covey.network.swarm import build_host

WORLD, LAN, HOME, NAME = (
    f"/{host}/tcp/4001"
    for host in ("ip4/8.8.8.8", "ip4/10.9.8.7", "ip4/127.0.0.1", "dns4/evil.example")
)


def _told(*addresses: str, kind=HolePunch.CONNECT) -> HolePunch:
    return HolePunch(type=kind, ObsAddrs=[Multiaddr(each).to_bytes() for each in addresses])


def test_only_what_the_peer_may_name_is_dialled():
    """It was any IP address: 10.9.8.7, or the node's own machine."""
    assert _target(_told(NAME, HOME, LAN, WORLD), (WORLD,)) == ("8.8.8.8", 4001)
    assert _target(_told(NAME, HOME, LAN, WORLD), (LAN,)) == ("10.9.8.7", 4001)
    for told in (_told(HOME, LAN, NAME), _told(), _told(WORLD, kind=HolePunch.SYNC)):
        with pytest.raises(SwarmException):
            _target(told, (WORLD,))


class _Muxer:
    peer_id = ID(bytes([0, 36, 8, 1, 18, 32]) + bytes(32))

    def __init__(self) -> None:
        self.closed = trio.Event()

    def get_remote_address(self):
        return "8.8.8.8", 4001

    async def close(self):
        self.closed.set()

    async def wait_closed(self):
        await self.closed.wait()


@pytest.mark.trio
async def test_direct_connections_are_counted_at_the_door(nursery):
    """A host that came through a relay, made direct, came again, would have no bound."""
    host, transport = build_host(bytes(32), nursery)
    puncher = Puncher(host, Connections(nursery), transport.door)
    with contextlib.ExitStack() as stack:
        for _ in range(limits.CONNECTIONS_PER_HOST_MAX - 1):
            assert stack.enter_context(transport.door.pass_through("8.8.8.8"))
        first, second = _Muxer(), _Muxer()
        nursery.start_soon(puncher._hold, first)
        await trio.testing.wait_all_tasks_blocked()
        await puncher._hold(second)
        assert second.closed.is_set()
        assert not first.closed.is_set()
        first.closed.set()
        await trio.testing.wait_all_tasks_blocked()
        with transport.door.pass_through("8.8.8.8") as is_admitted:
            assert is_admitted
