"""Dialling, listening, closing: the ordinary life of connections, and its refusals."""

from __future__ import annotations

import logging
import socket

import pytest
import trio
from multiaddr import Multiaddr

from covey import __version__
from covey.errors import ConfigError, PeerUnavailable
from covey.model import limits
from covey.network.address import parse_peer_address, parse_peer_id
from covey.network.door import Door
from covey.network.transport import Listener

STRANGER = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"  # of seed 02…


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.trio
async def test_both_sides_see_the_connection(open_node, until):
    """Peers, directions and notices are what `covey peers` and the node's sync rely on."""
    arrived: list[str] = []
    async with open_node(1, on_connected=arrived.append) as a, open_node(2) as b:
        assert await b.dial(a.addresses[0]) == a.peer_id
        await until(lambda: a.connected() == (b.peer_id,))
        assert b.connected() == (a.peer_id,)
        assert [row.direction for row in a.peer_table()] == ["inbound"]
        assert [row.direction for row in b.peer_table()] == ["outbound"]
        assert b.peer_table()[0].address == a.addresses[0].split("/p2p/")[0]
        assert arrived == [b.peer_id]


@pytest.mark.trio
async def test_departure_is_noticed(open_node, until):
    """A node that says goodbye is gone for the others at once, though they may redial in time."""
    departed: list[str] = []
    async with open_node(1, on_disconnected=departed.append) as a:
        async with open_node(2) as b:
            await b.dial(a.addresses[0])
            await until(a.connected)
        await until(lambda: departed and a.connected() == ())
        assert set(departed) == {b.peer_id}
        assert a.peer_table() == ()


@pytest.mark.trio
async def test_connecting_does_not_wait_for_a_race_of_addresses(open_node):
    """py-libp2p's own dialling takes 252 ms for one address on this machine."""
    async with open_node(1) as a, open_node(2) as b:
        began = trio.current_time()
        await b.dial(a.addresses[0])
        assert trio.current_time() - began < 0.2


@pytest.mark.trio
async def test_a_dead_address_does_not_hide_a_live_one(open_node):
    """py-libp2p tries one TCP address of a peer; a laptop that moved has several."""
    async with open_node(1) as a, open_node(2) as b:
        dead = f"/ip4/127.0.0.1/tcp/{_free_port()}/p2p/{a.peer_id}"
        with pytest.raises(PeerUnavailable):
            await b.dial(dead)
        await b.dial(a.addresses[0])
        assert b.connected() == (a.peer_id,)


@pytest.mark.trio
async def test_a_peer_that_was_away_can_be_dialled_at_once(open_node):
    """py-libp2p refuses a peer for a minute after one failure."""
    port = _free_port()
    async with open_node(2) as b:
        address = (
            f"/ip4/127.0.0.1/tcp/{port}/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
        )
        with pytest.raises(PeerUnavailable):
            await b.dial(address)
        async with open_node(1, listen=(f"/ip4/127.0.0.1/tcp/{port}",)):
            await b.dial(address)


@pytest.mark.trio
@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:4001",
        "/ip4/127.0.0.1",
        "/ip4/300.0.0.1/tcp/1/p2p/" + STRANGER,
        "/ip4/127.0.0.1/tcp/99999/p2p/" + STRANGER,
        "/ip4/127.0.0.1/tcp/4001",
        "/ip4/127.0.0.1/tcp/4001/p2p/notapeer",
        "/ip4/127.0.0.1/udp/4001/quic-v1/p2p/" + STRANGER,
        "/ip4/127.0.0.1/tcp/4001/ws/p2p/" + STRANGER,
    ],
)
async def test_malformed_address_is_refused_with_a_sentence(open_node, address):
    """What a person mistyped is said to be mistyped, not unreachable."""
    async with open_node(1) as a:
        with pytest.raises(ConfigError, match=r"no |not "):
            await a.dial(address)
    with pytest.raises(ConfigError):
        async with open_node(1, bootstrap=(address,)):
            pass


@pytest.mark.trio
async def test_own_address_is_refused(open_node):
    """A node that dials itself would count itself as a peer."""
    async with open_node(1) as a:
        with pytest.raises(ConfigError, match="own"):
            await a.dial(a.addresses[0])


@pytest.mark.trio
async def test_another_identity_at_the_address_is_no_connection(open_node):
    """The peer id in an address is a promise that Noise checks."""
    async with open_node(1) as a, open_node(3) as c:
        wrong = a.addresses[0].split("/p2p/")[0] + "/p2p/" + STRANGER
        with pytest.raises(PeerUnavailable):
            await c.dial(wrong)
        assert c.connected() == ()


@pytest.mark.trio
async def test_port_in_use_is_a_config_error(open_node):
    """py-libp2p shares the port silently, and each node gets half of the connections."""
    async with open_node(1) as a:
        port = a.addresses[0].split("/")[4]
        with pytest.raises(ConfigError, match=rf"port {port} on 127\.0\.0\.1 is in use"):
            async with open_node(2, listen=(f"/ip4/127.0.0.1/tcp/{port}",)):
                pass


@pytest.mark.trio
async def test_an_address_of_another_machine_is_a_config_error(open_node):
    """Listening where this machine has no interface cannot work."""
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1"):
        async with open_node(1, listen=("/ip4/192.0.2.1/tcp/0",)):
            pass


@pytest.mark.trio
async def test_wildcard_is_expanded_to_what_can_be_dialled(open_node):
    """`0.0.0.0` in a ticket would send every joiner to itself."""
    async with open_node(1, listen=("/ip4/0.0.0.0/tcp/0",)) as a, open_node(2) as b:
        assert a.addresses
        assert not any("0.0.0.0" in address for address in a.addresses)
        await b.dial(a.addresses[-1])


@pytest.mark.trio
async def test_dialling_each_other_at_once_works(open_node, until, collector):
    """Both dials may succeed; neither side may drop the connection that the other kept."""
    async with open_node(1) as a, open_node(2) as b:
        for node in (a, b):
            await node.subscribe("t", collector())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(a.dial, b.addresses[0])
            nursery.start_soon(b.dial, a.addresses[0])
        await until(lambda: a.topic_peers("t") and b.topic_peers("t"))
        await trio.sleep(limits.STALE_CHECK_S + 0.5)
        assert a.topic_peers("t") == (b.peer_id,)
        assert b.topic_peers("t") == (a.peer_id,)
        stream = await a.open_stream(b.peer_id)
        await stream.send(b"still here")
        with trio.fail_after(5):
            assert await stream.receive() == b"still here"


@pytest.mark.trio
async def test_slots_of_ended_connections_are_free_again(open_node, until, monkeypatch):
    """py-libp2p holds an inbound slot until the node stops, and then refuses everybody."""
    monkeypatch.setattr(limits, "CONNECTIONS_MAX", 3)
    async with open_node(1) as a:
        for _ in range(6):
            async with open_node(2) as b:
                await b.dial(a.addresses[0])
                await until(a.connected)
            await until(lambda: not a.connected())


@pytest.mark.trio
async def test_close_is_idempotent_and_quick(open_nodes):
    """Ctrl-C with many peers must not take a while for each of them."""
    async with open_nodes(5) as nodes:
        began = trio.current_time()
        await nodes[0].close()
        await nodes[0].close()
        assert trio.current_time() - began < 1.5


@pytest.mark.trio
async def test_closing_under_traffic_raises_nothing(open_nodes, until, collector):
    """py-libp2p raises a group of what its tasks were doing when it stops under load."""
    async with open_nodes(3) as nodes:
        for node in nodes:
            await node.subscribe("t", collector())
        await until(lambda: all(len(node.topic_peers("t")) == 2 for node in nodes))
        with trio.move_on_after(0.3):
            async with trio.open_nursery() as nursery:

                async def flood(node) -> None:
                    while True:
                        await node.publish("t", bytes(2000))

                for node in nodes:
                    nursery.start_soon(flood, node)
        for node in nodes:
            await node.publish("t", bytes(100_000))


@pytest.mark.trio
async def test_error_in_the_block_arrives_unwrapped(open_node):
    """The caller's own exception is not turned into a group by the nurseries inside."""
    with pytest.raises(KeyError, match="mine"):
        async with open_node(1):
            raise KeyError("mine")


@pytest.mark.trio
async def test_crash_of_a_callback_stops_the_network(open_node):
    """A bug in the node's own callback is heard, not logged by py-libp2p and forgotten."""

    def broken(peer: str) -> None:
        raise ZeroDivisionError

    with trio.fail_after(10), pytest.raises(ZeroDivisionError):  # noqa: PT012 -- the block dies
        async with open_node(1, on_connected=broken) as a, open_node(2) as b:
            await b.dial(a.addresses[0])
            await trio.sleep_forever()


@pytest.mark.trio
async def test_logging_of_the_program_is_left_alone(open_node):
    """py-libp2p clears handlers when imported and installs one on the root logger when it runs."""
    before = list(logging.getLogger().handlers)
    async with open_node(1) as a, open_node(2) as b:
        await b.dial(a.addresses[0])
    assert logging.getLogger().handlers == before
    assert not logging.getLogger("libp2p").propagate


@pytest.mark.trio
async def test_plaintext_is_refused(open_node):
    """`new_host()` of py-libp2p accepts unencrypted connections by default."""
    import libp2p
    from libp2p.peer.peerinfo import info_from_p2p_addr
    from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport
    from multiaddr import Multiaddr

    key_pair = libp2p.generate_new_ed25519_identity()
    host = libp2p.new_host(
        key_pair=key_pair, sec_opt={PLAINTEXT_PROTOCOL_ID: InsecureTransport(key_pair)}
    )
    async with open_node(1) as a, host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        with pytest.raises(Exception, match="unable to connect"):
            await host.connect(info_from_p2p_addr(Multiaddr(a.addresses[0])))
        assert a.connected() == ()
        await host.close()


@pytest.mark.trio
async def test_pinned_peer_is_dialled_at_once_and_again_for_ever(open_node, until):
    """Static peers of a context: named, dialled, and forgotten when nobody names them."""
    async with open_node(1) as a, open_node(2) as b:
        a.pin("t", b.addresses)
        await until(lambda: a.is_connected(b.peer_id))
        await b.disconnect(a.peer_id)
        await until(lambda: a.is_connected(b.peer_id))
        a.pin("other", b.addresses)
        a.pin("t", ())
        assert a.redial.is_pinned(parse_peer_id(b.peer_id))
        a.pin("other", ())
        assert not a.redial.is_pinned(parse_peer_id(b.peer_id))
        with pytest.raises(ConfigError):
            a.pin("t", ["/ip4/127.0.0.1/tcp/1"])


@pytest.mark.trio
async def test_table_says_what_a_peer_runs_and_how_far_it_is(open_node, until):
    """Identify and one round trip, both soon after the connection."""
    async with open_node(1) as a, open_node(2) as b:
        await a.dial(b.addresses[0])
        await until(lambda: all(row.agent and row.latency_s for row in a.peer_table()))
        (row,) = a.peer_table()
        assert row.agent == f"covey/{__version__}"
        assert {"/covey/sync/1.0.0", "/ipfs/kad/1.0.0", "/meshsub/1.1.0"} <= set(row.protocols)
        assert 0 < row.latency_s < 1
        assert row.score == 0


@pytest.mark.trio
async def test_listener_that_closes_has_no_addresses(nursery):
    """A connection that came at that moment asked for them, which stopped the network."""
    listener = Listener(nursery, None, {}, Door())
    await listener.listen(Multiaddr("/ip4/127.0.0.1/tcp/0"))
    assert len(listener.get_addrs()) == 1
    async with trio.open_nursery() as closing:
        closing.start_soon(listener.close)
        for _ in range(5):
            assert isinstance(listener.get_addrs(), tuple)
            await trio.lowlevel.checkpoint()
    assert listener.get_addrs() == ()


@pytest.mark.trio
async def test_known_address_alone_is_no_reason_to_dial(open_node, until):
    """py-libp2p's AutoConnector dials whatever it knows when a connection ends."""
    async with open_node(1) as a, open_node(2) as b:
        known, transport = parse_peer_address(b.addresses[0])
        a._host.get_peerstore().add_addrs(known, [transport], 3_600)
        async with open_node(3) as c:
            await c.dial(a.addresses[0])
            await until(lambda: a.connected() == (c.peer_id,))
        await until(lambda: a.connected() == ())
        await trio.sleep(1)
        assert b.connected() == ()


@pytest.mark.trio
async def test_listener_whose_task_ended_has_no_addresses():
    """The sockets are closed then, and the error would hide why the network stops."""
    async with trio.open_nursery() as nursery:
        listener = Listener(nursery, None, {}, Door())
        await listener.listen(Multiaddr("/ip4/127.0.0.1/tcp/0"))
        await trio.sleep(0.05)
        nursery.cancel_scope.cancel()
    assert listener.get_addrs() == ()
