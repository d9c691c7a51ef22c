"""Borders that vectors cannot show: sizes at their limits, and what a decoder never does."""

from __future__ import annotations

import pytest

from covey.codec import (
    charter_id,
    cid_of,
    decode_charter,
    decode_delta,
    effect_size_bytes,
    encode_payload,
    is_cid,
    pack,
    shape,
    unpack,
)
from covey.errors import ProtocolViolation
from covey.model import Add, Call, Delete, Payload, Put, limits
from covey.testkit.history import History
from covey.testkit.identities import found, identity

ANN = identity("ann")
FOUNDING = found(ANN)


def test_frame_is_refused_for_its_size_before_it_is_decoded():
    """A length costs nothing to check; a decode does."""
    with pytest.raises(ProtocolViolation, match="oversized"):
        unpack(b"\xc1" * 11, 10)
    with pytest.raises(ProtocolViolation, match="malformed"):
        unpack(b"\xc1" * 10, 10)


@pytest.mark.parametrize("kind", [0xDD, 0xC6, 0xDB])
def test_announced_length_reserves_no_memory(kind: int):
    """Five bytes must not cost four gigabytes."""
    frame = bytes((kind,)) + b"\xff" * 4
    with pytest.raises(ProtocolViolation, match="malformed"):
        unpack(frame, 100)


@pytest.mark.parametrize("frame", ["c70001", "91c70001", "c8000002", "c9000000007f"])
def test_extension_without_content_is_malformed(frame: str):
    """It would be read as a pair, whose first number passes for a version to come."""
    with pytest.raises(ProtocolViolation, match="malformed"):
        unpack(bytes.fromhex(frame), 100)


def test_bool_is_no_integer():
    """Python takes True for 1; the wire does not."""
    for value in (True, False, None, "1", b"1", ()):
        with pytest.raises(ProtocolViolation):
            shape.integer(value, 0, 1, "number")
        if value is not None:
            with pytest.raises(ProtocolViolation):
                shape.hash_or_none(value, "hash")


@pytest.mark.parametrize("value", [1.5, {1: 2}, {"a": 1}])
def test_types_that_do_not_occur_are_the_wrong_shape(value):
    """Floating point has many encodings of one number; maps have an order."""
    header = History(FOUNDING).write(ANN, (), [Put("notes", b"k", b"v")])
    for place in range(4):
        parts = list(unpack(header.frame, limits.DELTA_SIZE_BYTES_MAX))
        parts[place] = value
        with pytest.raises(ProtocolViolation):
            decode_delta(FOUNDING.context, pack(tuple(parts)))


def test_text_is_bounded_in_bytes_not_in_letters():
    """A name of 64 letters may have 256 bytes."""
    assert shape.text("é" * 32, 64, "name") == "é" * 32
    with pytest.raises(ProtocolViolation, match="oversized"):
        shape.text("é" * 33, 64, "name")


def test_delta_id_depends_on_the_context():
    """The same bytes are another delta elsewhere."""
    delta = History(FOUNDING).write(ANN, (), [Put("notes", b"k", b"v")])
    again = decode_delta(FOUNDING.context, delta.frame)
    other = decode_delta(found(ANN, identity("ben")).context, delta.frame)
    assert again == delta
    assert other.id != delta.id


def test_context_id_is_the_address_of_the_charter():
    """Who has the id can check the charter."""
    assert FOUNDING.context == cid_of(FOUNDING.packed) == charter_id(FOUNDING.packed)
    assert is_cid(FOUNDING.context)
    assert not is_cid(FOUNDING.context[:-1])
    assert decode_charter(FOUNDING.packed) == FOUNDING.charter


@pytest.mark.parametrize(
    "effect",
    [Put("é" * 8, b"k", bytes(70_000)), Delete("c", bytes(1000)), Add("c", b"k", -(2**63))],
)
def test_size_of_an_effect_is_never_estimated_too_small(effect):
    """Batches end by this estimate, and a delta must fit its frame."""
    call = (Call("m", b""),)
    empty = len(encode_payload(Payload(call, ((),), ((),))))
    full = len(encode_payload(Payload(call, ((effect,),), ((),))))
    assert full - empty <= effect_size_bytes(effect)


@pytest.mark.parametrize(
    "frame", [b"\x91\x80", b"\x91\x81\xa1a\x01", b"\x91\xd6\xff\x00\x00\x00\x01", b"\x80"]
)
def test_maps_and_extensions_are_malformed(frame: bytes):
    """At the first one: a frame full of empty maps would hold a node up for seconds."""
    with pytest.raises(ProtocolViolation) as caught:
        unpack(frame, 100)
    assert caught.value.code == "malformed"
