"""Peers that die without a word and come back with their identity, in processes of their own."""

from __future__ import annotations

import signal
import time

import pytest
import trio

from covey.model import limits

TOPIC = "/covey/1/test"


async def _works(node, program, collector_, until) -> None:
    """Streams and gossip, both ways."""
    assert (await program.ask("echo", peer=node.peer_id))["answer"] == "ping"
    stream = await node.open_stream(program.peer)
    await stream.send(b"x")
    with trio.fail_after(5):
        assert await stream.receive() == b"x"
    await stream.close()
    before = len(collector_.frames)
    await until(lambda: program.peer in node.topic_peers(TOPIC))
    await program.ask("clear")
    await program.until("topic_peers", lambda said: node.peer_id in said["peers"], topic=TOPIC)
    await program.ask("publish", topic=TOPIC, count=20, size=100)
    await until(lambda: len(collector_.frames) == before + 20)
    for number in range(20):
        await node.publish(TOPIC, b"to the program %d" % number)
    await program.until("frames", lambda said: said["count"] == 20)


@pytest.mark.trio
async def test_peer_killed_and_returned_works_at_once(open_node, start_program, collector, until):
    """kill -9, the same identity and port: streams and gossip work, by redial alone."""
    async with open_node(1) as node:
        seen = collector()
        await node.subscribe(TOPIC, seen)
        program = start_program(2)
        await node.dial(program.address)
        await program.ask("subscribe", topic=TOPIC)
        await _works(node, program, seen, until)
        program.kill()
        await until(lambda: not node.connected())
        again = start_program(2, listen=program.listen)
        assert again.address == program.address
        began = trio.current_time()
        await until(lambda: node.connected() == (program.peer,))
        assert trio.current_time() - began < 5
        await again.ask("subscribe", topic=TOPIC)
        await _works(node, again, seen, until)


@pytest.mark.trio
async def test_silent_old_connection_gives_way_to_the_new_one(
    open_node, start_program, collector, until
):
    """A peer whose machine froze comes back while its old connection still looks open."""
    async with open_node(1) as node:
        seen = collector()
        await node.subscribe(TOPIC, seen)
        frozen = start_program(2)
        await frozen.ask("dial", address=node.addresses[0])
        await frozen.ask("subscribe", topic=TOPIC)
        await _works(node, frozen, seen, until)
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            again = start_program(2)
            await again.ask("dial", address=node.addresses[0])
            await again.ask("subscribe", topic=TOPIC)
            began = time.monotonic()
            await _works(node, again, seen, until)
            assert time.monotonic() - began < 5
            await until(lambda: len(node.peer_table()) == 1)
        finally:
            frozen.process.send_signal(signal.SIGCONT)


@pytest.mark.trio
async def test_frozen_peer_is_dropped(open_node, start_program, until, monkeypatch):
    """A peer that neither speaks nor closes is noticed by the keep-alive, not after hours."""
    monkeypatch.setattr(limits, "KEEPALIVE_INTERVAL_S", 0.3)
    monkeypatch.setattr(limits, "KEEPALIVE_TIMEOUT_S", 1.0)
    async with open_node(1) as node:
        frozen = start_program(2)
        await node.dial(frozen.address)
        await trio.sleep(1.5)  # An idle peer that answers stays.
        assert node.connected()
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            began = trio.current_time()
            await until(lambda: not node.connected())
            assert trio.current_time() - began < 4
        finally:
            frozen.process.send_signal(signal.SIGCONT)


@pytest.mark.trio
async def test_bootstrap_that_comes_late_is_reached(open_node, start_program, until):
    """The order in which nodes start does not matter."""
    program = start_program(2)
    address, listen = program.address, program.listen
    program.close()
    async with open_node(1, bootstrap=(address,)) as node:
        await trio.sleep(0.5)
        assert node.connected() == ()
        start_program(2, listen=listen)
        await until(node.connected)


@pytest.mark.trio
async def test_peers_are_remembered_over_a_restart(open_node, until, tmp_path):
    """A node that was told one address once needs no bootstrap the next time."""
    path = tmp_path / "peers.json"
    async with open_node(1) as a:
        async with open_node(2, peers_path=path) as b:
            await b.dial(a.addresses[0])
        assert a.peer_id in path.read_text()
        await until(lambda: not a.connected())
        async with open_node(2, peers_path=path) as b:
            await until(lambda: b.connected() == (a.peer_id,))


@pytest.mark.trio
async def test_peer_that_dialled_us_is_remembered_too(open_node, until, tmp_path):
    """Its listening address comes with identify; the port it dialled from would be useless."""
    path = tmp_path / "peers.json"
    async with open_node(2) as b:
        async with open_node(1, peers_path=path) as a:
            await b.dial(a.addresses[0])
            await until(a.peer_table)
            peerstore = a._host.get_peerstore()
            identifier = a._connections.peers()[0]
            await until(
                lambda: b.addresses[0] in [str(x) for x in _addresses(peerstore, identifier)]
            )
        assert b.addresses[0] in path.read_text()


def _addresses(peerstore, peer):
    from libp2p.peer.peerstore import PeerStoreError

    try:
        return peerstore.addrs(peer)
    except PeerStoreError:
        return []
