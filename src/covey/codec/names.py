"""Names derived from keys and contexts: did:key, topic, topic key, DHT keys, application ids.

Source: protocols/identifiers.md; did:key after the W3C did:key method (multicodec 0xed01).
"""

from __future__ import annotations

import base58

from covey.codec.cid import base32_decode, base32_encode
from covey.crypto import Tag, tagged_hash
from covey.errors import ConfigError
from covey.model import HASH_SIZE_BYTES, ApplicationId, ContextId, PeerId

__all__ = [
    "application_id",
    "dht_key",
    "did_text",
    "is_peer_id",
    "parse_did",
    "parse_topic",
    "peer_id_text",
    "topic_hash",
    "topic_mark",
    "topic_key",
    "topic_text",
]

_ED25519 = b"\xed\x01"
_PEER_KEY_PREFIX = b"\x00\x24\x08\x01\x12\x20"
_TOPIC_PREFIX = "/covey/1/"
_DAY_S = 86_400


def did_text(key: bytes) -> str:
    """A member or device key for people: `did:key:z6Mk...`."""
    return "did:key:z" + base58.b58encode(_ED25519 + key).decode()


def parse_did(text: str) -> bytes:
    """The 32 byte key in a did:key text; ConfigError if it is none."""
    try:
        decoded = base58.b58decode(text.removeprefix("did:key:z"))
    except ValueError:
        decoded = b""
    key = decoded[len(_ED25519) :]
    if len(key) != HASH_SIZE_BYTES or did_text(key) != text:
        raise ConfigError(f"{text[:80]!r} is not a did:key of an Ed25519 key")
    return key


def peer_id_text(key: bytes) -> PeerId:
    """The libp2p peer id of an Ed25519 key: its protobuf form under the identity multihash."""
    return PeerId(base58.b58encode(_PEER_KEY_PREFIX + key).decode())


def is_peer_id(text: str) -> bool:
    """Whether a text is a libp2p peer id: base58 of a key's identity multihash, or of its hash."""
    try:
        decoded = base58.b58decode(text)
    except ValueError:
        return False
    is_key = decoded[:1] == b"\x00" and 2 < len(decoded) <= 44 and decoded[1] == len(decoded) - 2
    is_hash = decoded[:2] == b"\x12\x20" and len(decoded) == 2 + HASH_SIZE_BYTES
    return (is_key or is_hash) and base58.b58encode(decoded).decode() == text


def application_id(publisher: bytes, package: str) -> ApplicationId:
    """What stays the same over all releases of an application."""
    return ApplicationId(tagged_hash(Tag.APPLICATION, publisher, package))


def topic_hash(context: ContextId) -> bytes:
    """The 32 bytes behind a context's topic."""
    return tagged_hash(Tag.TOPIC, context)


def topic_text(context: ContextId) -> str:
    """The gossip topic of a context."""
    return _TOPIC_PREFIX + base32_encode(topic_hash(context))


def topic_mark(context: ContextId) -> str:
    """A few letters of a topic, for logs: they tell contexts apart, and lead nobody to one."""
    return topic_hash(context).hex()[:8]


def parse_topic(text: str) -> bytes:
    """The hash in a topic text; ConfigError if it is none."""
    try:
        digest = base32_decode(text.removeprefix(_TOPIC_PREFIX))
    except ValueError:
        digest = b""
    if not text.startswith(_TOPIC_PREFIX) or len(digest) != HASH_SIZE_BYTES:
        raise ConfigError(f"{text[:80]!r} is not a topic (/covey/1/...)")
    return digest


def topic_key(context: ContextId) -> bytes:
    """The key of the gossip envelope: whoever knows the context id has it."""
    return tagged_hash(Tag.TOPIC_KEY, context)


def dht_key(topic: str, unix_s: float, days_ahead: int = 0) -> bytes:
    """The provider key of a topic on the UTC day of a time, or days after it."""
    return tagged_hash(Tag.DHT, topic, int(unix_s // _DAY_S) + days_ahead)
