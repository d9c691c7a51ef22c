"""Vectors of encoding, hashes, signatures, names, frontiers and set hashes."""

from __future__ import annotations

from covey.codec import (
    Packed,
    application_id,
    cid_of,
    cid_text,
    dht_key,
    did_text,
    encode_frontier,
    frontier_digest,
    pack,
    topic_key,
    topic_text,
)
from covey.crypto import LtHash, SeededStream, Signer, Tag, call_seed, sha256, tagged_hash
from covey.model import Call, DeltaId, DeviceId, Tip
from covey.testkit.history import lane_sum
from covey.testkit.identities import found, identity
from covey.testkit.vectors.form import Case, Vectors, case, shown

__all__ = ["encoding", "frontiers", "hashing", "identifiers", "lthash"]

CONTEXT = found(identity("ann")).context
_VALUES: tuple[Packed, ...] = (
    (), (None, False, True), (0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1),
    (-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**63)),
    (b"", b"\x00", bytes(255), bytes(256)), ("", "a", "\u00e9\u20ac\U0001d11e", "x" * 31, "x" * 32),
    ((), ((1,), (2, (3,)))), tuple(range(16)),
)  # fmt: skip
_WRONG = (
    ("nothing", "", "malformed"),
    ("ends early", "9301", "malformed"),
    ("something after the end", "9000", "malformed"),
    ("a type that does not exist", "91c1", "malformed"),
    ("text that is no UTF-8", "91a1ff", "malformed"),
    ("a length beyond the end", "91c6ffffffff00", "malformed"),
    ("deeper than any object", "91" * 2_000 + "90", "malformed"),
    ("integer in two bytes that fits one", "91cc01", "non-canonical"),
    ("positive integer as a signed one", "91d001", "non-canonical"),
    ("integer in eight bytes that fits one", "91cf0000000000000001", "non-canonical"),
    ("negative integer in two bytes that fits one", "91d0ff", "non-canonical"),
    ("text with a longer length", "91d90161", "non-canonical"),
    ("bytes with a longer length", "91c5000100", "non-canonical"),
    ("array with a longer length", "dc000101", "non-canonical"),
    ("array with the longest length", "dd0000000101", "non-canonical"),
    ("a number alone", "01", "wrong-shape"),
    ("a map", "80", "malformed"),
    ("a map inside", "9181a16101", "malformed"),
    ("an extension", "91d40100", "malformed"),
    ("bytes alone", "c40100", "wrong-shape"),
)


def encoding() -> Vectors:
    """Frames in general."""
    return Vectors(
        'value: {"int": decimal}, {"bin": hex}, text, true, false, null or an array. '
        "encoded: its one encoding. Every valid value is an array; limit 4,194,304 bytes.",
        tuple(
            case(f"value {n}", value=shown(value), encoded=pack(value))
            for n, value in enumerate(_VALUES)
        ),
        tuple(case(name, encoded=frame, code=code) for name, frame, code in _WRONG),
    )


# RFC 8032, section 7.1, tests 1 to 3: seed, message, signature.
_RFC_8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
_GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
# The points of small order, as libsodium lists them.
SMALL_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


def hashing() -> Vectors:
    """Tagged hashes, seeds, streams, signatures."""
    parts: tuple[Packed, ...] = (CONTEXT, 7, None, "text", (b"a", 1))
    hashes = [
        case(f"hash with the tag {tag.decode()}", tag=tag.decode(), parts=shown(parts),
             hash=tagged_hash(tag, CONTEXT, 7, None, "text", (b"a", 1)))
        for tag in (Tag.DELTA, Tag.PAYLOAD, Tag.SEED)
    ]  # fmt: skip
    seed = call_seed(CONTEXT, DeviceId(bytes(32)), 2, DeltaId(bytes(32)), 3, Call("set", b"{}"))
    hashes.append(
        case(
            "seed of a call", context=CONTEXT, author=bytes(32), sequence=2, previous=bytes(32),
            index=3, method="set", arguments=b"{}", seed=seed, random=SeededStream(seed).take(40),
        )
    )  # fmt: skip
    valid = [_signed(f"RFC 8032, test {n + 1}", *row) for n, row in enumerate(_RFC_8032)]
    return Vectors(
        "hash = SHA-256(length of tag in one byte, tag, encoding of the array of parts). "
        "signatures: Ed25519, checked by libsodium's rules (canonical S, no small order).",
        (*hashes, *valid),
        tuple(_bad_signatures()),
    )


def _signed(name: str, seed: str, message: str, signature: str) -> Case:
    return {
        "name": name, "seed": seed, "key": Signer.from_seed(bytes.fromhex(seed)).public.hex(),
        "message": message, "signature": signature,
    }  # fmt: skip


def _bad_signatures() -> list[Case]:
    seed, message, good = _RFC_8032[1]
    key = Signer.from_seed(bytes.fromhex(seed)).public.hex()
    scalar = int.from_bytes(bytes.fromhex(good)[32:], "little") + _GROUP_ORDER
    forms = [
        ("another message", key, "73", good),
        ("another key", "00" * 31 + "01", message, good),
        ("first half changed", key, message, "93" + good[2:]),
        ("second half changed", key, message, good[:64] + "09" + good[66:]),
        ("too short", key, message, good[:126]),
        ("too long", key, message, good + "00"),
        ("S beyond the group order", key, message, good[:64] + scalar.to_bytes(32, "little").hex()),
    ]
    # With a point of small order as key and R, S = 0 satisfies the bare equation.
    forms += [
        (f"key and R of small order {n}", point, message, point + "00" * 32)
        for n, point in enumerate(SMALL_ORDER)
    ]
    return [
        {"name": name, "key": k, "message": m, "signature": s, "code": "bad-signature"}
        for name, k, m, s in forms
    ]


def identifiers() -> Vectors:
    """Names of keys, contents, contexts and applications."""
    ann = identity("ann")
    topic = topic_text(CONTEXT)
    cid, did = cid_text(cid_of(b"content")), did_text(ann.member_id)
    valid = [
        case("content address", kind="cid", content=b"content", bytes=cid_of(b"content"), text=cid),
        case("content address of nothing", kind="cid", content=b"", bytes=cid_of(b""),
             text=cid_text(cid_of(b""))),
        case("key of a member", kind="did", key=bytes(ann.member_id), text=did),
        case("key of a device", kind="did", key=bytes(ann.device), text=did_text(ann.device)),
        case("topic", kind="topic", context=CONTEXT, text=topic),
        case("key of the gossip envelope", kind="topic-key", context=CONTEXT,
             key=topic_key(CONTEXT)),
        case("provider key", kind="dht", topic=topic, unix_s=1_750_000_000,
             key=dht_key(topic, 1_750_000_000)),
        case("provider key of the next day", kind="dht", topic=topic, unix_s=1_750_000_000 + 86_400,
             key=dht_key(topic, 1_750_000_000, 1)),
        case("last second of a day", kind="dht", topic=topic, unix_s=86_399,
             key=dht_key(topic, 86_399)),
        case("application", kind="application", publisher=bytes(ann.member_id), package="example",
             id=application_id(bytes(ann.member_id), "example")),
    ]  # fmt: skip
    wrong = [
        ("cid", "upper case", cid.upper()), ("cid", "another base", "z" + cid[1:]),
        ("cid", "dag-pb, not raw", cid_text(b"\x01\x70" + cid_of(b"content")[2:])),
        ("cid", "version 0", "Qm" + "a" * 44), ("cid", "one character short", cid[:-1]),
        ("cid", "bits beyond the end", cid[:-1] + "b"), ("cid", "nothing", ""),
        ("did", "without its prefix", did[8:]), ("did", "another kind of key", did_text(bytes(31))),
        ("did", "a letter base58 has not", did[:-1] + "0"), ("did", "padded", did + " "),
        ("topic", "another prefix", "/covey/2/" + topic[9:]), ("topic", "short", topic[:-2]),
        ("topic", "upper case", "/covey/1/" + topic[9:].upper()),
        ("topic", "bits beyond the end", topic[:-1] + _next_letter(topic[-1])),
    ]  # fmt: skip
    return Vectors(
        "text: the only spelling of a name. Texts come from people, so a wrong one is a usage "
        "error and no protocol violation: its code is `usage`.",
        tuple(valid),
        tuple(case(f"{kind}: {n}", kind=kind, text=text, code="usage") for kind, n, text in wrong),
    )


def _next_letter(letter: str) -> str:
    # The last character of 52 carries one bit of the hash: the letter after it has spare bits set.
    return chr(ord(letter) + 1)


def frontiers() -> Vectors:
    """Frontiers and their digests."""
    low, high = DeviceId(bytes(32)), DeviceId(b"\xff" * 32)
    one, two = DeltaId(sha256(b"one")), DeltaId(sha256(b"two"))
    first, second = sorted((one, two))
    some: list[tuple[str, dict[DeviceId, tuple[Tip, ...]]]] = [
        ("of nothing", {}),
        ("of one delta", {high: (Tip(1, one),)}),
        ("of two devices", {low: (Tip(2**63 - 1, one),), high: (Tip(3, two),)}),
        ("with a fork", {high: (Tip(4, first), Tip(4, second))}),
        ("with branches of two lengths", {high: (Tip(4, second), Tip(9, first))}),
    ]
    wrong: list[tuple[str, Packed, str]] = [
        ("devices not sorted", ((high, ((1, one),)), (low, ((1, two),))), "wrong-shape"),
        ("device twice", ((high, ((1, one),)), (high, ((2, two),))), "wrong-shape"),
        ("tips not sorted", ((high, ((4, second), (4, first))),), "wrong-shape"),
        ("tip twice", ((high, ((4, one), (4, one))),), "wrong-shape"),
        ("device without tips", ((high, ()),), "wrong-shape"),
        ("sequence 0", ((high, ((0, one),)),), "wrong-shape"),
        ("sequence beyond 63 bits", ((high, ((2**63, one),)),), "wrong-shape"),
        ("short id", ((high, ((1, one[:31]),)),), "wrong-shape"),
        ("short device", ((high[:31], ((1, one),)),), "wrong-shape"),
    ]
    return Vectors(
        "frontier: [[device, [[sequence, id], ...]], ...]. digest: in the context given.",
        tuple(
            case(f"frontier {name}", context=CONTEXT, encoded=encode_frontier(f),
                 digest=frontier_digest(CONTEXT, f),
                 frontier=[[d.hex(), [[t.sequence, t.id.hex()] for t in f[d]]] for d in sorted(f)])
            for name, f in some
        ),
        tuple(case(name, encoded=pack(v), code=code) for name, v, code in wrong),
    )  # fmt: skip


def lthash() -> Vectors:
    """Sums of elements; nothing that is added can be invalid."""
    a, b, c = b"one element", b"", bytes(100)
    steps: list[tuple[str, list[bytes], list[bytes]]] = [
        ("nothing", [], []), ("one element", [a], []), ("two elements", [a, b], []),
        ("one element twice", [a, a], []), ("one of two taken out", [a, b], [b]),
        ("all taken out", [a, b, c], [c, a, b]), ("taken out before it came in", [b], [a]),
    ]  # fmt: skip
    cases = []
    for name, added, taken in steps:
        total = LtHash()
        for element in added:
            total.add(element)
        for element in taken:
            total.subtract(element)
        if not taken:
            assert total.accumulator() == lane_sum(added)
        cases.append(
            case(name, added=[e.hex() for e in added], taken=[e.hex() for e in taken],
                 accumulator=total.accumulator())
        )  # fmt: skip
    return Vectors(
        "accumulator: 1,024 lanes of 16 bits, big-endian, after all elements of `added` were "
        "added and those of `taken` subtracted, from all zeros.",
        tuple(cases),
        (),
    )
