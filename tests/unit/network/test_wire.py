"""GossipSub's bytes: signatures, framing, remembered ids."""

from __future__ import annotations

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.validators import signature_validator

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import limits
from covey.network.control import Control
from covey.network.wire import (
    MESSAGE_ID_BYTES,
    RpcReader,
    Sealer,
    has_known_key,
    message_id,
    opened,
    pack,
    pack_control,
)

SEED = bytes(range(32))
ORIGIN = ID.from_pubkey(create_new_key_pair(SEED).public_key).to_bytes()


def _rpc(packed: bytes) -> rpc_pb2.RPC:
    start = next(index for index, byte in enumerate(packed) if byte < 0x80) + 1
    return rpc_pb2.RPC.FromString(packed[start:])


def _message(frame: bytes = b"frame"):
    _, packed = Sealer(SEED, ORIGIN, 6).seal("t", frame)
    return _rpc(packed).publish[0]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 300_000])
def test_signature_is_what_other_implementations_expect(size):
    """py-libp2p's own validator accepts what the leaner code signs."""
    message = _message(bytes(size))
    assert signature_validator(message)
    assert opened(message, message.data) is not None


def test_packed_bytes_are_those_of_protobuf():
    """Written by hand, since protobuf copies a message four times on its way."""
    identifier, packed = Sealer(SEED, ORIGIN, 6).seal("t", b"frame")
    message = _message()
    assert packed == pack(rpc_pb2.RPC(publish=[message]))
    assert opened(message, message.data) == packed
    assert identifier == message_id(message) == ORIGIN + (7).to_bytes(8, "big")
    assert len(identifier) == MESSAGE_ID_BYTES


def test_what_is_passed_on_has_no_other_fields():
    """Nobody signed them, and they could be a megabyte."""
    message = _message()
    message.key = bytes(1000)
    assert len(opened(message, message.data)) < 300


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", b"frame!"),
        ("seqno", (8).to_bytes(8, "big")),
        ("seqno", b""),
        ("signature", bytes(64)),
        ("signature", b""),
        ("from_id", ORIGIN[:-1] + b"\x00"),
    ],
)
def test_any_change_breaks_the_signature(field, value):
    """Origin, sequence, topic and data are all under the signature."""
    message = _message()
    setattr(message, field, value)
    assert opened(message, message.data) is None


def test_another_topic_breaks_the_signature():
    """A frame cannot be moved from one context's topic to another's."""
    message = _message()
    message.topicIDs[0] = "u"
    assert opened(message, message.data) is None
    message = _message()
    message.topicIDs.append("u")
    assert opened(message, message.data) is None


@pytest.mark.parametrize("origin", [b"", b"\x12\x20" + bytes(32), bytes(38)])
def test_origins_with_other_keys_are_told_apart(origin):
    """An RSA identity is valid in GossipSub, so whoever passes it on is not to blame."""
    message = _message()
    assert has_known_key(message)
    message.from_id = origin
    assert not has_known_key(message)


def test_control_is_one_rpc_unless_it_offers_too_many_ids(monkeypatch):
    """An RPC over 1 MiB would cost us the stream."""
    monkeypatch.setattr(limits, "GOSSIP_IDS_MAX", 3)
    control = Control(graft=["g"], prune=[("p", 60)], iwant=[b"w"])
    control.ihave = [("a", [b"1", b"2"]), ("b", [b"3"]), ("c", [b"4", b"5"])]
    first, second = (_rpc(packed).control for packed in pack_control(control))
    assert [graft.topicID for graft in first.graft] == ["g"]
    assert [(prune.topicID, prune.backoff) for prune in first.prune] == [("p", 60)]
    assert [list(iwant.messageIDs) for iwant in first.iwant] == [[b"w"]]
    assert [(each.topicID, len(each.messageIDs)) for each in first.ihave] == [("a", 2), ("b", 1)]
    assert [(each.topicID, len(each.messageIDs)) for each in second.ihave] == [("c", 2)]
    assert not second.graft
    assert not second.prune
    assert not second.iwant


class _Chunks:
    """A stream that hands out given chunks, then ends."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    async def read(self, n=None) -> bytes:
        await trio.lowlevel.checkpoint()
        return self.chunks.pop(0) if self.chunks else b""


@pytest.mark.trio
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_rpcs_are_read_whole_however_they_arrive(size):
    """TCP keeps no borders: a length may come apart from itself."""
    bodies = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 20_000]
    rpcs = [rpc_pb2.RPC(senderRecord=body) for body in bodies]
    joined = b"".join(pack(rpc) for rpc in rpcs)
    reader = RpcReader(_Chunks(*(joined[i : i + size] for i in range(0, len(joined), size))))
    assert [await reader.next() for _ in rpcs] == [rpc.SerializeToString() for rpc in rpcs]
    with pytest.raises(PeerUnavailable):
        await reader.next()


@pytest.mark.trio
@pytest.mark.parametrize(
    "start", [b"\x81\x80\x80\x01", b"\xff\xff\xff\xff\xff", b"\xff\xff\xff\x7f"]
)
async def test_a_length_over_the_limit_is_refused(start):
    """Before anything is reserved or waited for."""
    with pytest.raises(ProtocolViolation) as caught:
        await RpcReader(_Chunks(start)).next()
    assert caught.value.code == "oversized"


@pytest.mark.trio
async def test_rpc_cut_off_at_the_end_is_not_delivered():
    """Half a message is none."""
    with pytest.raises(PeerUnavailable):
        await RpcReader(_Chunks(b"\x05abc")).next()


@pytest.mark.trio
async def test_others_get_their_turn_while_much_has_arrived():
    """A peer that sends without end must not hold the node."""
    joined = pack(rpc_pb2.RPC(senderRecord=b"a")) * 1000
    reader = RpcReader(_Chunks(joined))
    await reader.next()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        for _ in range(999):
            await reader.next()
        nursery.cancel_scope.cancel()
    assert turns > 20
