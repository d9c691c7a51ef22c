"""Distinct bytes are distinct types: identifiers of everything that has one."""

from __future__ import annotations

from typing import NewType

__all__ = [
    "CID_SIZE_BYTES",
    "HASH_SIZE_BYTES",
    "ApplicationId",
    "Cid",
    "ContextId",
    "DeltaId",
    "DeviceId",
    "Digest",
    "MemberId",
    "PeerId",
    "ReleaseId",
    "Signature",
]

HASH_SIZE_BYTES = 32
CID_SIZE_BYTES = 36

Cid = NewType("Cid", bytes)
"""36 bytes: CIDv1, raw, sha2-256 (0x01 0x55 0x12 0x20 and the hash)."""

ContextId = NewType("ContextId", bytes)
"""36 bytes: the CID of the charter."""

ReleaseId = NewType("ReleaseId", bytes)
"""36 bytes: the CID of the signed manifest."""

ApplicationId = NewType("ApplicationId", bytes)
"""32 bytes: hash of publisher key and package."""

DeltaId = NewType("DeltaId", bytes)
"""32 bytes: hash of context and header."""

MemberId = NewType("MemberId", bytes)
"""32 bytes: the Ed25519 key that stands for a person."""

DeviceId = NewType("DeviceId", bytes)
"""32 bytes: the Ed25519 key of one installation; the author of deltas."""

Signature = NewType("Signature", bytes)
"""64 bytes: Ed25519."""

Digest = NewType("Digest", bytes)
"""32 bytes: hash of a state or of a frontier."""

PeerId = NewType("PeerId", str)
"""The libp2p peer id in base58."""
