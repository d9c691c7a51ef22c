"""GossipSub's bytes: signatures, framing, remembered ids."""

from __future__ import annotations

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.validators import signature_validator
from nacl.signing import SigningKey

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import limits
from covey.network.wire import RpcReader, SeenIds, is_signed_by_origin, pack, signed_message

SEED = bytes(range(32))
ORIGIN = ID.from_pubkey(create_new_key_pair(SEED).public_key).to_bytes()


def _message():
    return signed_message(SigningKey(SEED), ORIGIN, 7, "t", b"frame")


def test_signature_is_what_other_implementations_expect():
    """py-libp2p's own validator accepts what the leaner code signs."""
    assert signature_validator(_message())
    assert is_signed_by_origin(_message())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data", b"frame!"),
        ("seqno", (8).to_bytes(8, "big")),
        ("signature", bytes(64)),
        ("signature", b""),
        ("from_id", ORIGIN[:-1] + b"\x00"),
        ("from_id", b"\x12\x20" + bytes(32)),  # an RSA peer id
        ("from_id", b""),
    ],
)
def test_any_change_breaks_the_signature(field, value):
    """Origin, sequence, topic and data are all under the signature."""
    message = _message()
    setattr(message, field, value)
    assert not is_signed_by_origin(message)


def test_another_topic_breaks_the_signature():
    """A frame cannot be moved from one context's topic to another's."""
    message = _message()
    message.topicIDs[0] = "u"
    assert not is_signed_by_origin(message)


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


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_seen_ids_are_forgotten_after_their_time():
    """Two minutes, as other implementations."""
    clock = _Clock()
    seen = SeenIds(clock)
    seen.add(b"a")
    assert seen.has(b"a")
    assert not seen.has(b"b")
    clock.now += limits.GOSSIP_SEEN_S + 1
    assert not seen.has(b"a")


def test_seen_ids_are_bounded(monkeypatch):
    """A flood forgets the oldest, it does not grow memory."""
    monkeypatch.setattr(limits, "GOSSIP_SEEN_MAX", 3)
    seen = SeenIds(_Clock())
    for identifier in (b"a", b"b", b"c", b"d"):
        seen.add(identifier)
    assert [seen.has(x) for x in (b"a", b"b", b"c", b"d")] == [False, True, True, True]
