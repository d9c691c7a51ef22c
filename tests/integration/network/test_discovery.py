"""Provider records and discovery, over the DHT of real hosts."""

from __future__ import annotations

import hashlib
import statistics

import pytest
import trio
from libp2p.peer.peerinfo import PeerInfo

from bench.discovery import seconds_to_meet

KEY = hashlib.sha256(b"a topic of today").digest()
OTHER = hashlib.sha256(b"another topic").digest()


@pytest.mark.trio
async def test_providers_are_found_through_one_bootstrap(open_node, until):
    """Two nodes that know only a third find each other, and can dial what they found."""
    async with open_node(1) as bootstrap, open_node(2) as a, open_node(3) as b:
        for node in (a, b):
            await node.dial(bootstrap.addresses[0])
        assert await a.provide(KEY)
        assert await b.find_providers(KEY) == (a.peer_id,)
        assert await b.find_providers(OTHER) == ()
        await b.dial_peer(a.peer_id)
        assert a.peer_id in b.connected()


@pytest.mark.trio
async def test_each_provider_is_found_once_and_oneself_never(open_node):
    """py-libp2p lists a provider once for each peer that was asked."""
    async with open_node(1) as bootstrap, open_node(2) as a, open_node(3) as b, open_node(4) as c:
        for node in (a, b, c):
            await node.dial(bootstrap.addresses[0])
        await a.dial(b.addresses[0])
        await b.dial(c.addresses[0])
        for node in (a, b, c):
            assert await node.provide(KEY)
        assert sorted(await a.find_providers(KEY)) == sorted((b.peer_id, c.peer_id))


@pytest.mark.trio
async def test_own_records_do_not_hide_others(open_node):
    """py-libp2p answers from its local records alone if it has any: a provider finds nobody."""
    async with open_node(1) as bootstrap, open_node(2) as a, open_node(3) as b:
        await a.dial(bootstrap.addresses[0])
        await a.provide(KEY)
        await b.dial(bootstrap.addresses[0])
        await b.provide(KEY)
        assert await a.find_providers(KEY) == (b.peer_id,)


@pytest.mark.trio
async def test_nobody_to_ask_is_no_error(open_node):
    """A first node alone announces to nobody and finds nobody, and says so."""
    async with open_node(1) as a:
        assert not await a.provide(KEY)
        assert await a.find_providers(KEY) == ()


@pytest.mark.trio
async def test_peers_of_a_topic_meet_by_themselves(open_node, until):
    """From one bootstrap address to a connection with the topic's peer, in about a second."""
    async with open_node(1) as bootstrap:
        known = (bootstrap.addresses[0],)
        async with open_node(2, bootstrap=known) as a, open_node(3, bootstrap=known) as b:
            for node in (a, b):
                node.discover("t", lambda: (KEY,))
            began = trio.current_time()
            await until(lambda: b.peer_id in a.connected() and a.peer_id in b.connected())
            assert trio.current_time() - began < 6
            a.undiscover("t")


@pytest.mark.trio
async def test_lookup_goes_on_to_closer_peers_that_were_unknown(open_node):
    """py-libp2p forgets the addresses in an answer: a lookup ends with the peers known before."""
    async with open_node(1) as provider, open_node(2) as middle, open_node(3) as seeker:
        await middle.dial(provider.addresses[0])
        assert await provider.provide(KEY)
        middle._providers._store.providers.clear()  # It holds no record, but knows who does.
        provider._providers._store.add_provider(
            b"\x12\x20" + KEY, PeerInfo(provider._host.get_id(), provider._host.get_addrs())
        )
        await seeker.dial(middle.addresses[0])
        assert await seeker.find_providers(KEY) == (provider.peer_id,)


@pytest.mark.trio
async def test_first_peer_of_a_topic_among_twenty_nodes_is_found_in_a_second():
    """All that a newcomer has is one bootstrap address; a few of the others are in its topic."""
    took = await seconds_to_meet(19, 5)
    assert statistics.median(took) <= 1.0, took
