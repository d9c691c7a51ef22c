"""Announcements: what a device says it holds, signed, on the topic.

Source: protocols/gossip.md. body = [version, device, peer id, count, frontier digest, state digest,
heads, time]; heads = [[device, sequence, id]...] sorted by id; frame = [body bytes, signature].
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from covey.codec import shape
from covey.codec.packing import Packed, pack, unpack
from covey.crypto import Signer, Tag, is_signed, signing_message
from covey.errors import ProtocolViolation
from covey.model import ContextId, DeltaId, DeviceId, Digest, PeerId, Tip, limits

__all__ = ["Announcement", "Head", "decode_announcement", "encode_announcement"]

_VERSION = 1
_PEER_ID_BYTES_MAX = 128
_FRAME_BYTES_MAX = 8 * limits.KIB
_U64 = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Head:
    """A delta that its device's node knows no follower of."""

    device: DeviceId
    tip: Tip


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a device's node held at a time by its own clock.

    count: deltas held. heads: at most 32; the digest covers the rest. unix_ms: grows with every
    announcement of a device, so that an old one cannot pass for news.
    """

    device: DeviceId
    peer: PeerId
    count: int
    frontier_digest: Digest
    state_digest: Digest
    heads: tuple[Head, ...]
    unix_ms: int


def encode_announcement(context: ContextId, announcement: Announcement, signer: Signer) -> bytes:
    """The signed frame."""
    body = pack(
        (
            _VERSION,
            announcement.device,
            announcement.peer,
            announcement.count,
            announcement.frontier_digest,
            announcement.state_digest,
            tuple((h.device, h.tip.sequence, h.tip.id) for h in announcement.heads),
            announcement.unix_ms,
        )
    )
    return pack((body, signer.sign(signing_message(Tag.ANNOUNCEMENT, context, body))))


def decode_announcement(context: ContextId, frame: bytes) -> Announcement:
    """The announcement in a frame, its signature checked; ProtocolViolation otherwise."""
    body, signature = shape.fields(
        unpack(frame, _FRAME_BYTES_MAX, limits.ELEMENTS_MAX), 2, "announcement"
    )
    packed = shape.blob(body, _FRAME_BYTES_MAX, "announcement body")
    parts = shape.versioned(packed, _VERSION, "announcement", _FRAME_BYTES_MAX, limits.ELEMENTS_MAX)
    _, device, peer, count, frontier, state, heads, unix_ms = shape.fields(parts, 8, "announcement")
    announcement = Announcement(
        device=DeviceId(shape.exactly(device, 32, "device")),
        peer=_peer_of(peer),
        count=shape.integer(count, 0, _U64, "count"),
        frontier_digest=Digest(shape.exactly(frontier, 32, "frontier digest")),
        state_digest=Digest(shape.exactly(state, 32, "state digest")),
        heads=_heads_of(heads),
        unix_ms=shape.integer(unix_ms, 0, _U64, "time"),
    )
    message = signing_message(Tag.ANNOUNCEMENT, context, packed)
    if not is_signed(announcement.device, message, shape.exactly(signature, 64, "signature")):
        raise ProtocolViolation("bad-signature", "the announcement's signature does not verify")
    return announcement


def _peer_of(value: Packed) -> PeerId:
    peer = shape.text(value, _PEER_ID_BYTES_MAX, "peer")
    # It is shown in the status: what commands a terminal must not come in under this name.
    if not (peer and peer.isascii() and peer.isprintable()):
        raise ProtocolViolation("wrong-shape", "the peer is no peer id")
    return PeerId(peer)


def _heads_of(value: Packed) -> tuple[Head, ...]:
    heads = []
    for item in shape.array(value, limits.ANNOUNCED_HEADS_MAX, "heads"):
        device, sequence, head_id = shape.fields(item, 3, "head")
        heads.append(
            Head(
                DeviceId(shape.exactly(device, 32, "device")),
                Tip(
                    shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"),
                    DeltaId(shape.exactly(head_id, 32, "head")),
                ),
            )
        )
    if any(a.tip.id >= b.tip.id for a, b in itertools.pairwise(heads)):
        raise ProtocolViolation("wrong-shape", "the heads are not sorted and distinct")
    return tuple(heads)
