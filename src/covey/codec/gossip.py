"""Frames of gossip: what an envelope holds. Source: protocols/gossip.md."""

from __future__ import annotations

from covey.codec import shape
from covey.codec.deflate import deflate, inflate
from covey.codec.packing import leading, pack, unpack
from covey.errors import ProtocolViolation
from covey.model import limits

__all__ = ["GOSSIP_ANNOUNCEMENT", "GOSSIP_DELTA", "open_gossip", "pack_gossip"]

GOSSIP_DELTA, GOSSIP_ANNOUNCEMENT = 1, 2
_KIND_MAX = 2**16


def pack_gossip(kind: int, frame: bytes) -> bytes:
    """A gossip frame around the frame of a delta or an announcement."""
    return pack((kind, deflate(frame) if kind == GOSSIP_DELTA else frame))


def open_gossip(packed: bytes) -> tuple[int, bytes]:
    """The kind of a gossip frame and the frame of a delta or an announcement in it.

    Raises ProtocolViolation: "wrong-shape", "malformed", "oversized", "unknown-version".
    """
    told = leading(packed)
    if told is not None and GOSSIP_ANNOUNCEMENT < told <= _KIND_MAX:
        raise ProtocolViolation("unknown-version", "another kind of gossip: upgrade needed")
    unpacked = unpack(packed, limits.GOSSIP_FRAME_BYTES_MAX, limits.ELEMENTS_MAX)
    kind, body = shape.fields(unpacked, 2, "gossip frame")
    number = shape.integer(kind, GOSSIP_DELTA, GOSSIP_ANNOUNCEMENT, "gossip kind")
    frame = shape.blob(body, limits.GOSSIP_FRAME_BYTES_MAX, "gossip body")
    if number == GOSSIP_ANNOUNCEMENT:
        return number, frame
    clear = inflate(frame, limits.GOSSIP_FRAME_BYTES_MAX)
    if clear is None:
        raise ProtocolViolation("oversized", "the delta is too large for gossip")
    return number, clear
