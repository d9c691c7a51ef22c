"""One hash with a domain tag, and the list of all tags.

Source: protocols/encoding.md; H(tag, parts...) = SHA-256(len(tag) || tag || MessagePack array).
"""

from __future__ import annotations

import hashlib

import msgpack

__all__ = ["HashPart", "Tag", "sha256", "signing_message", "tagged_hash"]

HashPart = bytes | str | int | None | list["HashPart"] | tuple["HashPart", ...]


class Tag:
    """The domain tags; no two uses share one."""

    APPLICATION = b"covey/application/1"
    ANNOUNCEMENT = b"covey/announcement/1"
    DELTA = b"covey/delta/1"
    DEVICE = b"covey/device/1"
    DHT = b"covey/dht/1"
    DIGEST = b"covey/digest/1"
    ELEMENT = b"covey/element/1"
    FRONTIER = b"covey/frontier/1"
    JOIN = b"covey/join/1"
    MANIFEST = b"covey/manifest/1"
    PAYLOAD = b"covey/payload/1"
    RANGE = b"covey/range/1"
    SEED = b"covey/seed/1"
    SYNC_AUTH = b"covey/sync-auth/1"
    SYNC_PROOF = b"covey/sync-proof/1"
    TOPIC = b"covey/topic/1"
    TOPIC_KEY = b"covey/topic-key/1"


def sha256(body: bytes) -> bytes:
    """The plain SHA-256 of bytes: 32 bytes."""
    return hashlib.sha256(body).digest()


def tagged_hash(tag: bytes, *parts: HashPart) -> bytes:
    """H(tag, parts...): 32 bytes; parts are nil, int, bytes, str or arrays of them."""
    packed: bytes = msgpack.packb(parts, use_bin_type=True)
    return hashlib.sha256(bytes((len(tag),)) + tag + packed).digest()


def signing_message(tag: bytes, *parts: bytes) -> bytes:
    """The bytes under a signature: the tag with its length, then the parts as they are.

    Every part but the last has a fixed length, so no two inputs give one message.
    """
    return bytes((len(tag),)) + tag + b"".join(parts)
