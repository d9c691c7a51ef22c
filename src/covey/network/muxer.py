"""A yamux connection: one task reads it, one task writes it, nobody else touches the socket."""

from __future__ import annotations

import logging
import struct
from collections.abc import Awaitable, Callable

import trio
from libp2p.abc import IMuxedConn, ISecureConn
from libp2p.connection_types import ConnectionType
from libp2p.peer.id import ID
from libp2p.security.secure_session import SecureSession
from libp2p.stream_muxer.exceptions import MuxedConnUnavailable
from libp2p.stream_muxer.yamux.yamux import (
    FLAG_ACK,
    FLAG_FIN,
    FLAG_RST,
    FLAG_SYN,
    HEADER_SIZE,
    TYPE_DATA,
    TYPE_GO_AWAY,
    TYPE_PING,
    TYPE_WINDOW_UPDATE,
    YAMUX_HEADER_FORMAT,
)
from multiaddr import Multiaddr

from covey.codec import ip_of
from covey.errors import ProtocolViolation
from covey.model import limits
from covey.network.door import host_of
from covey.network.hearsay import place
from covey.network.muxed_stream import MuxedStream
from covey.network.packets import PacketStream
from covey.network.unread import Unread

__all__ = ["Muxer"]

_logger = logging.getLogger(__name__)
_HEADER = struct.Struct(YAMUX_HEADER_FORMAT)
_FAREWELL_S = 0.3


class Muxer(IMuxedConn):
    """Yamux over Noise, wire compatible with `/yamux/1.0.0`.

    py-libp2p's own formats log lines for every frame, sends a window update for every small read,
    resets a stream whose reader is slow for 5 s, corrupts the connection when a write is cancelled
    and never drops a silent peer. Here frames are queued whole and one task writes them.
    """

    def __init__(self, conn: ISecureConn, peer_id: ID, unread: Unread) -> None:
        assert isinstance(conn, SecureSession)
        self.peer_id = peer_id
        self.event_started = trio.Event()
        self.on_close: Callable[[], Awaitable[None]] | None = None
        self._session = conn
        self._packets = PacketStream(conn)
        self._streams: dict[int, MuxedStream] = {}
        self._next_stream_id = 1 if conn.is_initiator else 2
        self._accept_send, self._accept_receive = trio.open_memory_channel[MuxedStream](
            limits.MUXER_STREAMS_MAX
        )
        self._out = bytearray()
        self._replies_bytes = 0
        self._unread = unread
        self._unread_number = 0  # of this connection, once it counts
        self._scope = trio.CancelScope()
        self._writer_lot = trio.lowlevel.ParkingLot()
        self._room_lot = trio.lowlevel.ParkingLot()
        self._heard_lot = trio.lowlevel.ParkingLot()
        self._is_closing = False
        self._closed = trio.Event()
        self._ping_count = 0
        self._pinged_s = trio.current_time()
        self.latency_s: float | None = None

    @property
    def is_initiator(self) -> bool:
        """This side dialled."""
        return self._session.is_initiator

    @property
    def is_established(self) -> bool:
        """Streams can be opened."""
        return self.event_started.is_set() and not self._is_closing

    @property
    def is_closed(self) -> bool:
        """The socket is closed."""
        return self._closed.is_set()

    async def start(self) -> None:
        """Serve the connection until it ends; whatever ends it concerns this one peer only."""
        self._unread_number = self._unread.join(_host(self._session), self._end)
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write_all)
                    nursery.start_soon(self._keep_alive)
                    self.event_started.set()
                    await self._read_all()
                    nursery.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001
            # One connection is retired here: bad bytes of a peer, or its socket's end, must not
            # reach the swarm, which would stop with it.
            _logger.debug(
                "connection ended", extra={"peer": str(self.peer_id), "reason": repr(error)}
            )
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
                await self._shut()
        if self.on_close is not None:
            await self.on_close()

    async def close(self) -> None:
        """Say goodbye and close the socket; idempotent and bounded."""
        if self._is_closing:
            return
        self._is_closing = True
        with trio.move_on_after(_FAREWELL_S):
            self.post(TYPE_GO_AWAY, 0, 0, 0)
            while self._out and not self._closed.is_set():
                await self._room_lot.park()
        with trio.CancelScope(shield=True), trio.move_on_after(limits.STREAM_CLOSE_S):
            await self._shut()

    async def open_stream(self) -> MuxedStream:
        """A new stream to the peer; raises MuxedConnUnavailable."""
        if self._is_closing or len(self._streams) >= 2 * limits.MUXER_STREAMS_MAX:
            # Whoever tries again at once must not keep the connection from ending.
            await trio.lowlevel.checkpoint()
            raise MuxedConnUnavailable("connection takes no further stream")
        stream = MuxedStream(self._next_stream_id, self, is_local=True)
        self._next_stream_id += 2
        self._streams[stream.stream_id] = stream
        await self.send(TYPE_WINDOW_UPDATE, FLAG_SYN, stream.stream_id, 0)
        return stream

    async def accept_stream(self) -> MuxedStream:
        """The next stream that the peer opened; raises MuxedConnUnavailable at the end."""
        try:
            return await self._accept_receive.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError) as error:
            raise MuxedConnUnavailable("connection closed") from error

    async def wait_closed(self) -> None:
        """Until the socket is closed."""
        await self._closed.wait()

    def ping(self) -> None:
        """Ask the peer for a sign of life, whose round trip becomes `latency_s`."""
        self._ping_count = (self._ping_count + 1) % 2**32
        self._pinged_s = trio.current_time()
        self.post(TYPE_PING, FLAG_SYN, 0, self._ping_count)

    async def is_alive(self, within_s: float) -> bool:
        """Anything at all heard from the peer in time, after asking it."""
        if self._is_closing:
            return False
        self.ping()
        with trio.move_on_after(within_s) as scope:
            await self._heard_lot.park()
        return not scope.cancelled_caught and not self._closed.is_set()

    def get_transport_addresses(self) -> list[Multiaddr]:
        """Where the peer is connected from."""
        return self._session.get_transport_addresses()

    def get_connection_type(self) -> ConnectionType:
        """Whether a relay is in between."""
        return self._session.get_connection_type()

    def get_remote_address(self) -> tuple[str, int] | None:
        """Host and port of the peer."""
        return self._session.get_remote_address()

    @property
    def local_port(self) -> int | None:
        """The port of this side's socket; None where a relay is in between."""
        return self._packets.local_port

    @property
    def has_room(self) -> bool:
        """A frame queued now need not wait."""
        return not self._is_closing and len(self._out) <= limits.MUXER_OUT_BYTES_MAX

    def post(self, kind: int, flags: int, stream_id: int, length: int, body: bytes = b"") -> None:
        """Queue a frame at once."""
        if self._closed.is_set():
            return
        self._out += _HEADER.pack(0, kind, flags, stream_id, length)
        self._out += body
        self._writer_lot.unpark_all()

    async def send(
        self, kind: int, flags: int, stream_id: int, length: int, body: bytes = b""
    ) -> None:
        """Queue a frame, then wait while too much is queued. Cancelling never tears a frame."""
        if self._is_closing:
            raise MuxedConnUnavailable("connection closed")
        self._out += _HEADER.pack(0, kind, flags, stream_id, length)
        self._out += body
        self._writer_lot.unpark_all()
        while len(self._out) > limits.MUXER_OUT_BYTES_MAX and not self._closed.is_set():
            await self._room_lot.park()
        await trio.lowlevel.checkpoint_if_cancelled()

    def forget_if_finished(self, stream: MuxedStream) -> None:
        """Drop the record of a stream that ended in both directions."""
        if stream.is_finished and self._streams.get(stream.stream_id) is stream:
            self.note_unread(stream, -stream.unread_bytes)
            del self._streams[stream.stream_id]

    def note_unread(self, stream: MuxedStream, size_bytes: int) -> None:
        """A stream has so much more unread, or less; of one that is forgotten it does not count."""
        if self._streams.get(stream.stream_id) is stream:
            self._unread.change(self._unread_number, size_bytes)

    def _end(self) -> None:
        """The peer fills streams that nobody reads: what they hold goes at once."""
        _logger.info("connection with too much unread dropped", extra={"peer": str(self.peer_id)})
        for stream in self._streams.values():
            stream.drop_unread()
        self._scope.cancel()

    async def _write_all(self) -> None:
        while True:
            while not self._out:
                await self._writer_lot.park()
            leaving, self._out = self._out, bytearray()
            self._replies_bytes = 0
            await self._packets.write(leaving)
            self._room_lot.unpark_all()

    async def _keep_alive(self) -> None:
        while True:
            silent = True
            with trio.move_on_after(limits.KEEPALIVE_INTERVAL_S):
                await self._heard_lot.park()
                silent = False
            if silent and not await self.is_alive(
                limits.KEEPALIVE_TIMEOUT_S - limits.KEEPALIVE_INTERVAL_S
            ):
                _logger.info("silent connection dropped", extra={"peer": str(self.peer_id)})
                await self._packets.close()
                return
            if trio.current_time() - self._pinged_s > limits.LATENCY_INTERVAL_S:
                self.ping()
            await trio.sleep(limits.KEEPALIVE_INTERVAL_S)

    async def _read_all(self) -> None:
        buffer = bytearray()
        while True:
            received = await self._packets.read()
            if not received:
                return
            self._heard_lot.unpark_all()
            # Frames that arrive whole are cut out of what arrived, without a copy in between.
            source: bytes | bytearray = received
            if buffer:
                buffer += received
                source = buffer
            offset = 0
            while len(source) - offset >= HEADER_SIZE:
                _, kind, flags, stream_id, length = _HEADER.unpack_from(source, offset)
                body_at = offset + HEADER_SIZE
                size = length if kind == TYPE_DATA else 0
                if size > limits.MUXER_WINDOW_BYTES:
                    raise ProtocolViolation("oversized", "a yamux frame is larger than any window")
                if len(source) - body_at < size:
                    break
                body = bytes(source[body_at : body_at + size])
                offset = body_at + size
                if kind == TYPE_GO_AWAY:
                    return
                self._on_frame(kind, flags, stream_id, length, body)
            if source is buffer:
                del buffer[:offset]
            else:
                buffer += received[offset:]

    def _on_frame(self, kind: int, flags: int, stream_id: int, length: int, body: bytes) -> None:
        if kind == TYPE_PING:
            if flags & FLAG_SYN:
                self._reply(TYPE_PING, FLAG_ACK, 0, length)
            elif length == self._ping_count:
                self.latency_s = trio.current_time() - self._pinged_s
            return
        if kind not in (TYPE_DATA, TYPE_WINDOW_UPDATE):
            raise ProtocolViolation("malformed", f"yamux has no frame of type {kind}")
        stream = self._streams.get(stream_id)
        if flags & FLAG_SYN:
            stream = self._on_opened(stream_id)
        if stream is None:
            return  # Late frames of a stream that this side ended already are normal.
        if kind == TYPE_WINDOW_UPDATE and length:
            stream.on_window(length)
        if body and not stream.on_data(body):
            raise ProtocolViolation("oversized", "a stream went beyond its window")
        if flags & FLAG_FIN:
            stream.on_finished()
        if flags & FLAG_RST:
            stream.on_reset()
        self.forget_if_finished(stream)

    def _on_opened(self, stream_id: int) -> MuxedStream | None:
        if stream_id % 2 == self._next_stream_id % 2 or stream_id in self._streams:
            raise ProtocolViolation("malformed", "a yamux stream was opened twice")
        theirs = sum(not stream.is_local for stream in self._streams.values())
        stream = MuxedStream(stream_id, self, is_local=False)
        if theirs >= limits.MUXER_STREAMS_MAX:
            self._reply(TYPE_WINDOW_UPDATE, FLAG_RST, stream_id, 0)
            return None
        self._streams[stream_id] = stream
        self._reply(TYPE_WINDOW_UPDATE, FLAG_ACK, stream_id, 0)
        try:
            self._accept_send.send_nowait(stream)
        except (trio.WouldBlock, trio.BrokenResourceError, trio.ClosedResourceError):
            del self._streams[stream_id]
            self._reply(TYPE_WINDOW_UPDATE, FLAG_RST, stream_id, 0)
            return None
        return stream

    def _reply(self, kind: int, flags: int, stream_id: int, length: int) -> None:
        self._replies_bytes += HEADER_SIZE
        if self._replies_bytes > limits.MUXER_REPLIES_BYTES_MAX:
            raise ProtocolViolation("flood", "a peer asks without reading the answers")
        self.post(kind, flags, stream_id, length)

    async def _shut(self) -> None:
        self._is_closing = True
        self._closed.set()
        for stream in tuple(self._streams.values()):
            stream.on_reset()
        self._streams.clear()
        self._unread.leave(self._unread_number)
        self._accept_send.close()
        self._room_lot.unpark_all()
        self._heard_lot.unpark_all()
        await self._packets.close()


def _host(session: SecureSession) -> str:
    """Where the peer is, or the relay that brought it; empty where neither is known."""
    ips = [ip_of(place(address)) for address in session.get_transport_addresses()]
    return host_of(str(ips[0])) if ips and ips[0] is not None else ""
