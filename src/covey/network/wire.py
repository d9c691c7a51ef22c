"""GossipSub on the wire: signed messages, control, length-prefixed RPCs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import trio
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils.varint import encode_uvarint
from nacl import bindings
from nacl.exceptions import BadSignatureError

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import limits
from covey.network.control import Control

__all__ = [
    "MESSAGE_ID_BYTES",
    "RpcReader",
    "Sealer",
    "has_known_key",
    "message_id",
    "opened",
    "pack",
    "pack_control",
]

_SIGNING_PREFIX = b"libp2p-pubsub:"
_ED25519_ID_PREFIX = bytes.fromhex("002408011220")  # identity multihash of an Ed25519 key
_ED25519_ID_BYTES = len(_ED25519_ID_PREFIX) + 32
_SEQNO_BYTES = 8
_SIGNATURE_BYTES = 64
_LENGTH_BYTES_MAX = 4
_READ_BYTES = 256 * 1024
_TURN_BYTES = 192 * 1024
_TURN_RPC_BYTES = 8 * 1024  # what an RPC costs beside its bytes

# Fields of a protobuf message, all of them bytes: number << 3 | 2.
_ORIGIN, _DATA, _SEQNO, _TOPIC, _SIGNATURE = (bytes([n << 3 | 2]) for n in range(1, 6))
_PUBLISH = bytes([2 << 3 | 2])

MESSAGE_ID_BYTES = _ED25519_ID_BYTES + _SEQNO_BYTES


class Sealer:
    """Signs this node's messages, each with a sequence number of its own.

    seed: of the Ed25519 identity. origin: its peer id, which holds the public key. sequence: of
    the last message; it must be greater than any that the node ever used.
    """

    def __init__(self, seed: bytes, origin: bytes, sequence: int) -> None:
        assert len(origin) == _ED25519_ID_BYTES
        _, self._secret = bindings.crypto_sign_seed_keypair(seed)
        self._origin = origin
        self._sequence = sequence

    def seal(self, topic: str, frame: bytes) -> tuple[bytes, bytes]:
        """The next message's id, and the RPC with it alone as it goes over a stream."""
        self._sequence += 1
        sequence = self._sequence.to_bytes(_SEQNO_BYTES, "big")
        unsigned = _unsigned(self._origin, frame, sequence, topic)
        signed = bindings.crypto_sign(_SIGNING_PREFIX + unsigned, self._secret)
        return self._origin + sequence, _packed(unsigned, signed[:_SIGNATURE_BYTES])


def message_id(message: rpc_pb2.Message) -> bytes:
    """The default id, origin and sequence: another one breaks IHAVE and IWANT of py-libp2p."""
    return bytes(message.from_id + message.seqno)


def has_known_key(message: rpc_pb2.Message) -> bool:
    """The origin is an Ed25519 identity; others are valid in GossipSub, but not checked here."""
    origin = message.from_id
    return len(origin) == _ED25519_ID_BYTES and origin.startswith(_ED25519_ID_PREFIX)


def opened(message: rpc_pb2.Message, frame: bytes) -> bytes | None:
    """The packed RPC with the message alone if its origin signed it, or None.

    message: with a known key. frame: its data, which each access to it copies. One verification by
    libsodium of bytes made of the known fields alone, so what is passed on has no others.
    """
    if len(message.topicIDs) != 1 or len(message.seqno) != _SEQNO_BYTES:
        return None
    origin, signature = message.from_id, message.signature
    if len(signature) != _SIGNATURE_BYTES:
        return None
    unsigned = _unsigned(origin, frame, message.seqno, message.topicIDs[0])
    try:
        bindings.crypto_sign_open(
            b"".join((signature, _SIGNING_PREFIX, unsigned)), origin[len(_ED25519_ID_PREFIX) :]
        )
    except BadSignatureError:
        return None
    return _packed(unsigned, signature)


def pack(rpc: rpc_pb2.RPC) -> bytes:
    """An RPC as it goes over a stream."""
    body = rpc.SerializeToString()
    return encode_uvarint(len(body)) + body


def pack_control(control: Control) -> Iterator[bytes]:
    """The RPCs of a control message: one, unless it offers more ids than one may."""
    message = rpc_pb2.ControlMessage(
        graft=[rpc_pb2.ControlGraft(topicID=topic) for topic in control.graft],
        prune=[
            rpc_pb2.ControlPrune(topicID=topic, backoff=wait_s) for topic, wait_s in control.prune
        ],
        iwant=[rpc_pb2.ControlIWant(messageIDs=control.iwant)] if control.iwant else [],
    )
    ids = 0
    for topic, identifiers in control.ihave:
        if ids + len(identifiers) > limits.GOSSIP_IDS_MAX and ids:
            yield pack(rpc_pb2.RPC(control=message))
            message, ids = rpc_pb2.ControlMessage(), 0
        message.ihave.add(topicID=topic, messageIDs=identifiers)
        ids += len(identifiers)
    yield pack(rpc_pb2.RPC(control=message))


class _Readable(Protocol):
    async def read(self, n: int | None = None) -> bytes: ...


class RpcReader:
    """Reads whole RPCs from a stream: what has arrived is taken at once, not byte by byte.

    Others get their turn after so many RPCs or bytes, also when more have arrived already.
    """

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._turn_bytes = 0

    async def next(self) -> bytes:
        """The next RPC's bytes.

        Raises ProtocolViolation for a length over `limits.GOSSIP_RPC_BYTES_MAX`, PeerUnavailable at
        the end, and what the stream raises.
        """
        while True:
            size, start = self._length()
            if size is not None and len(self._buffer) >= start + size:
                body = bytes(memoryview(self._buffer)[start : start + size])
                del self._buffer[: start + size]
                self._turn_bytes += _TURN_RPC_BYTES + size
                if self._turn_bytes > _TURN_BYTES:
                    self._turn_bytes = 0
                    await trio.lowlevel.checkpoint()
                return body
            self._turn_bytes = 0
            received = await self._stream.read(_READ_BYTES)
            if not received:
                raise PeerUnavailable("the gossip stream has ended")
            self._buffer += received

    def _length(self) -> tuple[int | None, int]:
        size = 0
        for index, byte in enumerate(self._buffer[:_LENGTH_BYTES_MAX]):
            size |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if size > limits.GOSSIP_RPC_BYTES_MAX:
                    break
                return size, index + 1
        else:
            if len(self._buffer) < _LENGTH_BYTES_MAX:
                return None, 0
        raise ProtocolViolation("oversized", "a gossip RPC is over the limit")


def _length(size: int) -> bytes:
    return bytes((size,)) if size < 0x80 else encode_uvarint(size)


def _unsigned(origin: bytes, frame: bytes, sequence: bytes, topic: str) -> bytes:
    return _fields((_ORIGIN, origin), (_DATA, frame), (_SEQNO, sequence), (_TOPIC, topic.encode()))


def _packed(unsigned: bytes, signature: bytes) -> bytes:
    signed = _SIGNATURE + _length(_SIGNATURE_BYTES) + signature
    head = _PUBLISH + _length(len(unsigned) + len(signed))
    size = _length(len(head) + len(unsigned) + len(signed))
    return b"".join((size, head, unsigned, signed))


def _fields(*fields: tuple[bytes, bytes]) -> bytes:
    parts: list[bytes] = []
    for number, value in fields:
        parts += (number, _length(len(value)), value)
    return b"".join(parts)
