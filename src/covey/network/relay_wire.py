"""The messages of Circuit Relay v2, one at a time on a stream that then becomes the circuit.

The protobufs are py-libp2p's. Source: libp2p/specs, relay/circuit-v2.md.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message
from libp2p.abc import INetStream
from libp2p.custom_types import TProtocol
from libp2p.exceptions import BaseLibp2pError
from libp2p.io.exceptions import IOException
from libp2p.relay.circuit_v2.pb.circuit_pb2 import HopMessage, Limit, StopMessage
from libp2p.relay.circuit_v2.pb.dcutr_pb2 import HolePunch
from libp2p.utils.varint import encode_uvarint, read_varint_prefixed_bytes_limited

from covey.model import limits

__all__ = [
    "BROKEN",
    "HOP",
    "STOP",
    "circuit_limit",
    "receive_hop",
    "receive_punch",
    "receive_stop",
    "send",
]

HOP = TProtocol("/libp2p/circuit/relay/0.2.0/hop")  # to the relay: reserve, connect
STOP = TProtocol("/libp2p/circuit/relay/0.2.0/stop")  # from the relay to whom it reserved for

# What a peer that is gone, or sends something else, makes of reading and writing a message.
BROKEN = (BaseLibp2pError, IOException, DecodeError, ValueError)


async def send(stream: INetStream, message: Message) -> None:
    """Write one message; raises one of `BROKEN`."""
    packed = message.SerializeToString()
    await stream.write(encode_uvarint(len(packed)) + packed)


async def receive_hop(stream: INetStream) -> HopMessage:
    """The next message of a HOP stream, and not a byte beyond it; raises one of `BROKEN`."""
    return HopMessage.FromString(await _receive(stream))


async def receive_stop(stream: INetStream) -> StopMessage:
    """The next message of a STOP stream, and not a byte beyond it; raises one of `BROKEN`."""
    return StopMessage.FromString(await _receive(stream))


async def receive_punch(stream: INetStream) -> HolePunch:
    """The next message of a DCUtR stream; raises one of `BROKEN`."""
    return HolePunch.FromString(await _receive(stream))


def circuit_limit() -> Limit:
    """What a relay tells both ends of a circuit that it will carry."""
    return Limit(duration=int(limits.RELAY_CIRCUIT_S), data=limits.RELAY_CIRCUIT_BYTES_MAX)


async def _receive(stream: INetStream) -> bytes:
    return await read_varint_prefixed_bytes_limited(stream, limits.RELAY_MESSAGE_BYTES_MAX)
