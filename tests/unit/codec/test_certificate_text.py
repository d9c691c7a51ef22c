"""Certificates as people hand them on."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from covey.codec import certificate_text, is_certificate_valid, pack, parse_certificate
from covey.codec.cid import base32_encode
from covey.errors import ConfigError
from covey.testkit.identities import identity

ANN = identity("ann").certificate
TEXT = certificate_text(ANN)


def test_text_is_read_back():
    """What is around it does not matter, as people paste."""
    assert parse_certificate(TEXT) == ANN
    assert parse_certificate(f"  {TEXT}\n") == ANN
    assert TEXT.startswith("coveycert1")
    assert TEXT.isascii()
    assert " " not in TEXT


def test_signature_is_not_looked_at():
    """That is for who reads it: a text that is whole says whose it claims to be."""
    forged = replace(ANN, member=identity("ben").member_id)
    assert parse_certificate(certificate_text(forged)) == forged
    assert not is_certificate_valid(forged)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "coveycert1",
        "coveycert2" + TEXT[10:],
        TEXT[10:],
        TEXT[:-1],
        TEXT[:-8],
        TEXT + "a",
        TEXT + "a" * 8,
        TEXT + "a" * 5_000,
        TEXT[:40] + "1" + TEXT[41:],
        TEXT[:40] + "é" + TEXT[41:],
        TEXT[:40] + " " + TEXT[41:],
        "coveycert1" + base32_encode(b"\x01"),
        "coveycert1" + base32_encode(pack((bytes(32),) * 3)),
        "coveycert1" + base32_encode(pack((bytes(32), bytes(32), bytes(32), bytes(63)))),
        "covey1" + TEXT,
    ],
)
def test_what_is_no_certificate_is_told(text: str):
    """With one sentence, whatever was pasted."""
    with pytest.raises(ConfigError):
        parse_certificate(text)


@pytest.mark.parametrize("other", [TEXT.upper(), "coveycert1" + TEXT[10:].upper()])
def test_text_in_upper_case_names_nothing(other: str):
    """A certificate has one text."""
    with pytest.raises(ConfigError):
        parse_certificate(other)


def test_no_other_last_letter_names_the_same_certificate():
    """The bits that are left over are zero."""
    same = []
    for letter in "abcdefghijklmnopqrstuvwxyz234567":
        with contextlib.suppress(ConfigError):
            if parse_certificate(TEXT[:-1] + letter) == ANN:
                same.append(letter)
    assert same == [TEXT[-1]]
