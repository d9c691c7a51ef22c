"""Whom the swarm dials, and how often."""

from __future__ import annotations

import pytest
from libp2p.network.exceptions import SwarmException
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from covey.model import limits
from covey.network.swarm import build_host

PEER = ID(bytes([0, 36, 8, 1, 18, 32]) + bytes(32))


@pytest.mark.trio
async def test_dials_in_vain_are_counted_by_host_whatever_its_name(nursery, monkeypatch):
    """Eight names of one host were eight hosts: 4,595 connections in a minute."""
    host, _ = build_host(bytes(32), nursery)
    swarm = host.get_network()
    dialled = []

    async def refuse(address, peer):
        dialled.append(str(address))
        raise SwarmException("refused")

    def lookup(name, port, *_):
        return [(0, 0, 0, "", ("8.8.8.8", port))]

    monkeypatch.setattr(swarm, "_dial_addr_single_attempt", refuse)
    monkeypatch.setattr("covey.network.address.socket.getaddrinfo", lookup)
    for number in range(limits.DIALS_IN_VAIN_MAX + 20):
        with pytest.raises(SwarmException):
            await swarm.dial_at(PEER, [Multiaddr(f"/dns4/n{number}.example/tcp/80")])
    assert limits.DIALS_IN_VAIN_MAX <= len(dialled) <= limits.DIALS_IN_VAIN_MAX + 1
    assert set(dialled) == {"/ip4/8.8.8.8/tcp/80"}
