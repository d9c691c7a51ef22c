"""Bugs where bytes are made and read: signatures, hashes, frontiers and envelopes."""

from __future__ import annotations

import pytest

from covey.codec import tips_packed
from covey.codec.delta import payload_hash
from covey.crypto import NONCE_SIZE_BYTES, seal_envelope


def accept_any_signature(patch: pytest.MonkeyPatch) -> None:
    """The codec says of each delta that its signature is good."""
    patch.setattr("covey.codec.delta.is_signed", lambda *_: True)


def hash_part_of_a_payload(patch: pytest.MonkeyPatch) -> None:
    """A delta's header, and so its id and signature, binds only the beginning of its payload."""
    patch.setattr("covey.codec.delta.payload_hash", lambda sealed: payload_hash(sealed[:16]))


def encode_one_branch(patch: pytest.MonkeyPatch) -> None:
    """Of a forked device a frontier tells the longest branch alone."""
    patch.setattr("covey.codec.frontier.tips_packed", lambda tips: tips_packed(tips[-1:]))


def reuse_nonces(patch: pytest.MonkeyPatch) -> None:
    """Envelopes share their nonces, which gives away what is in them."""

    def seal(key: bytes, nonce: bytes, frame: bytes) -> bytes:
        return seal_envelope(key, nonce[:1] + bytes(NONCE_SIZE_BYTES - 1), frame)

    patch.setattr("covey.sync.gossip.seal_envelope", seal)
