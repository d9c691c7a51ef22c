"""Bytes to values and back: the only way in for what a peer sent."""

from __future__ import annotations

from covey.codec import shape
from covey.codec.announcement import (
    Announcement,
    Head,
    decode_announcement,
    encode_announcement,
)
from covey.codec.certificate import (
    certificate_of,
    certificate_packed,
    is_certificate_valid,
    is_join_valid,
    join_of,
    join_packed,
    make_certificate,
    make_join,
)
from covey.codec.charter import (
    charter_id,
    decode_charter,
    encode_charter,
)
from covey.codec.cid import (
    base32_decode,
    base32_encode,
    cid_of,
    cid_text,
    is_cid,
    parse_cid,
)
from covey.codec.delta import (
    decode_delta,
    is_delta_signed,
    make_delta,
    payload_hash,
)
from covey.codec.frontier import (
    decode_frontier,
    encode_frontier,
    frontier_digest,
    frontier_of,
    frontier_packed,
    tips_of,
    tips_packed,
)
from covey.codec.names import (
    application_id,
    dht_key,
    did_text,
    parse_did,
    parse_topic,
    topic_hash,
    topic_key,
    topic_text,
)
from covey.codec.packing import (
    Packed,
    pack,
    unpack,
)
from covey.codec.payload import (
    decode_payload,
    effect_size_bytes,
    encode_payload,
)

__all__ = [
    "shape",
    "Announcement",
    "Head",
    "Packed",
    "application_id",
    "base32_decode",
    "base32_encode",
    "certificate_of",
    "certificate_packed",
    "charter_id",
    "cid_of",
    "cid_text",
    "decode_announcement",
    "decode_charter",
    "decode_delta",
    "decode_frontier",
    "decode_payload",
    "dht_key",
    "did_text",
    "effect_size_bytes",
    "encode_announcement",
    "encode_charter",
    "encode_frontier",
    "encode_payload",
    "frontier_digest",
    "frontier_of",
    "frontier_packed",
    "is_certificate_valid",
    "is_cid",
    "is_delta_signed",
    "is_join_valid",
    "join_of",
    "join_packed",
    "make_certificate",
    "make_delta",
    "make_join",
    "pack",
    "parse_cid",
    "parse_did",
    "parse_topic",
    "payload_hash",
    "tips_of",
    "tips_packed",
    "topic_hash",
    "topic_key",
    "topic_text",
    "unpack",
]
