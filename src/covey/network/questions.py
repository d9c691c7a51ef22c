"""What a peer asks on a stream of the DHT, before py-libp2p acts on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from libp2p.abc import INetStream
from libp2p.kad_dht.pb.kademlia_pb2 import Message
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.utils.varint import encode_uvarint, read_varint_prefixed_bytes_limited

from covey.errors import ProtocolViolation
from covey.model import limits

if TYPE_CHECKING:
    from libp2p.custom_types import TProtocol

__all__ = ["Questions"]


class Questions(INetStream):
    """A stream that gives one whole message after the other, none of them large or a value.

    py-libp2p reads up to 4 MiB and takes each address in it, and it keeps values of a megabyte
    until they are two days old, as many as come; `enable_values` keeps none away. covey uses none.
    `read` raises where a message may not be, and py-libp2p resets the stream.
    """

    def __init__(self, stream: INetStream) -> None:
        self.muxed_conn = stream.muxed_conn
        self.metric_send_channel = None  # py-libp2p asks for it after each answer
        self._stream = stream
        self._ready = b""

    async def read(self, n: int | None = None) -> bytes:
        """The next bytes of a message, at most n, and all that are left of it without."""
        if not self._ready:
            try:
                body = await read_varint_prefixed_bytes_limited(
                    self._stream, limits.DHT_MESSAGE_BYTES_MAX
                )
            except StreamEOF:
                return b""  # py-libp2p takes this for the end, and the error for a fault
            # PUT_VALUE is number 0: so is what names no type.
            if Message.FromString(body).type == Message.MessageType.PUT_VALUE:
                raise ProtocolViolation("wrong-shape", "values are not kept here")
            self._ready = encode_uvarint(len(body)) + body
        taken = self._ready[:n]
        self._ready = self._ready[len(taken) :]
        return taken

    async def write(self, data: bytes) -> None:
        """Answer."""
        await self._stream.write(data)

    async def close(self) -> None:
        """End the stream."""
        await self._stream.close()

    async def reset(self) -> None:
        """End the stream at once."""
        await self._stream.reset()

    def get_protocol(self) -> TProtocol | None:
        """The protocol of the stream."""
        return self._stream.get_protocol()

    def set_protocol(self, protocol_id: TProtocol) -> None:
        """Name the protocol of the stream."""
        self._stream.set_protocol(protocol_id)

    def get_remote_address(self) -> tuple[str, int] | None:
        """Where the peer is."""
        return self._stream.get_remote_address()
