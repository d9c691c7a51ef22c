"""Attacks by hosts, and on hosts: many connections from one address, many dials to one."""

from __future__ import annotations

import contextlib
import secrets

import pytest
import trio
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.utils.varint import read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr

from covey.model import limits
from tests.integration.attackers.raw import open_attacker
from tests.integration.attackers.test_strangers import DHT, framed, host_and_port

pytestmark = pytest.mark.trio

_ELSEWHERE = "127.0.0.2"  # another host than the honest ones


def _name() -> bytes:
    """The peer id of a key that nobody has."""
    return b"\x00\x24\x08\x01\x12\x20" + secrets.token_bytes(32)


@pytest.mark.parametrize(
    "raw", [b"", b"\0" * 64, b"GET / HTTP/1.1\r\n\r\n", b"\x13/multistream/1.0.0\n"]
)
async def test_half_open_connections_leave_room_for_others(siege, raw):
    """Sockets that say nothing, or begin and fall silent: all places would be taken."""
    async with siege() as s:
        host, port = host_and_port(s.address)
        sockets = []
        for _ in range(limits.CONNECTIONS_MAX + 20):
            with contextlib.suppress(OSError):
                stream = await trio.open_tcp_stream(host, port, local_address=_ELSEWHERE)
                await stream.send_all(raw)
                sockets.append(stream)
        async with open_attacker(s.address) as newcomer:
            assert newcomer.is_connected
        assert await s.replicates() < 5
        for stream in sockets:
            await stream.aclose()


@pytest.mark.parametrize("records", [64, 10_000])
async def test_victim_of_provider_records_is_not_hammered(siege, records):
    """An answer names peers that do not exist, all at the address of somebody else."""
    dials = 0

    async def count(stream: trio.SocketStream) -> None:
        nonlocal dials
        dials += 1
        await stream.aclose()

    async with siege() as s, open_attacker(s.address) as eve, trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host=_ELSEWHERE)
        nursery.start_soon(trio.serve_listeners, count, [listener])
        port = listener.socket.getsockname()[1]
        victim = Multiaddr(f"/ip4/{_ELSEWHERE}/tcp/{port}").to_bytes()
        asked = 0

        async def answer(stream) -> None:
            nonlocal asked
            question = Message.FromString(await read_varint_prefixed_bytes_limited(stream, 2**22))
            asked += 1
            told = Message(type=question.type, key=question.key)
            for peers, many in ((told.providerPeers, records), (told.closerPeers, 20)):
                for _ in range(many):
                    peers.add(id=_name(), addrs=[victim])
            await stream.write(framed(told))

        eve.serve(DHT, answer)
        for _ in range(20):
            s.ada._network.discovery.hasten()
            await trio.sleep(0.5)
        assert asked > 1
        nursery.cancel_scope.cancel()
        each = limits.DIALS_IN_VAIN_MAX + 20 * limits.DIALS_IN_VAIN_PER_S
        assert 0 < dials <= 2 * each  # ben heard the answers too
        store = s.ada._network._host.get_peerstore()
        assert len(store.peer_ids()) <= limits.PEERS_KNOWN_MAX
