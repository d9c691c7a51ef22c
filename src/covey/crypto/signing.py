"""Ed25519 by libsodium's rules only: two libraries that disagree would split a network."""

from __future__ import annotations

from dataclasses import dataclass, field

from nacl import bindings
from nacl.exceptions import BadSignatureError

from covey.model import Signature

__all__ = ["SEED_SIZE_BYTES", "Signer", "exchange_public_key", "is_signed", "is_usable_key"]

SEED_SIZE_BYTES = 32
_SIGNATURE_SIZE_BYTES = 64
_KEY_SIZE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Signer:
    """A secret key that signs; its `repr` shows the public key only."""

    public: bytes
    _secret: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> Signer:
        """The signer of a 32 byte seed."""
        assert len(seed) == SEED_SIZE_BYTES
        public, secret = bindings.crypto_sign_seed_keypair(seed)
        return cls(public, secret)

    def sign(self, message: bytes) -> Signature:
        """The detached signature of a message; the same bytes every time."""
        signed: bytes = bindings.crypto_sign(message, self._secret)
        return Signature(signed[:_SIGNATURE_SIZE_BYTES])


def is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether libsodium accepts the signature (canonical S, no small-order points)."""
    if len(key) != _KEY_SIZE_BYTES or len(signature) != _SIGNATURE_SIZE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True


def is_usable_key(key: bytes) -> bool:
    """Whether a key lies in the prime-order subgroup: asked when a key is admitted (45 us)."""
    return len(key) == _KEY_SIZE_BYTES and bindings.crypto_core_ed25519_is_valid_point(key)


def exchange_public_key(seed: bytes) -> bytes:
    """The X25519 public key of a 32 byte secret."""
    public: bytes = bindings.crypto_scalarmult_base(seed)
    return public
