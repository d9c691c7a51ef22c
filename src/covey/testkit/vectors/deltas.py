"""Vectors of what goes over the wire in gossip: deltas, payloads, announcements, envelopes."""

from __future__ import annotations

import zlib

from covey.codec import (
    GOSSIP_ANNOUNCEMENT,
    GOSSIP_DELTA,
    Announcement,
    Head,
    Packed,
    encode_announcement,
    encode_payload,
    pack,
    pack_gossip,
    payload_hash,
    topic_key,
    unpack,
)
from covey.crypto import Tag, seal_envelope, sha256, signing_message
from covey.model import (
    Add,
    AppEvent,
    Call,
    Delete,
    Delta,
    DeltaId,
    Digest,
    Merge,
    Payload,
    PeerId,
    Put,
    Tip,
    limits,
)
from covey.testkit.history import START_MS, History
from covey.testkit.identities import Identity, found, identity
from covey.testkit.vectors.form import Case, Json, Vectors, case, replaced, shown

__all__ = ["announcements", "deltas", "envelopes", "gossip", "payloads"]

ANN, BEN, CARA = identity("ann"), identity("ben"), identity("cara")
FOUNDING = found(ANN, BEN)
CONTEXT = FOUNDING.context
_SIZE_MAX = limits.DELTA_SIZE_BYTES_MAX
_NEWER = "unknown-version"


def payloads() -> Vectors:
    """Calls, effects, events."""
    some = [
        ("of a merge", Payload((), (), ())),
        ("of one call", Payload((Call("set", b'{"key":"k"}'),), ((Put("notes", b"k", b"v"),),),
                                ((),))),
        ("of every effect", Payload(
            (Call("a", b""), Call("b", b"{}")),
            ((Add("likes", b"x", -(2**63)), Add("likes", b"y", 2**63 - 1), Delete("notes", b"k"),
              Put("notes", b"l", b"")), ()),
            ((), (AppEvent("said", b"hello"), AppEvent("said", b"")))),
        ),
    ]  # fmt: skip
    call: Packed = ("a", b"")
    effect: Packed = (0, "notes", b"k", b"v")
    odd: list[tuple[str, Packed, str]] = [
        ("no array of three", ((), ()), "wrong-shape"),
        ("calls and effects differ in number", ((call,), (), ()), "wrong-shape"),
        ("call without arguments", ((("a",),), ((),), ((),)), "wrong-shape"),
        ("method is no text", (((b"a", b""),), ((),), ((),)), "wrong-shape"),
        ("method too long", ((("a" * 65, b""),), ((),), ((),)), "oversized"),
        ("too many calls", ((call,) * 257, ((),) * 257, ((),) * 257), "oversized"),
        ("effect of no kind", ((call,), (((3, "notes", b"k", b"v"),),), ((),)), "wrong-shape"),
        ("put without a value", ((call,), (((0, "notes", b"k"),),), ((),)), "wrong-shape"),
        ("delete with a value", ((call,), (((1, "notes", b"k", b"v"),),), ((),)), "wrong-shape"),
        ("add of 2^63", ((call,), (((2, "likes", b"k", 2**63),),), ((),)), "wrong-shape"),
        ("key too long", ((call,), (((1, "notes", bytes(1025)),),), ((),)), "oversized"),
        ("effects not sorted", ((call,), (((1, "notes", b"l"), effect),), ((),)), "wrong-shape"),
        ("entry twice in a call", ((call,), ((effect, effect),), ((),)), "wrong-shape"),
        ("event without data", ((call,), ((),), ((("said",),),)), "wrong-shape"),
    ]
    return Vectors(
        "encoded: the plain payload; hash: as it stands in the header. payload: its fields.",
        tuple(
            case(f"payload {name}", encoded=encode_payload(p), hash=payload_hash(encode_payload(p)),
                 payload=shown(unpack(encode_payload(p), _SIZE_MAX)))
            for name, p in some
        ),
        tuple(case(name, encoded=pack(v), code=code) for name, v, code in odd),
    )  # fmt: skip


def deltas() -> Vectors:
    """Frames of deltas; what their cut allows is in admissibility."""
    history = History(FOUNDING)
    first = history.write(ANN, (), [Put("notes", b"k", b"v")])
    admit = history.write(ANN, (first.id,), governance=(CARA.admit(CONTEXT),))
    ben = history.write(BEN, (), [Add("likes", b"k", 1)], [Delete("notes", b"k")])
    cara = history.write(CARA, (admit.id, ben.id), [Put("profiles", CARA.member_id, b"c")])
    merge = history.write(ANN, (cara.id,), governance=(Merge(),))
    valid = [
        _delta("first of a founder", first, ANN), _delta("admission", admit, ANN),
        _delta("two calls", ben, BEN), _delta("two parents", cara, CARA),
        _delta("merge", merge, ANN),
    ]  # fmt: skip
    return Vectors(
        "frame: the delta in the context given; seed: the author's secret. The signature is "
        "Ed25519 over message. core: the first eleven fields of the header.",
        tuple(valid),
        (*_bad_frames(first), *_bad_headers(cara), *_bad_signatures(first)),
    )


def _delta(name: str, delta: Delta, author: Identity) -> Case:
    header = unpack(delta.header, _SIZE_MAX)
    return case(
        name, context=CONTEXT, frame=delta.frame, id=delta.id, signature=delta.signature,
        seed=sha256(f"device {author.name} first".encode()), key=bytes(author.device),
        message=signing_message(Tag.DELTA, CONTEXT, delta.header), header=delta.header,
        payload=delta.sealed, core=shown(header[:11]), payload_hash=payload_hash(delta.sealed),
    )  # fmt: skip


def _bad_frames(delta: Delta) -> list[Case]:
    good = unpack(delta.frame, _SIZE_MAX)
    changes: list[tuple[str, int, Packed, str]] = [
        ("newer version", 0, 2, "unknown-version"),
        ("version is no number", 0, "1", "wrong-shape"),
        ("version is true", 0, True, "wrong-shape"),
        ("header is an array", 1, unpack(delta.header, _SIZE_MAX), "wrong-shape"),
        ("header too large", 1, bytes(65_537), "oversized"),
        ("too many elements", 1, (None,) * limits.ELEMENTS_MAX, "oversized"),
        ("header of the future", 1, pack((2, 0)), "unknown-version"),
        ("short signature", 2, bytes(63), "wrong-shape"),
        ("another payload", 3, pack(((), (), ())), "wrong-payload"),
        ("no payload", 3, b"", "wrong-payload"),
    ]
    made = [_refused(n, pack(replaced(good, place, v)), code) for n, place, v, code in changes]
    return [
        *made,
        _refused("newer version, then what is no form of this one", b"\x92\x02\x80", _NEWER),
        _refused("a field too many", pack((*good, 0)), "wrong-shape"),
        _refused("cut off", delta.frame[:-1], "malformed"),
        _refused("something after the end", delta.frame + b"\x00", "malformed"),
        _refused("longer length", b"\xdc\x00\x04" + delta.frame[1:], "non-canonical"),
    ]


def _bad_headers(delta: Delta) -> list[Case]:
    good = unpack(delta.header, _SIZE_MAX)
    parents = good[4]
    assert isinstance(parents, tuple)
    changes: list[tuple[str, int, Packed, str]] = [
        ("short author", 1, bytes(31), "wrong-shape"),
        ("sequence 0", 2, 0, "wrong-shape"),
        ("second without a previous", 2, 2, "wrong-shape"),
        ("first with a previous", 3, bytes(32), "wrong-shape"),
        ("parents not sorted", 4, tuple(reversed(parents)), "wrong-shape"),
        ("parent twice", 4, (parents[0], parents[0]), "wrong-shape"),
        ("33 parents", 4, tuple(bytes((n,)) * 32 for n in range(33)), "oversized"),
        ("33 governance heads", 5, tuple(bytes((n,)) * 32 for n in range(33)), "oversized"),
        ("negative time", 6, -1, "wrong-shape"),
        ("release is no content address", 7, bytes(36), "wrong-shape"),
        ("short epoch", 8, (bytes(31),), "wrong-shape"),
        ("negative fuel", 9, (-1,), "wrong-shape"),
        ("governance of the future", 10, ((99, b"x"),), "unknown-version"),
        ("too many elements in a header", 10,
         ((99, (0,) * limits.DELTA_HEADER_ELEMENTS_MAX),), "oversized"),
        ("merge with something", 10, ((1, 1),), "wrong-shape"),
        ("admission without a join", 10, ((2, ()),), "wrong-shape"),
        ("short hash of the payload", 11, bytes(31), "wrong-shape"),
    ]  # fmt: skip
    made = []
    for name, place, value, code in changes:
        header = pack(replaced(good, place, value))
        made.append(_refused(name, pack((1, header, bytes(64), delta.sealed)), code))
    return made


def _bad_signatures(delta: Delta) -> list[Case]:
    elsewhere = History(found(ANN)).write(ANN, (), [Put("notes", b"k", b"v")])
    flipped = bytes((delta.signature[0] ^ 1,)) + delta.signature[1:]
    return [
        _refused("signature changed", pack((1, delta.header, flipped, delta.sealed)),
                 "bad-signature"),
        _refused("signed for another context", elsewhere.frame, "bad-signature"),
    ]  # fmt: skip


def _refused(name: str, frame: bytes, code: str) -> Case:
    return case(name, context=CONTEXT, frame=frame, code=code)


def _announcement(*heads: Head, unix_ms: int = START_MS) -> Announcement:
    return Announcement(
        device=ANN.device, peer=PeerId("12D3KooWBmwkafWE2fqfzS96VoTZgpGp6aJsF4N6aPBTnCLTMhp9"),
        count=12, frontier_digest=Digest(sha256(b"frontier")),
        state_digest=Digest(sha256(b"state")), heads=heads, unix_ms=unix_ms,
    )  # fmt: skip


def announcements() -> Vectors:
    """What devices say they hold."""
    low, high = DeltaId(bytes(32)), DeltaId(b"\xff" * 32)
    heads = (Head(BEN.device, Tip(7, low)), Head(ANN.device, Tip(2, high)))
    some = [
        ("of nothing", _announcement(unix_ms=0)), ("of two heads", _announcement(*heads)),
        ("at the last time", _announcement(heads[0], unix_ms=2**64 - 1)),
    ]  # fmt: skip
    body, signature = unpack(encode_announcement(CONTEXT, some[1][1], ANN.signer), 8192)
    assert isinstance(body, bytes)
    fields = unpack(body, 8192)
    many = tuple((bytes(32), 1, bytes((n,)) * 32) for n in range(33))
    assert isinstance(fields[6], tuple)
    unsorted = fields[6][::-1]
    changes: list[tuple[str, int, Packed, str]] = [
        ("newer version", 0, 2, "unknown-version"), ("short device", 1, bytes(31), "wrong-shape"),
        ("peer too long", 2, "x" * 129, "oversized"), ("negative count", 3, -1, "wrong-shape"),
        ("no peer", 2, "", "wrong-shape"), ("peer that rings", 2, "12D3\x07", "wrong-shape"),
        ("short digest", 4, bytes(31), "wrong-shape"), ("too many heads", 6, many, "oversized"),
        ("heads not sorted", 6, unsorted, "wrong-shape"),
        ("time is no number", 7, None, "wrong-shape"), ("another time", 7, 1, "bad-signature"),
    ]  # fmt: skip
    invalid = [
        case(name, context=CONTEXT, frame=pack((pack(replaced(fields, place, v)), signature)),
             code=code)
        for name, place, v, code in changes
    ]  # fmt: skip
    other = encode_announcement(found(ANN).context, some[1][1], ANN.signer)
    invalid.append(case("for another context", context=CONTEXT, frame=other, code="bad-signature"))
    return Vectors(
        "frame: [body, signature] in the context given. body: its fields.",
        tuple(
            case(f"announcement {name}", context=CONTEXT, body=_body(a),
                 frame=encode_announcement(CONTEXT, a, ANN.signer))
            for name, a in some
        ),
        tuple(invalid),
    )  # fmt: skip


def _body(announcement: Announcement) -> Json:
    (body, _) = unpack(encode_announcement(CONTEXT, announcement, ANN.signer), 8192)
    assert isinstance(body, bytes)
    return shown(unpack(body, 8192))


def gossip() -> Vectors:
    """What is in an envelope."""
    delta = History(FOUNDING).write(ANN, (), [Put("notes", b"k", b"v")]).frame
    announced = encode_announcement(CONTEXT, _announcement(), ANN.signer)
    packed = zlib.compress(delta, 9)
    some = [
        ("delta", 1, pack_gossip(GOSSIP_DELTA, delta), delta),
        ("delta compressed as far as it goes", 1, pack((1, packed)), delta),
        ("delta stored", 1, pack((1, zlib.compress(delta, 0))), delta),
        ("announcement", 2, pack_gossip(GOSSIP_ANNOUNCEMENT, announced), announced),
    ]  # fmt: skip
    wrong: list[tuple[str, Packed, str]] = [
        ("delta that is not compressed", (1, delta), "malformed"),
        ("delta cut short", (1, packed[:-1]), "malformed"),
        ("delta followed by more", (1, packed + b"\x00"), "malformed"),
        ("delta with another checksum", (1, packed[:-1] + bytes((packed[-1] ^ 1,))), "malformed"),
        ("nothing", (1, b""), "malformed"),
        ("one byte too large", (1, zlib.compress(bytes(limits.GOSSIP_FRAME_BYTES_MAX + 1))),
         "oversized"),
        ("another kind", (3, packed), "unknown-version"),
        ("kind of nothing", (0, packed), "wrong-shape"),
        ("kind is no number", ("delta", packed), "wrong-shape"),
        ("no bytes", (1, "delta"), "wrong-shape"), ("one field", (1,), "wrong-shape"),
        ("three fields", (1, packed, 1), "wrong-shape"),
    ]  # fmt: skip
    return Vectors(
        "frame: what is in an envelope; content: the frame of the delta or announcement. Other "
        "bytes of zlib with the same content are as good.",
        tuple(case(name, frame=f, kind=k, content=c) for name, k, f, c in some),
        (*(case(name, frame=pack(f), code=code) for name, f, code in wrong),
         case("another kind, then what is no form of this one", frame=b"\x92\x03\x80",
              code=_NEWER)),
    )  # fmt: skip


def envelopes() -> Vectors:
    """Frames as they are on the topic."""
    key, nonce = topic_key(CONTEXT), sha256(b"nonce")[:24]
    delta = History(FOUNDING).write(ANN, (), [Put("notes", b"k", b"v")])
    frames = [("of a delta", pack_gossip(GOSSIP_DELTA, delta.frame)), ("of nothing", b"")]
    announced = encode_announcement(CONTEXT, _announcement(), ANN.signer)
    frames.append(("of an announcement", pack_gossip(GOSSIP_ANNOUNCEMENT, announced)))
    good = seal_envelope(key, nonce, frames[0][1])
    changed = [
        ("nothing", b"", "truncated"),
        ("version alone", b"\x01", "truncated"),
        ("another version", b"\x02" + good[1:], "unknown-version"),
        ("half a nonce", good[:12], "truncated"),
        ("no ciphertext", good[:25], "truncated"),
        ("less ciphertext than a tag", good[:40], "truncated"),
        ("cut off", good[:-1], "bad-envelope"),
        ("nonce changed", good[:1] + b"\x00" + good[2:], "bad-envelope"),
        ("ciphertext changed", good[:30] + bytes((good[30] ^ 1,)) + good[31:], "bad-envelope"),
        ("for another context", seal_envelope(topic_key(found(ANN).context), nonce, b"x"),
         "bad-envelope"),
    ]  # fmt: skip
    return Vectors(
        "envelope: the frame sealed under key (of the context given) with nonce.",
        tuple(
            case(f"envelope {name}", context=CONTEXT, key=key, nonce=nonce, frame=f,
                 envelope=seal_envelope(key, nonce, f))
            for name, f in frames
        ),
        tuple(case(name, context=CONTEXT, envelope=e, code=code) for name, e, code in changed),
    )  # fmt: skip
