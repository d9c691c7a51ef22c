"""Connections with js-libp2p, whoever dials: Noise, yamux, identify, ping and streams."""

from __future__ import annotations

import pytest
import trio
from libp2p.host.ping import PingService

from covey.network import Network
from covey.network.address import parse_peer_id
from tests.interop.node import open_covey, until
from tests.interop.peer import JsPeer, open_js

pytestmark = [pytest.mark.trio, pytest.mark.timeout(120, func_only=True)]

SPOKEN = {"/ipfs/id/1.0.0", "/ipfs/ping/1.0.0", "/ipfs/kad/1.0.0", "/meshsub/1.1.0"}


async def _connect(covey: Network, js: JsPeer, dialler: str) -> None:
    if dialler == "covey":
        assert await covey.dial(js.address) == js.peer
    else:
        await js.ask("dial", address=covey.addresses[0])
    await until(covey.connected)
    assert covey.connected() == (js.peer,)
    assert (await js.ask("connected"))["peers"] == [covey.peer_id]


@pytest.mark.parametrize("dialler", ["covey", "js"])
async def test_each_side_can_dial_the_other(dialler: str) -> None:
    """Both the initiator's and the responder's half of every handshake must be libp2p's."""
    async with open_covey(1) as covey, open_js() as js:
        await _connect(covey, js, dialler)
        direction = "outbound" if dialler == "covey" else "inbound"
        assert [row.direction for row in covey.peer_table()] == [direction]


@pytest.mark.parametrize("dialler", ["covey", "js"])
async def test_each_side_identifies_the_other(dialler: str) -> None:
    """What identify tells decides who is gossiped with and asked in the DHT."""
    async with open_covey(1) as covey, open_js() as js:
        await _connect(covey, js, dialler)
        told = await js.ask("describe", peer=covey.peer_id)
        assert SPOKEN | {"/covey/sync/1.0.0"} <= set(told["protocols"])
        assert covey.addresses[0].split("/p2p/")[0] in told["addresses"]
        store, peer = covey._host.get_peerstore(), parse_peer_id(js.peer)
        await until(lambda: set(store.get_protocols(peer)) >= SPOKEN)


@pytest.mark.parametrize("dialler", ["covey", "js"])
async def test_each_side_answers_pings(dialler: str) -> None:
    """The smallest protocol of all, over a stream that either side opens."""
    async with open_covey(1) as covey, open_js() as js:
        await _connect(covey, js, dialler)
        assert (await js.ask("ping", address=covey.addresses[0]))["ms"] < 5_000
        with trio.fail_after(10):
            (trip_us,) = await PingService(covey._host).ping(parse_peer_id(js.peer))
        assert trip_us < 5_000_000


async def test_stream_carries_five_megabytes_there_and_back() -> None:
    """Windows of both multiplexers are used up and granted again; nothing is torn or lost."""
    async with open_covey(1) as covey, open_js() as js:
        await _connect(covey, js, "js")
        assert await js.ask("echo", address=covey.addresses[0], size=5_000_000) == {"isSame": True}


async def test_departure_is_noticed_by_the_side_that_stays() -> None:
    """A peer that is gone must not be counted as one."""
    async with open_js() as js:
        async with open_covey(1) as covey:
            await _connect(covey, js, "covey")
        with trio.fail_after(20):
            while (await js.ask("connected"))["peers"]:  # noqa: ASYNC110 -- another process's doing
                await trio.sleep(0.02)
    async with open_covey(1) as covey:
        async with open_js() as js:
            await _connect(covey, js, "covey")
        await until(lambda: covey.connected() == ())
