"""The DHT with js-libp2p: one provider key, found whoever announced it and whoever is asked."""

from __future__ import annotations

import pytest
import trio

from covey.codec import dht_key, topic_text
from covey.model import ContextId
from covey.network import Network
from tests.interop.node import open_covey, until
from tests.interop.peer import JsPeer, open_js

pytestmark = [pytest.mark.trio, pytest.mark.timeout(120, func_only=True)]

TOPIC = topic_text(ContextId(bytes.fromhex("01551220") + bytes(32)))
KEY = dht_key(TOPIC, 1_750_000_000)


async def _providers_seen_by(js: JsPeer) -> set[str]:
    return {row["id"] for row in (await js.ask("find", key=KEY.hex()))["found"]}


async def _provide(covey: Network) -> None:
    """Announce as soon as there is somebody in the routing table to take it."""
    with trio.fail_after(20):
        while not await covey.provide(KEY):  # noqa: ASYNC110 -- identify's doing
            await trio.sleep(0.05)


async def test_javascript_finds_what_covey_provided() -> None:
    """Through a third peer of its own kind, with an address that can be dialled."""
    async with open_js() as bootstrap, open_js() as seeker, open_covey(1) as covey:
        await covey.dial(bootstrap.address)
        await _provide(covey)
        await seeker.ask("dial", address=bootstrap.address)
        with trio.fail_after(30):
            while covey.peer_id not in await _providers_seen_by(seeker):  # noqa: ASYNC110
                await trio.sleep(0.2)
        (row,) = (await seeker.ask("find", key=KEY.hex()))["found"]
        assert row["addresses"]
        await seeker.ask("dial", address=f"{row['addresses'][0]}/p2p/{row['id']}")
        await until(lambda: seeker.peer in covey.connected())


async def test_covey_finds_what_javascript_provided() -> None:
    """The other way round: the record, its key and the address in it."""
    async with open_js() as bootstrap, open_js() as provider, open_covey(1) as covey:
        await provider.ask("dial", address=bootstrap.address)
        await provider.ask("provide", key=KEY.hex())
        await covey.dial(bootstrap.address)
        with trio.fail_after(30):
            while await covey.find_providers(KEY) != (provider.peer,):  # noqa: ASYNC110
                await trio.sleep(0.2)
        await covey.dial_peer(provider.peer)
        assert provider.peer in covey.connected()


async def test_records_of_both_kinds_lie_at_a_node_of_covey() -> None:
    """covey serves the DHT: two JavaScript peers that know only it find each other."""
    async with open_covey(1) as bootstrap, open_js() as provider, open_js() as seeker:
        for js in (provider, seeker):
            await js.ask("dial", address=bootstrap.addresses[0])
        await provider.ask("provide", key=KEY.hex())
        with trio.fail_after(30):
            while provider.peer not in await _providers_seen_by(seeker):  # noqa: ASYNC110
                await trio.sleep(0.2)


async def test_peers_of_a_topic_meet_by_themselves() -> None:
    """What a node does for its contexts: from a bootstrap address to the topic's other peer."""
    async with open_js() as bootstrap, open_js() as other:
        await other.ask("dial", address=bootstrap.address)
        await other.ask("provide", key=KEY.hex())
        async with open_covey(1, bootstrap=(bootstrap.address,)) as covey:
            covey.discover(TOPIC, lambda: (KEY,))
            await until(lambda: other.peer in covey.connected(), 30)
