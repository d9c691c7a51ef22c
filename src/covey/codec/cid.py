"""Content addresses: CIDv1, raw, sha2-256, and no other form.

Source: protocols/identifiers.md; multiformats CID specification.
"""

from __future__ import annotations

import base64
import binascii

from covey.crypto import sha256
from covey.errors import ConfigError
from covey.model import CID_SIZE_BYTES, Cid

__all__ = ["base32_decode", "base32_encode", "cid_of", "cid_text", "is_cid", "parse_cid"]

_PREFIX = b"\x01\x55\x12\x20"


def cid_of(content: bytes) -> Cid:
    """The address of some content: 36 bytes."""
    return Cid(_PREFIX + sha256(content))


def is_cid(cid: bytes) -> bool:
    """Whether these bytes are an address of the one accepted form."""
    return len(cid) == CID_SIZE_BYTES and cid.startswith(_PREFIX)


def cid_text(cid: bytes) -> str:
    """The address for people and IPFS tools: `bafkrei...`."""
    return "b" + base32_encode(cid)


def parse_cid(text: str) -> Cid:
    """The address in a text; ConfigError if it is none."""
    try:
        cid = base32_decode(text[1:]) if text.startswith("b") else b""
    except ValueError:
        cid = b""
    if not is_cid(cid) or cid_text(cid) != text:
        raise ConfigError(f"{text[:80]!r} is not a content address (bafkrei...)")
    return Cid(cid)


def base32_encode(content: bytes) -> str:
    """Lower-case base32 without padding (RFC 4648)."""
    return base64.b32encode(content).decode().rstrip("=").lower()


def base32_decode(text: str) -> bytes:
    """The bytes of lower-case base32 without padding; ValueError if it is none."""
    try:
        content = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise ValueError("not base32") from error
    if base32_encode(content) != text:
        raise ValueError("base32 of another form: upper case, or bits beyond the end")
    return content
