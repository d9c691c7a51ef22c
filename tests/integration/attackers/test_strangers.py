"""Attacks by anybody who can reach the port: connections, handshakes, the DHT, identify."""

from __future__ import annotations

import contextlib
import secrets

import pytest
import trio
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.utils.varint import encode_uvarint, read_varint_prefixed_bytes_limited
from multiaddr import Multiaddr

from covey.model import limits
from tests.integration.attackers.conftest import until
from tests.integration.attackers.raw import ENDED, open_attacker

pytestmark = pytest.mark.trio

DHT, _IDENTIFY, _PUSH = "/ipfs/kad/1.0.0", "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"


def framed(message: Message | Identify) -> bytes:
    packed = message.SerializeToString()
    return encode_uvarint(len(packed)) + packed


def host_and_port(address: str) -> tuple[str, int]:
    parts = address.split("/")
    return parts[2], int(parts[4])


async def _is_closed(stream: trio.SocketStream) -> bool:
    with contextlib.suppress(trio.BrokenResourceError):
        while await stream.receive_some(65_536):
            pass
    return True


async def test_garbage_instead_of_a_handshake_is_hung_up_on(siege):
    async with siege() as s:
        host, port = host_and_port(s.address)
        for raw in (
            secrets.token_bytes(4096),
            b"\x13/multistream/1.0.0\n" + secrets.token_bytes(999),
        ):
            stream = await trio.open_tcp_stream(host, port)
            await stream.send_all(raw)
            with trio.fail_after(15):
                assert await _is_closed(stream)
        assert await s.replicates() < 5


async def test_garbage_after_the_handshake_ends_the_connection(siege):
    """What is no yamux, and yamux that nobody may send."""
    async with siege() as s:
        for number, raw in enumerate((b"\xff" * 400, b"\0\0\0\1" + b"\0\0\0\2" + b"\xff" * 4)):
            async with open_attacker(s.address, number) as eve:
                (conn,) = eve.host.get_network().get_connections(eve.victim)
                conn.muxed_conn._out += raw
                conn.muxed_conn._writer_lot.unpark_all()
                await until(lambda e=eve: not e.is_connected, 15)
        assert await s.replicates() < 5


async def test_garbage_on_every_protocol_of_strangers(siege):
    async with siege() as s, open_attacker(s.address) as eve:
        for protocol in (DHT, _IDENTIFY, _PUSH, "/ipfs/ping/1.0.0"):
            for raw in (secrets.token_bytes(500), b"\xff" * 12, encode_uvarint(2**62)):
                stream = await eve.open(protocol)
                with contextlib.suppress(*ENDED):
                    await stream.write(raw)
        assert await s.replicates() < 5


async def test_idle_streams_of_one_peer_leave_the_dht_to_others(siege):
    """py-libp2p serves twelve at once, and waits for ever."""
    async with siege() as s, open_attacker(s.address, 1) as eve, open_attacker(s.address, 2) as bob:
        for _ in range(20):
            await eve.open(DHT)
        stream = await bob.open(DHT)
        await stream.write(framed(Message(type=Message.MessageType.PING)))
        with trio.fail_after(10):
            answer = await read_varint_prefixed_bytes_limited(stream, 2**22)
        assert Message.FromString(answer).type == Message.MessageType.PING


async def test_provider_record_keeps_a_few_short_addresses(siege):
    async with siege() as s, open_attacker(s.address) as eve:
        said = Message(type=Message.MessageType.ADD_PROVIDER, key=b"\x12\x20" + bytes(32))
        many = [
            Multiaddr(f"/ip4/10.0.{n // 256}.{n % 256}/tcp/4001").to_bytes() for n in range(500)
        ]
        long = Multiaddr("/ip4/10.0.0.1/tcp/1" * 500).to_bytes()
        said.providerPeers.add(id=eve.host.get_id().to_bytes(), addrs=[long, *many])
        stream = await eve.open(DHT)
        await stream.write(framed(said))
        await read_varint_prefixed_bytes_limited(stream, 2**22)
        (record,) = s.ada._network._providers._store.get_providers(said.key)
        assert len(record.addrs) == limits.DIAL_ADDRESSES_MAX
        assert all(len(a.to_bytes()) <= limits.PEER_ADDRESS_BYTES_MAX for a in record.addrs)


async def test_stream_of_the_dht_goes_on_after_an_answer(siege):
    """One question after the other, as other implementations ask; nothing is reset behind one."""
    async with siege() as s, open_attacker(s.address) as eve:
        said = Message(type=Message.MessageType.FIND_NODE, key=secrets.token_bytes(32))
        stream = await eve.open(DHT)
        with trio.fail_after(10):
            for _ in range(3):
                await stream.write(framed(said))
                answer = await read_varint_prefixed_bytes_limited(stream, 2**22)
                assert Message.FromString(answer).type == Message.MessageType.FIND_NODE
        assert await s.replicates() < 5


@pytest.mark.parametrize("kind", ["large", "value", "value without a record"])
async def test_what_nobody_may_leave_in_the_dht_ends_the_stream(siege, kind):
    """Four megabytes of addresses took half a second; values were kept until memory was full."""
    said = Message(type=Message.MessageType.ADD_PROVIDER, key=b"\x12\x20" + bytes(32))
    async with siege() as s, open_attacker(s.address) as eve:
        if kind == "large":
            address = Multiaddr("/ip4/10.0.0.1/tcp/4001").to_bytes()
            for _ in range(20):
                said.providerPeers.add(id=eve.host.get_id().to_bytes(), addrs=[address] * 20_000)
        else:
            key = b"/pk/" + eve.host.get_id().to_bytes().hex().encode()
            said = Message(type=Message.MessageType.PUT_VALUE, key=key)
            if kind == "value":
                said.record.key = key
                said.record.value = eve.host.get_public_key().serialize()
        stream = await eve.open(DHT)
        with trio.fail_after(10), contextlib.suppress(*ENDED):
            await stream.write(framed(said))
            assert not await stream.read(65_536)
        dht = s.ada._network._providers._dht
        assert not dht.value_store.store
        assert not s.ada._network._providers._store.get_providers(said.key)
        assert await s.replicates() < 5


async def test_identify_pushes_leave_a_few_addresses_and_protocols(siege):
    async with siege() as s, open_attacker(s.address) as eve:
        for number in range(20):
            said = Identify(
                listen_addrs=[
                    Multiaddr(f"/ip4/10.{number}.{n % 256}.1/tcp/1").to_bytes() for n in range(1000)
                ],
                protocols=[f"/{number}/{n}/" + "x" * 200 for n in range(100)]
                + [f"/{n}" for n in range(999)],
            )
            stream = await eve.open(_PUSH)
            await stream.write(framed(said))
            await stream.close()
        store, peer = s.ada._network._host.get_peerstore(), eve.host.get_id()
        await until(lambda: "/1" in store.get_protocols(peer), 15)
        await trio.sleep(0.5)
        assert len(store.addrs(peer)) <= limits.PEER_ADDRESSES_MAX
        assert len(store.get_protocols(peer)) <= limits.PEER_PROTOCOLS_MAX
        assert await s.replicates() < 5
