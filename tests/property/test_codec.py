"""Bytes of strangers: one encoding of everything, and no way to crash a decoder."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.codec import (
    Announcement,
    Head,
    base32_decode,
    base32_encode,
    cid_of,
    cid_text,
    decode_announcement,
    decode_charter,
    decode_delta,
    decode_frontier,
    decode_payload,
    did_text,
    encode_announcement,
    encode_charter,
    encode_frontier,
    encode_payload,
    make_delta,
    pack,
    parse_cid,
    parse_did,
    parse_topic,
    topic_text,
    unpack,
)
from covey.errors import ConfigError, ProtocolViolation
from covey.model import (
    Add,
    AppEvent,
    Call,
    ContextId,
    Delete,
    DeltaId,
    DeviceId,
    Digest,
    Never,
    Payload,
    PeerId,
    Publisher,
    Put,
    Quorum,
    Tip,
)
from covey.testkit.history import History
from covey.testkit.identities import found, identity

MUTATIONS = 20_000
ANN, BEN, CARA = identity("ann"), identity("ben"), identity("cara")
FOUNDING = found(ANN, BEN)
CONTEXT = FOUNDING.context

HASHES = st.binary(min_size=32, max_size=32)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
PLACES = st.tuples(NAMES, st.binary(min_size=1, max_size=8))
I64 = st.integers(-(2**63), 2**63 - 1)


def _effects(drawn) -> tuple:
    by_place = {place: make(*place) for place, make in drawn}
    return tuple(by_place[p] for p in sorted(by_place, key=lambda p: (p[0].encode(), p[1])))


EFFECT_MAKERS = st.one_of(
    st.binary(max_size=8).map(lambda value: lambda c, k: Put(c, k, value)),
    st.just(Delete),
    I64.map(lambda amount: lambda c, k: Add(c, k, amount)),
)
EFFECTS = st.lists(st.tuples(PLACES, EFFECT_MAKERS), max_size=4).map(_effects)
EVENTS = st.lists(st.builds(AppEvent, NAMES, st.binary(max_size=8)), max_size=3).map(tuple)
CALLS = st.builds(Call, NAMES, st.binary(max_size=8))
PAYLOADS = st.lists(st.tuples(CALLS, EFFECTS, EVENTS), max_size=4).map(
    lambda rows: Payload(*(tuple(row[n] for row in rows) for n in range(3)))
)
TIPS = st.sets(st.builds(Tip, st.integers(1, 2**63 - 1), HASHES), min_size=1, max_size=3).map(
    lambda tips: tuple(sorted(tips))
)
PACKED = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.binary(max_size=40),
        st.text(st.characters(codec="utf-8"), max_size=40),
    ),
    lambda inner: st.lists(inner, max_size=20).map(tuple),
    max_leaves=40,
)  # fmt: skip


@given(PACKED)
def test_everything_that_can_be_packed_comes_back(value):
    """Types too: a bool is no integer, text is no bytes."""
    (again,) = unpack(pack((value,)), 2**20)
    assert again == value
    assert _types(again) == _types(value)


def _types(value) -> object:
    return tuple(map(_types, value)) if isinstance(value, tuple) else type(value)


@given(PAYLOADS)
def test_payload_comes_back(payload: Payload):
    """decode(encode(x)) == x."""
    assert decode_payload(encode_payload(payload)) == payload


@given(st.dictionaries(HASHES, TIPS, max_size=4))
def test_frontier_comes_back(frontier):
    """Whatever order the devices were met in."""
    assert decode_frontier(encode_frontier(frontier)) == frontier
    again = dict(reversed(frontier.items()))
    assert encode_frontier(again) == encode_frontier(frontier)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=70))
def test_texts_come_back(key: bytes, content: bytes):
    """did:key, content addresses, topics and base32."""
    assert parse_did(did_text(key)) == key
    assert parse_cid(cid_text(cid_of(content))) == cid_of(content)
    context = ContextId(cid_of(content))
    assert topic_text(ContextId(context)) == "/covey/1/" + base32_encode(
        parse_topic(topic_text(context))
    )
    assert base32_decode(base32_encode(content)) == content


@given(HASHES, st.text(max_size=3), st.integers(0, 80))
def test_text_that_was_changed_is_no_name_of_anything(key: bytes, noise: str, place: int):
    """One name for one thing: what parses is written exactly so."""
    context = ContextId(cid_of(key))
    parsers: list[tuple[str, Callable[[str], bytes], Callable[[bytes], str]]] = [
        (did_text(key), parse_did, did_text),
        (cid_text(context), parse_cid, cid_text),
        (topic_text(context), parse_topic, lambda h: "/covey/1/" + base32_encode(h)),
    ]
    for text, parse, write in parsers:
        changed = text[:place] + noise + text[place + len(noise) :]
        try:
            parsed = parse(changed)
        except ConfigError:
            continue
        assert write(parsed) == changed


@pytest.mark.parametrize("text", ["ß" * 8 + "a" * 44, "a" * 51 + "b"])
def test_topic_has_one_text(text: str):
    """Upper case folds letters together, and the last character has bits to spare."""
    with pytest.raises(ConfigError):
        parse_topic("/covey/1/" + text)


# -- mutations -------------------------------------------------------------------------------


def _delta_frame() -> bytes:
    history = History(FOUNDING)
    first = history.write(ANN, (), governance=(CARA.admit(CONTEXT),))
    second = history.write(BEN, (), [Put("notes", b"k", b"v")])
    calls = [Put("notes", b"k", b"v"), Put("notes", b"l", b"w")], [Add("likes", b"x", -3)]
    return history.write(CARA, (first.id, second.id), *calls).frame


def _governance_frame() -> bytes:
    return History(FOUNDING).write(ANN, (), governance=(CARA.admit(CONTEXT),)).frame


def _payload() -> bytes:
    return encode_payload(
        Payload(
            (Call("set", b'{"a":1}'), Call("gone", b"{}")),
            ((Add("likes", b"x", 2**40), Put("notes", b"k", b"v")), (Delete("notes", b"k"),)),
            ((AppEvent("said", b"hello"),), ()),
        )
    )


def _charter() -> bytes:
    constraints = (Never(), Publisher(), Quorum(2, (ANN.member_id, BEN.member_id), 1_000))
    return FOUNDING.again(constraints=constraints, roles=("editor",)).packed


def _announcement() -> bytes:
    head = Head(BEN.device, Tip(7, DeltaId(bytes(32))))
    announcement = Announcement(
        device=DeviceId(ANN.signer.public), peer=PeerId("12D3KooWpeer"), count=9,
        frontier_digest=Digest(bytes(32)), state_digest=Digest(bytes(32)), heads=(head,),
        unix_ms=1_750_000_000_000,
    )  # fmt: skip
    return encode_announcement(CONTEXT, announcement, ANN.signer)


def _decode_delta_again(frame: bytes) -> bytes:
    delta = decode_delta(CONTEXT, frame)
    # The header's own fields give its bytes again, and so the frame its.
    known = {a.device: a for a in (ANN, BEN, CARA)}
    if delta.core.author in known:
        again = make_delta(CONTEXT, delta.core, delta.sealed, known[delta.core.author].signer)
        assert (again.header, again.id) == (delta.header, delta.id)
    return pack((1, delta.header, delta.signature, delta.sealed))


def _decode_announcement_again(frame: bytes) -> bytes:
    return encode_announcement(CONTEXT, decode_announcement(CONTEXT, frame), ANN.signer)


DECODERS = {
    "delta": (_delta_frame(), _decode_delta_again),
    "governance": (_governance_frame(), _decode_delta_again),
    "payload": (_payload(), lambda frame: encode_payload(decode_payload(frame))),
    "charter": (_charter(), lambda frame: encode_charter(decode_charter(frame))),
    "frontier": (
        encode_frontier(
            {ANN.device: (Tip(3, bytes(32)), Tip(4, bytes(32))), BEN.device: (Tip(1, bytes(32)),)}
        ),
        lambda frame: encode_frontier(decode_frontier(frame)),
    ),
    "announcement": (_announcement(), _decode_announcement_again),
}  # fmt: skip


def _mutated(rng: random.Random, frame: bytes) -> bytes:
    """A frame with a few bytes changed, cut out, put in, doubled or cut off."""
    changed = bytearray(frame)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0:
                changed[place : place + 1] = bytes((rng.randrange(256),))
            case 1:
                del changed[place : place + rng.choice((1, 1, 8))]
            case 2:
                changed[place:place] = bytes((rng.randrange(256),))
            case 3:
                changed[place:place] = changed[place : place + rng.randrange(1, 40)]
            case 4:
                # Type bytes of MessagePack at the place of another one.
                changed[place : place + 1] = bytes((rng.choice(_TYPES),))
            case 5:
                del changed[place:]
        if not changed:
            break
    return bytes(changed)


_TYPES = (0x80, 0x90, 0x9F, 0xA0, 0xC0, 0xC1, 0xC2, 0xC4, 0xC6, 0xC7, 0xCA, 0xCB, 0xCF, 0xD3,
          0xD4, 0xD9, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, 0xE0, 0xFF)  # fmt: skip


@pytest.mark.parametrize(("frame", "again"), DECODERS.values(), ids=DECODERS.keys())
def test_changed_bytes_are_a_violation_or_another_canonical_value(frame: bytes, again):
    """No other exception escapes, and nothing has two encodings."""
    assert again(frame) == frame
    rng = random.Random(7)
    refused = accepted = 0
    for _ in range(MUTATIONS):
        changed = _mutated(rng, frame)
        try:
            written = again(changed)
        except ProtocolViolation:
            refused += 1
            continue
        assert written == changed
        accepted += 1
    assert refused > MUTATIONS / 2


def test_changed_structures_are_a_violation_or_another_canonical_value():
    """Canonical bytes of the wrong shape reach deeper than noise does."""
    rng = random.Random(11)
    for frame, again in DECODERS.values():
        value = unpack(frame, 2**20)
        for _ in range(MUTATIONS // 10):
            changed = pack(_swapped(rng, value))
            try:
                written = again(changed)
            except ProtocolViolation:
                continue
            assert written == changed


_ODD = (None, True, 0, 1, -1, 2**64 - 1, -(2**63), b"", b"\x00" * 32, b"\x01" * 64, "", "x", (),
        ((),), (1, 2, 3))  # fmt: skip


def _swapped(rng: random.Random, value):
    if isinstance(value, tuple) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value[:place] + value[place + 1 :]
        return (*value[:place], _swapped(rng, value[place]), *value[place + 1 :])
    return rng.choice(_ODD) if not isinstance(value, tuple) or rng.random() < 0.5 else (*value, 1)
