"""Frames of a sync stream between two peers.

Source: protocols/sync.md. frame = [kind, ...]; `channel` is the sender's number for a context,
bound to it by the sender's `Know`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from covey.codec import shape
from covey.codec.addresses import KnownPeer, peers_of, peers_packed
from covey.codec.certificate import certificate_of, certificate_packed, join_of, join_packed
from covey.codec.cid import is_cid
from covey.codec.frontier import frontier_of, frontier_packed
from covey.codec.packing import Packed, leading, pack, unpack
from covey.codec.ranges import (
    Listing,
    Parts,
    listings_of,
    listings_packed,
    parts_of,
    parts_packed,
)
from covey.errors import ProtocolViolation
from covey.model import (
    Certificate,
    Cid,
    DeltaId,
    DeviceId,
    Digest,
    Frontier,
    Join,
    Signature,
    limits,
)

__all__ = [
    "AdmitAnswer",
    "AdmitAsk",
    "Blob",
    "BlobWant",
    "CharterTold",
    "CharterWant",
    "Credit",
    "DeltasFrame",
    "DigestFrame",
    "FrontierFrame",
    "Hello",
    "Know",
    "ListingFrame",
    "Member",
    "PartsFrame",
    "PeersTold",
    "PeersWant",
    "ShareFrame",
    "SyncFrame",
    "Want",
    "decode_frame",
    "encode_frame",
]

_U63 = 2**63 - 1
_REASON_BYTES_MAX = 256
_MAX = limits.SYNC_FRAME_SIZE_BYTES_MAX
_KIND_MAX = 2**16
_LARGE = (6, 10)  # kinds whose content may be large: deltas, a blob
_MANY = (5, 15, 16)  # kinds that tell what is held of many devices
_FIELDS = {
    **{1: 3, 2: 3, 3: 4, 4: 4, 5: 4, 6: 3, 7: 3, 8: 3, 9: 3, 10: 4, 11: 4, 12: 3, 13: 2, 14: 3},
    **{15: 3, 16: 4, 17: 4, 18: 2, 19: 3},
}


@dataclass(frozen=True, slots=True)
class Hello:
    """[1, version, nonce]: the first frame each way."""

    version: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Know:
    """[2, channel, proof]: the sender knows a context's id."""

    channel: int
    proof: bytes


@dataclass(frozen=True, slots=True)
class Member:
    """[3, channel, device, signature]: the sender holds a device key."""

    channel: int
    device: DeviceId
    signature: Signature


@dataclass(frozen=True, slots=True)
class DigestFrame:
    """[4, channel, frontier digest, state digest]: what the sender holds, in short."""

    channel: int
    frontier_digest: Digest
    state_digest: Digest


@dataclass(frozen=True, slots=True)
class FrontierFrame:
    """[5, channel, frontier, state digest]: what the sender holds; the receiver sends the rest."""

    channel: int
    frontier: Frontier
    state_digest: Digest


@dataclass(frozen=True, slots=True)
class DeltasFrame:
    """[6, channel, batch]: some deltas, each after all that it follows; see `open_batch`."""

    channel: int
    batch: bytes


@dataclass(frozen=True, slots=True)
class Credit:
    """[7, channel, bytes]: so many more bytes of deltas may come."""

    channel: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Want:
    """[8, channel, ids]: send these deltas, if you have them."""

    channel: int
    ids: tuple[DeltaId, ...]


@dataclass(frozen=True, slots=True)
class BlobWant:
    """[9, channel, cid]: send this blob of the context."""

    channel: int
    cid: Cid


@dataclass(frozen=True, slots=True)
class Blob:
    """[10, channel, cid, content or nil]."""

    channel: int
    cid: Cid
    content: bytes | None


@dataclass(frozen=True, slots=True)
class AdmitAsk:
    """[11, channel, certificate, join]: please admit this device."""

    channel: int
    certificate: Certificate
    join: Join


@dataclass(frozen=True, slots=True)
class AdmitAnswer:
    """[12, channel, reason]: admitted where the reason is empty."""

    channel: int
    reason: str


@dataclass(frozen=True, slots=True)
class CharterWant:
    """[13, topic hash]: the charter of an open context, asked by topic."""

    topic: bytes


@dataclass(frozen=True, slots=True)
class CharterTold:
    """[14, topic hash, charter or nil]."""

    topic: bytes
    charter: bytes | None


@dataclass(frozen=True, slots=True)
class PartsFrame:
    """[15, channel, ranges]: what the sender holds, as fingerprints; the receiver says more."""

    channel: int
    several: tuple[Parts, ...]


@dataclass(frozen=True, slots=True)
class ListingFrame:
    """[16, channel, answer, listings]: what the sender holds in some ranges, whole.

    is_answer: it answers a listing, and needs none in return.
    """

    channel: int
    is_answer: bool
    several: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class ShareFrame:
    """[17, channel, index, count]: send deltas whose number modulo count is index, from now on."""

    channel: int
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class PeersWant:
    """[18, channel]: tell peers that share the context."""

    channel: int


@dataclass(frozen=True, slots=True)
class PeersTold:
    """[19, channel, peers]: some peers that share the context with the sender."""

    channel: int
    peers: tuple[KnownPeer, ...]


SyncFrame: TypeAlias = (
    Hello
    | Know
    | Member
    | DigestFrame
    | FrontierFrame
    | DeltasFrame
    | Credit
    | Want
    | BlobWant
    | Blob
    | AdmitAsk
    | AdmitAnswer
    | CharterWant
    | CharterTold
    | PartsFrame
    | ListingFrame
    | ShareFrame
    | PeersWant
    | PeersTold
)


def encode_frame(frame: SyncFrame) -> bytes:
    """The bytes of a frame."""
    return pack(_packed(frame))


def _packed(frame: SyncFrame) -> Packed:
    match frame:
        case Hello(version, nonce):
            return (1, version, nonce)
        case Know(channel, proof):
            return (2, channel, proof)
        case Member(channel, device, signature):
            return (3, channel, device, signature)
        case DigestFrame(channel, frontier, state):
            return (4, channel, frontier, state)
        case FrontierFrame(channel, cut, state):
            return (5, channel, frontier_packed(cut), state)
        case DeltasFrame(channel, batch):
            return (6, channel, batch)
        case Credit(channel, size_bytes):
            return (7, channel, size_bytes)
        case Want(channel, ids):
            return (8, channel, ids)
        case BlobWant(channel, cid):
            return (9, channel, cid)
        case Blob(channel, cid, content):
            return (10, channel, cid, content)
        case AdmitAsk(channel, certificate, join):
            return (11, channel, certificate_packed(certificate), join_packed(join))
        case AdmitAnswer(channel, reason):
            return (12, channel, reason)
        case CharterWant(topic):
            return (13, topic)
        case CharterTold(topic, charter):
            return (14, topic, charter)
        case PartsFrame(channel, parts):
            return (15, channel, parts_packed(parts))
        case ListingFrame(channel, is_answer, listings):
            return (16, channel, int(is_answer), listings_packed(listings))
        case ShareFrame(channel, index, count):
            return (17, channel, index, count)
        case PeersWant(channel):
            return (18, channel)
        case PeersTold(channel, peers):
            return (19, channel, peers_packed(peers))


def decode_frame(packed: bytes, size_bytes_max: int = _MAX) -> SyncFrame:
    """The frame in some bytes; ProtocolViolation where it is none.

    One that holds many small things takes long to look through, so that only content may be large,
    and few kinds may hold many.
    """
    told = leading(packed)
    if told not in _LARGE:
        size_bytes_max = min(size_bytes_max, limits.SYNC_TOLD_BYTES_MAX)
    is_short = len(packed) <= size_bytes_max
    if is_short and told not in _FIELDS and told is not None and 1 <= told <= _KIND_MAX:
        raise ProtocolViolation("unknown-version", f"frame kind {told}: upgrade needed")
    elements_max = limits.SYNC_FRAME_ELEMENTS_MAX if told in _MANY else limits.ELEMENTS_MAX
    parts = unpack(packed, size_bytes_max, elements_max)
    kind = shape.integer(parts[0] if parts else None, 1, max(_FIELDS), "frame kind")
    body = shape.fields(parts, _FIELDS[kind], "frame")[1:]
    if kind == 1:
        version = shape.integer(body[0], 1, 2**16, "version")
        return Hello(version, shape.exactly(body[1], 32, "nonce"))
    if kind == 13:
        return CharterWant(shape.exactly(body[0], 32, "topic"))
    if kind == 14:
        return CharterTold(
            shape.exactly(body[0], 32, "topic"),
            _optional(body[1], limits.CHARTER_SIZE_BYTES_MAX, "charter"),
        )
    return _channelled(kind, shape.integer(body[0], 0, 2**32, "channel"), body[1:])


def _channelled(kind: int, channel: int, body: tuple[Packed, ...]) -> SyncFrame:
    match kind:
        case 2:
            return Know(channel, shape.exactly(body[0], 32, "proof"))
        case 3:
            device = DeviceId(shape.exactly(body[0], 32, "device"))
            return Member(channel, device, Signature(shape.exactly(body[1], 64, "signature")))
        case 4:
            return DigestFrame(channel, _digest(body[0]), _digest(body[1]))
        case 5:
            return FrontierFrame(channel, frontier_of(body[0]), _digest(body[1]))
        case 6:
            return DeltasFrame(channel, shape.blob(body[0], _MAX, "batch"))
        case 7:
            return Credit(channel, shape.integer(body[0], 1, _U63, "credit"))
        case 8:
            ids = shape.array(body[0], limits.ASK_IDS_MAX, "ids")
            return Want(channel, tuple(DeltaId(shape.exactly(i, 32, "delta")) for i in ids))
        case 9:
            return BlobWant(channel, _cid(body[0]))
        case 10:
            return Blob(
                channel, _cid(body[0]), _optional(body[1], limits.BLOB_SIZE_BYTES_MAX, "blob")
            )
        case 11:
            return AdmitAsk(channel, certificate_of(body[0]), join_of(body[1]))
        case 12:
            return AdmitAnswer(channel, shape.text(body[0], _REASON_BYTES_MAX, "reason"))
        case 15:
            return PartsFrame(channel, parts_of(body[0]))
        case 16:
            is_answer = shape.integer(body[0], 0, 1, "answer") == 1
            return ListingFrame(channel, is_answer, listings_of(body[1]))
        case 18:
            return PeersWant(channel)
        case 19:
            return PeersTold(channel, peers_of(body[0]))
    assert kind == 17
    count = shape.integer(body[1], 1, limits.SYNC_SOURCES_MAX, "shares")
    return ShareFrame(channel, shape.integer(body[0], 0, count - 1, "share"), count)


def _digest(value: Packed) -> Digest:
    return Digest(shape.exactly(value, 32, "digest"))


def _cid(value: Packed) -> Cid:
    cid = shape.exactly(value, 36, "cid")
    if not is_cid(cid):
        raise ProtocolViolation("wrong-shape", "the blob's name is not a content address")
    return Cid(cid)


def _optional(value: Packed, size_bytes_max: int, name: str) -> bytes | None:
    return None if value is None else shape.blob(value, size_bytes_max, name)
