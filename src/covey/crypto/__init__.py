"""Hashes, signatures, envelopes: the only room that touches secret keys."""

from __future__ import annotations

from covey.crypto.envelope import (
    NONCE_SIZE_BYTES,
    open_envelope,
    seal_envelope,
)
from covey.crypto.hashing import (
    HashPart,
    Tag,
    sha256,
    signing_message,
    tagged_hash,
)
from covey.crypto.lthash import (
    LTHASH_EMPTY,
    LTHASH_SIZE_BYTES,
    LtHash,
)
from covey.crypto.proofs import (
    Greeting,
    device_proof_message,
    is_knowledge_proof,
    knowledge_proof,
)
from covey.crypto.seed import (
    SeededStream,
    call_seed,
)
from covey.crypto.signing import (
    SEED_SIZE_BYTES,
    Signer,
    exchange_public_key,
    is_signed,
    is_usable_key,
)

__all__ = [
    "Greeting",
    "HashPart",
    "LTHASH_EMPTY",
    "LTHASH_SIZE_BYTES",
    "LtHash",
    "NONCE_SIZE_BYTES",
    "SEED_SIZE_BYTES",
    "SeededStream",
    "Signer",
    "Tag",
    "call_seed",
    "device_proof_message",
    "exchange_public_key",
    "is_knowledge_proof",
    "is_signed",
    "is_usable_key",
    "knowledge_proof",
    "open_envelope",
    "seal_envelope",
    "sha256",
    "signing_message",
    "tagged_hash",
]
