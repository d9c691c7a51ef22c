"""The envelope of every gossip frame: who does not know the context id learns nothing.

Source: protocols/gossip.md; [version, random 24 byte nonce, XChaCha20-Poly1305 ciphertext].
"""

from __future__ import annotations

from nacl import bindings
from nacl.exceptions import CryptoError

from covey.errors import ProtocolViolation

__all__ = ["NONCE_SIZE_BYTES", "open_envelope", "seal_envelope"]

NONCE_SIZE_BYTES = 24
_TAG_SIZE_BYTES = 16
_VERSION = b"\x01"


def seal_envelope(key: bytes, nonce: bytes, frame: bytes) -> bytes:
    """The envelope of a frame; nonce: 24 random bytes, never used twice."""
    assert len(nonce) == NONCE_SIZE_BYTES
    sealed: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(frame, _VERSION, nonce, key)
    return _VERSION + nonce + sealed


def open_envelope(key: bytes, envelope: bytes) -> bytes:
    """The frame in an envelope; ProtocolViolation where it is none of this context's."""
    if not envelope:
        raise ProtocolViolation("truncated", "the gossip envelope is empty")
    if envelope[:1] != _VERSION:
        raise ProtocolViolation("unknown-version", "the gossip envelope has another version")
    nonce, sealed = envelope[1 : 1 + NONCE_SIZE_BYTES], envelope[1 + NONCE_SIZE_BYTES :]
    if len(nonce) != NONCE_SIZE_BYTES or len(sealed) < _TAG_SIZE_BYTES:
        raise ProtocolViolation("truncated", "the gossip envelope is too short")
    try:
        frame: bytes = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed, _VERSION, nonce, key
        )
    except CryptoError:
        raise ProtocolViolation("bad-envelope", "the gossip envelope does not open") from None
    return frame
