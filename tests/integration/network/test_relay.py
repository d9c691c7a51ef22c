"""Places and circuits at a relay, on loopback: what it gives, and what it refuses."""

from __future__ import annotations

import contextlib

import pytest
import trio

from covey.errors import ConfigError, PeerUnavailable
from covey.model import limits


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Places are asked for soon, and nobody makes a relayed connection direct."""
    monkeypatch.setattr(limits, "RELAY_PLACES_WAIT_S", 0.2)
    monkeypatch.setattr(limits, "PUNCH_PAUSES_S", ())


def _circuits(node):
    return [address for address in node.addresses if "/p2p-circuit/" in address]


@contextlib.asynccontextmanager
async def _at_a_relay(open_node, count=2):
    """A relay, and nodes that know no more than its address."""
    async with contextlib.AsyncExitStack() as stack:
        relay = await stack.enter_async_context(open_node(1, is_relay=True))
        nodes = [
            await stack.enter_async_context(open_node(n + 2, bootstrap=(relay.addresses[0],)))
            for n in range(count)
        ]
        yield relay, *nodes


@pytest.mark.trio
async def test_announced_circuit_leads_to_the_node(open_node, until):
    """The address that a node announces once it has a place is enough to reach it."""
    async with _at_a_relay(open_node) as (relay, one, other), open_node(9) as stranger:
        await until(lambda: _circuits(one))
        assert _circuits(one)[0] == f"{relay.addresses[0]}/p2p-circuit/p2p/{one.peer_id}"
        assert await stranger.dial(_circuits(one)[0]) == one.peer_id
        (row,) = [row for row in stranger.peer_table() if row.peer == one.peer_id]
        assert row.address.endswith("/p2p-circuit")
        stream = await stranger.open_stream(one.peer_id)
        frame = bytes(range(256)) * 4096
        await stream.send(frame)
        assert await stream.receive() == frame
        await stream.close()
        assert not _circuits(relay)
        del other


@pytest.mark.trio
async def test_relay_that_dialled_first_gives_a_place_too(open_node, until):
    """After its restart a relay finds its peers before they find it; it is one all the same."""
    async with open_node(1, is_relay=True) as relay, open_node(2) as one:
        await relay.dial(one.addresses[-1])
        await until(lambda: one.is_connected(relay.peer_id))
        await one.dial(relay.addresses[0])  # Named by its operator; the connection is there.
        (row,) = one.peer_table()
        assert row.direction == "inbound"
        await until(lambda: _circuits(one))
        assert _circuits(one)[0].startswith(f"{relay.addresses[0]}/p2p-circuit/")


@pytest.mark.trio
async def test_circuit_without_the_address_of_a_connected_relay(open_node, until):
    """`/p2p/RELAY/p2p-circuit/p2p/PEER` is enough for whoever is connected to the relay."""
    async with _at_a_relay(open_node) as (relay, one, other):
        await until(lambda: _circuits(other))
        await until(lambda: one.is_connected(relay.peer_id))
        await one.dial(f"/p2p/{relay.peer_id}/p2p-circuit/p2p/{other.peer_id}")
        assert one.is_connected(other.peer_id)


@pytest.mark.trio
async def test_who_has_no_place_is_not_reached(open_node, until, monkeypatch):
    """A relay calls nobody who did not ask for it."""
    monkeypatch.setattr(limits, "RELAY_RESERVATIONS_MAX", 0)
    async with _at_a_relay(open_node) as (relay, one, other):
        await until(lambda: one.is_connected(relay.peer_id) and other.is_connected(relay.peer_id))
        with pytest.raises(PeerUnavailable, match="NO_RESERVATION"):
            await one.dial(f"{relay.addresses[0]}/p2p-circuit/p2p/{other.peer_id}")
        assert not _circuits(other)


@pytest.mark.trio
async def test_one_address_does_not_take_all_places(open_node, until, monkeypatch):
    """Peer ids cost nothing, addresses do."""
    monkeypatch.setattr(limits, "RELAY_RESERVATIONS_PER_HOST_MAX", 1)
    async with _at_a_relay(open_node, 3) as (relay, *nodes):
        await until(lambda: all(node.is_connected(relay.peer_id) for node in nodes))
        await until(lambda: any(map(_circuits, nodes)))
        await trio.sleep(1.0)
        assert sum(bool(_circuits(node)) for node in nodes) == 1


@pytest.mark.trio
async def test_circuits_of_a_relay_are_counted(open_node, until, monkeypatch):
    """Beyond the bound the relay refuses; a circuit that ended makes room."""
    monkeypatch.setattr(limits, "RELAY_CIRCUITS_MAX", 1)
    async with _at_a_relay(open_node, 3) as (relay, one, two, three):
        await until(lambda: all(map(_circuits, (one, two, three))))
        await one.dial(_circuits(two)[0])
        with pytest.raises(PeerUnavailable, match="RESOURCE_LIMIT_EXCEEDED"):
            await three.dial(f"{relay.addresses[0]}/p2p-circuit/p2p/{two.peer_id}")


@pytest.mark.trio
async def test_one_host_does_not_take_all_circuits(open_node, until, monkeypatch):
    """Sixteen peer ids of one machine held all 128, and nobody else got one."""
    monkeypatch.setattr(limits, "RELAY_CIRCUITS_PER_HOST_MAX", 1)
    async with _at_a_relay(open_node, 3) as (_relay, one, two, three):
        await until(lambda: all(map(_circuits, (one, two, three))))
        await one.dial(_circuits(two)[0])
        with pytest.raises(PeerUnavailable, match="RESOURCE_LIMIT_EXCEEDED"):
            await three.dial(_circuits(two)[0])


@pytest.mark.trio
async def test_silent_circuit_ends(open_node, until, monkeypatch):
    """Peers that use one ping each other; one that only holds a place makes room."""
    monkeypatch.setattr(limits, "RELAY_CIRCUIT_IDLE_S", 1.0)
    async with _at_a_relay(open_node) as (_, one, other):
        await until(lambda: _circuits(other))
        await one.dial(_circuits(other)[0])
        await until(lambda: not one.is_connected(other.peer_id))


@pytest.mark.trio
async def test_circuit_that_is_used_does_not_end(open_node, until, monkeypatch):
    """The pings of the two peers are enough."""
    monkeypatch.setattr(limits, "RELAY_CIRCUIT_IDLE_S", 1.5)
    monkeypatch.setattr(limits, "KEEPALIVE_INTERVAL_S", 0.3)
    async with _at_a_relay(open_node) as (_, one, other):
        await until(lambda: _circuits(other))
        await one.dial(_circuits(other)[0])
        since = one.peer_table()
        await trio.sleep(4)
        kept = [row.since_s for row in one.peer_table() if row.peer == other.peer_id]
        assert kept == [row.since_s for row in since if row.peer == other.peer_id]


@pytest.mark.trio
async def test_relay_brings_its_share_and_no_more(open_node, until, monkeypatch):
    """One relay brought 250 connections over one socket, past the bound of a host."""
    monkeypatch.setattr(limits, "RELAYED_PER_RELAY_MAX", 1)
    async with _at_a_relay(open_node, 3) as (_relay, one, two, three):
        await until(lambda: all(map(_circuits, (one, two, three))))
        await two.dial(_circuits(one)[0])
        with pytest.raises(PeerUnavailable):
            await three.dial(_circuits(one)[0])
        await two.disconnect(one.peer_id)
        await until(lambda: not one.is_connected(two.peer_id))
        await three.dial(_circuits(one)[0])


@pytest.mark.trio
async def test_whom_a_relay_brings_counts_at_the_door_of_its_host(open_node, until, monkeypatch):
    """Whether directly or through a relay, one host has one share."""
    async with _at_a_relay(open_node, 2) as (_, one, two), open_node(9) as stranger:
        await until(lambda: _circuits(one))
        monkeypatch.setattr(limits, "CONNECTIONS_PER_HOST_MAX", 1)
        await stranger.dial(one.addresses[0])
        with pytest.raises(PeerUnavailable):
            await two.dial_at(one.peer_id, [_circuits(one)[0].rpartition("/p2p/")[0]])


@pytest.mark.trio
async def test_stranger_does_not_become_a_relay_of_this_node(open_node, until, monkeypatch):
    """It only has to say where it listens to be dialled; a place is another matter."""
    async with open_node(1, is_relay=True) as relay, open_node(2) as one:
        address = relay.addresses[0].rpartition("/p2p/")[0]
        await one.dial_at(relay.peer_id, [address])
        await until(lambda: any("hop" in each for each in one.peer_table()[0].protocols))
        await trio.sleep(1.0)
        assert not _circuits(one)
        monkeypatch.setattr(limits, "RELAY_KNOWN_S", 1.0)  # It has been here for long.
        await until(lambda: _circuits(one))


@pytest.mark.trio
async def test_relay_on_the_way_that_was_named_is_asked_for_a_place(open_node, until):
    """Who joins by a ticket across routers can be reached as whoever made it."""
    async with _at_a_relay(open_node, 1) as (relay, one), open_node(9) as guest:
        await until(lambda: _circuits(one))
        await guest.dial(_circuits(one)[0])
        await until(lambda: _circuits(guest))
        assert relay.peer_id in _circuits(guest)[0]


@pytest.mark.trio
async def test_circuit_ends_with_its_bytes(open_node, until, monkeypatch):
    """A relay is no free line: both ends learn that it ended, and may dial anew."""
    monkeypatch.setattr(limits, "RELAY_CIRCUIT_BYTES_MAX", 256 * 1024)
    async with _at_a_relay(open_node) as (_, one, other):
        await until(lambda: _circuits(other))
        await one.dial(_circuits(other)[0])
        stream = await one.open_stream(other.peer_id)

        async def echo(count):
            for _ in range(count):
                await stream.send(bytes(64 * 1024))
                await stream.receive()

        await echo(1)
        with pytest.raises(PeerUnavailable):
            await echo(8)


@pytest.mark.trio
async def test_direct_connection_takes_the_place_of_the_relayed(open_node, until, monkeypatch):
    """Who was dialled through a relay tries to dial back, and the relay is free again."""
    monkeypatch.setattr(limits, "PUNCH_PAUSES_S", (0.3,))
    async with _at_a_relay(open_node) as (_, one, other):
        await until(lambda: _circuits(other))
        await one.dial(_circuits(other)[0])

        def is_direct():
            rows = [row for row in one.peer_table() if row.peer == other.peer_id]
            return len(rows) == 1 and "/p2p-circuit" not in rows[0].address

        await until(is_direct)


@pytest.mark.parametrize(
    "address",
    [
        "/p2p-circuit/p2p/{peer}",
        "/ip4/127.0.0.1/udp/1/p2p/{relay}/p2p-circuit/p2p/{peer}",
        "/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit",
        "/ip4/127.0.0.1/tcp/1/p2p-circuit/p2p/{peer}",
    ],
)
@pytest.mark.trio
async def test_malformed_circuit_is_refused(open_node, address):
    """Said at once, instead of failing to connect for ever."""
    relay = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
    peer = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"
    async with open_node(9) as node:
        with pytest.raises(ConfigError):
            await node.dial(address.format(relay=relay, peer=peer))
