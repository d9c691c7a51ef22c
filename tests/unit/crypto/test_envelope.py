"""Envelopes of every length and with every byte changed: a violation, never a crash."""

from __future__ import annotations

import pytest

from covey.crypto import open_envelope, seal_envelope, sha256
from covey.errors import ProtocolViolation

KEY, NONCE = sha256(b"key"), bytes(range(24))


@pytest.mark.parametrize("size", range(60))
def test_short_envelope_is_a_violation(size: int):
    """What a stranger sends must not raise what nobody catches."""
    with pytest.raises(ProtocolViolation) as caught:
        open_envelope(KEY, (b"\x01" + bytes(size))[:size])
    assert caught.value.code == ("truncated" if size < 1 + 24 + 16 else "bad-envelope")


def test_every_changed_byte_is_noticed():
    """Version, nonce, ciphertext and tag."""
    envelope = seal_envelope(KEY, NONCE, b"frame")
    assert open_envelope(KEY, envelope) == b"frame"
    for place in range(len(envelope)):
        changed = bytearray(envelope)
        changed[place] ^= 1
        with pytest.raises(ProtocolViolation) as caught:
            open_envelope(KEY, bytes(changed))
        assert caught.value.code == ("bad-envelope" if place else "unknown-version")


def test_another_context_opens_nothing():
    """The key is the context's."""
    with pytest.raises(ProtocolViolation, match="does not open"):
        open_envelope(sha256(b"other"), seal_envelope(KEY, NONCE, b"frame"))
