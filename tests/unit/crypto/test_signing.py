"""Signatures by libsodium's rules, and which keys are admitted."""

from __future__ import annotations

import pytest

from covey.codec import is_certificate_valid, make_certificate
from covey.crypto import Signer, is_signed, is_usable_key, sha256, signing_message
from covey.model import Certificate
from covey.testkit.identities import identity
from tests.vectors.files import load

KEYS = Signer.from_seed(sha256(b"somebody"))
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL = [c["key"] for c in load("hashing")["invalid"] if "small order" in c["name"]]


def test_signature_is_deterministic_and_verifies():
    """RFC 8032 as in the vectors; the same bytes every time."""
    signature = KEYS.sign(b"message")
    assert signature == KEYS.sign(b"message")
    assert is_signed(KEYS.public, b"message", signature)


def test_every_changed_bit_is_noticed():
    """Of the signature, of the key and of the message."""
    signature = KEYS.sign(b"message")
    for place in range(64 * 8):
        changed = bytearray(signature)
        changed[place // 8] ^= 1 << place % 8
        assert not is_signed(KEYS.public, b"message", bytes(changed))
    for place in range(32 * 8):
        changed = bytearray(KEYS.public)
        changed[place // 8] ^= 1 << place % 8
        assert not is_signed(bytes(changed), b"message", signature)
    assert not is_signed(KEYS.public, b"messagf", signature)


def test_signature_has_one_form():
    """S and S plus the group order satisfy one equation; only one of them is accepted."""
    signature = KEYS.sign(b"message")
    scalar = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    assert not is_signed(KEYS.public, b"message", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("point", SMALL)
def test_key_of_small_order_is_refused(point: str):
    """Such a key verifies a signature of everything, by the bare equation."""
    key = bytes.fromhex(point)
    assert not is_usable_key(key)
    assert not is_signed(key, b"anything", key + bytes(32))


def test_key_outside_the_prime_order_subgroup_is_refused_though_it_verifies_nowhere_else():
    """Libraries disagree on such keys: they must never be admitted."""
    # A point of order 8 added to a good key: found by libsodium's own arithmetic.
    from nacl import bindings

    torsion = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    mixed = bindings.crypto_core_ed25519_add(KEYS.public, torsion)
    assert is_usable_key(KEYS.public)
    assert not is_usable_key(mixed)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_keys_and_signatures_of_another_length_are_refused(size: int):
    """Without an exception: the length comes from a peer."""
    assert not is_usable_key(bytes(size))
    assert not is_signed(bytes(size), b"", bytes(64))
    assert not is_signed(KEYS.public, b"", bytes(size - 1 if size == 64 else size))


def test_secret_key_is_not_shown():
    """Logs and tracebacks show values."""
    seed = sha256(b"somebody")
    assert seed.hex() not in repr(KEYS)
    assert repr(seed)[2:-1] not in repr(KEYS)


def test_certificate_of_a_usable_pair_is_valid_and_any_change_is_not():
    """The member's word covers device and exchange key."""
    ann, ben = identity("ann"), identity("ben")
    good = ann.certificate
    assert is_certificate_valid(good)
    changes = (
        Certificate(ben.member_id, good.device, good.exchange_key, good.signature),
        Certificate(good.member, ben.device, good.exchange_key, good.signature),
        Certificate(good.member, good.device, bytes(32), good.signature),
        make_certificate(ann.member, bytes.fromhex(SMALL[2]), bytes(32)),
        make_certificate(ann.member, ann.member_id, bytes(32)),
    )
    assert not any(is_certificate_valid(changed) for changed in changes)


def test_messages_of_two_uses_differ():
    """The tag's length stands first, so that no tag runs into what follows."""
    assert signing_message(b"a", b"bc") != signing_message(b"ab", b"c")
