"""GossipSub on the wire: signed messages, length-prefixed RPCs, remembered ids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from libp2p.abc import INetStream
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils.varint import encode_uvarint
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from covey.errors import PeerUnavailable, ProtocolViolation
from covey.model import limits

__all__ = ["RpcReader", "SeenIds", "is_signed_by_origin", "message_id", "pack", "signed_message"]

_SIGNING_PREFIX = b"libp2p-pubsub:"
_ED25519_ID_PREFIX = bytes.fromhex("002408011220")  # identity multihash of an Ed25519 key
_ED25519_ID_BYTES = len(_ED25519_ID_PREFIX) + 32
_SEQNO_BYTES = 8
_LENGTH_BYTES_MAX = 4
_READ_BYTES = 256 * 1024


def signed_message(
    key: SigningKey, origin: bytes, sequence: int, topic: str, frame: bytes
) -> rpc_pb2.Message:
    """A message of this node; its public key is in the origin, an Ed25519 peer id."""
    message = rpc_pb2.Message(
        from_id=origin,
        data=frame,
        seqno=sequence.to_bytes(_SEQNO_BYTES, "big"),
        topicIDs=[topic],
    )
    message.signature = key.sign(_SIGNING_PREFIX + message.SerializeToString()).signature
    return message


def is_signed_by_origin(message: rpc_pb2.Message) -> bool:
    """One Ed25519 verification by libsodium; origins with other keys are refused."""
    origin = message.from_id
    if len(origin) != _ED25519_ID_BYTES or not origin.startswith(_ED25519_ID_PREFIX):
        return False
    unsigned = rpc_pb2.Message(
        from_id=origin, data=message.data, seqno=message.seqno, topicIDs=message.topicIDs
    )
    try:
        VerifyKey(origin[len(_ED25519_ID_PREFIX) :]).verify(
            _SIGNING_PREFIX + unsigned.SerializeToString(), message.signature
        )
    except (BadSignatureError, ValueError):
        return False
    return True


def message_id(message: rpc_pb2.Message) -> bytes:
    """The default id, origin and sequence: another one breaks IHAVE and IWANT of py-libp2p."""
    return bytes(message.from_id + message.seqno)


def pack(rpc: rpc_pb2.RPC) -> bytes:
    """An RPC as it goes over a stream."""
    body = rpc.SerializeToString()
    return encode_uvarint(len(body)) + body


class RpcReader:
    """Reads whole RPCs from a stream: what has arrived is taken at once, not byte by byte."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def next(self) -> bytes:
        """The next RPC's bytes.

        Raises ProtocolViolation for a length over `limits.GOSSIP_RPC_BYTES_MAX`, PeerUnavailable at
        the end, and what the stream raises.
        """
        while True:
            size, start = self._length()
            if size is not None and len(self._buffer) >= start + size:
                body = bytes(self._buffer[start : start + size])
                del self._buffer[: start + size]
                return body
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


class SeenIds:
    """Message ids of the last two minutes, bounded; the oldest is forgotten first.

    py-libp2p's own cache has no bound and needs a thread. clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def has(self, identifier: bytes) -> bool:
        """Seen, and not yet forgotten."""
        until = self._until.get(identifier)
        return until is not None and until > self._clock()

    def add(self, identifier: bytes) -> None:
        """Remember from now on."""
        now = self._clock()
        self._until[identifier] = now + limits.GOSSIP_SEEN_S
        self._until.move_to_end(identifier)
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now and len(self._until) <= limits.GOSSIP_SEEN_MAX:
                return
            del self._until[oldest]
