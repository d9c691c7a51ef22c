"""Every vector of an object, held against the code and, where possible, plain libraries."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest

from covey.codec import (
    DeltasFrame,
    Head,
    application_id,
    certificate_of,
    certificate_packed,
    charter_id,
    cid_of,
    cid_text,
    decode_announcement,
    decode_charter,
    decode_delta,
    decode_frame,
    decode_frontier,
    decode_payload,
    dht_key,
    did_text,
    encode_announcement,
    encode_charter,
    encode_frame,
    encode_frontier,
    encode_payload,
    fingerprint,
    frontier_digest,
    is_certificate_valid,
    is_delta_signed,
    is_join_valid,
    join_of,
    join_packed,
    make_delta,
    open_batch,
    open_gossip,
    pack,
    pack_batch,
    parse_cid,
    parse_did,
    parse_topic,
    topic_key,
    topic_text,
    unpack,
)
from covey.crypto import (
    LtHash,
    SeededStream,
    Signer,
    call_seed,
    is_signed,
    open_envelope,
    seal_envelope,
    tagged_hash,
)
from covey.errors import ConfigError, ProtocolViolation
from covey.model import Call, Tip
from covey.testkit.identities import identity
from tests.vectors.files import hashed, invalid, message, packed, valid, value_of

SIZE_MAX = 4 * 1024 * 1024
raw = bytes.fromhex


def code_of(decode, *arguments) -> str:
    """The code with which something is refused."""
    with pytest.raises(ProtocolViolation) as caught:
        decode(*arguments)
    return caught.value.code


# -- primitives ------------------------------------------------------------------------------


@valid("encoding")
def test_value_has_this_encoding(case):
    """One value, one encoding."""
    value = value_of(case["value"])
    assert pack(value).hex() == packed(*value).hex() == case["encoded"]
    assert unpack(raw(case["encoded"]), SIZE_MAX) == value


@invalid("encoding")
def test_frame_is_no_encoding(case):
    """Refused before anything looks at it."""
    assert code_of(unpack, raw(case["encoded"]), SIZE_MAX) == case["code"]


@valid("hashing")
def test_hash_seed_or_signature(case):
    """The kinds are told apart by their fields."""
    if "hash" in case:
        parts = value_of(case["parts"])
        assert tagged_hash(case["tag"].encode(), *parts) == raw(case["hash"])
        assert hashed(case["tag"], *parts) == raw(case["hash"])
    elif "index" in case:
        context, author, previous = raw(case["context"]), raw(case["author"]), raw(case["previous"])
        call = Call(case["method"], raw(case["arguments"]))
        seed = call_seed(context, author, case["sequence"], previous, case["index"], call)
        assert seed == raw(case["seed"])
        parts = (context, author, case["sequence"], previous, case["index"])
        assert hashed("covey/seed/1", *parts, (call.method, call.arguments)) == seed
        stream, random = SeededStream(seed), raw(case["random"])
        assert stream.take(7) + stream.take(33) == random
        assert hashlib.shake_256(seed).digest(40) == random
    else:
        signer = Signer.from_seed(raw(case["seed"]))
        assert signer.public == raw(case["key"])
        assert signer.sign(raw(case["message"])) == raw(case["signature"])
        assert is_signed(signer.public, raw(case["message"]), raw(case["signature"]))


@invalid("hashing")
def test_signature_is_refused(case):
    """Two libraries that disagree on one signature split a network."""
    assert case["code"] == "bad-signature"
    assert not is_signed(raw(case["key"]), raw(case["message"]), raw(case["signature"]))


@valid("identifiers")
def test_name_is_this(case):
    """Both ways where there are two."""
    match case["kind"]:
        case "cid":
            assert cid_of(raw(case["content"])) == raw(case["bytes"])
            assert raw(case["bytes"])[4:] == hashlib.sha256(raw(case["content"])).digest()
            assert cid_text(raw(case["bytes"])) == case["text"]
            assert parse_cid(case["text"]) == raw(case["bytes"])
        case "did":
            assert did_text(raw(case["key"])) == case["text"]
            assert parse_did(case["text"]) == raw(case["key"])
        case "topic":
            assert topic_text(raw(case["context"])) == case["text"]
            assert parse_topic(case["text"]) == hashed("covey/topic/1", raw(case["context"]))
        case "topic-key":
            assert topic_key(raw(case["context"])) == raw(case["key"])
            assert hashed("covey/topic-key/1", raw(case["context"])) == raw(case["key"])
        case "dht":
            assert dht_key(case["topic"], case["unix_s"]) == raw(case["key"])
            day = case["unix_s"] // 86_400
            assert hashed("covey/dht/1", case["topic"], day) == raw(case["key"])
        case "application":
            publisher = raw(case["publisher"])
            assert application_id(publisher, case["package"]) == raw(case["id"])
            assert hashed("covey/application/1", publisher, case["package"]) == raw(case["id"])
        case kind:
            raise AssertionError(kind)


@invalid("identifiers")
def test_text_names_nothing(case):
    """A name has one spelling."""
    parsers = {"cid": parse_cid, "did": parse_did, "topic": parse_topic}
    assert case["code"] == "usage"
    with pytest.raises(ConfigError):
        parsers[case["kind"]](case["text"])


@valid("lthash")
def test_sum_of_elements(case):
    """Lane by lane, and in the integers of the code."""
    total, lanes = LtHash(), [0] * 1024
    for sign, elements in ((1, case["added"]), (-1, case["taken"])):
        for element in map(raw, elements):
            (total.add if sign > 0 else total.subtract)(element)
            drawn = hashlib.shake_128(message("covey/element/1", element)).digest(2048)
            for place, lane in enumerate(struct.unpack(">1024H", drawn)):
                lanes[place] = (lanes[place] + sign * lane) % 65_536
    assert total.accumulator().hex() == case["accumulator"]
    assert struct.pack(">1024H", *lanes).hex() == case["accumulator"]


@valid("frontier")
def test_frontier_is_this(case):
    """Encoding and digest."""
    encoded, context = raw(case["encoded"]), raw(case["context"])
    frontier = decode_frontier(encoded)
    again = [[d.hex(), [[t.sequence, t.id.hex()] for t in tips]] for d, tips in frontier.items()]
    assert again == case["frontier"]
    assert encode_frontier(frontier) == encoded
    assert frontier_digest(context, frontier) == raw(case["digest"])
    assert hashed("covey/frontier/1", context, encoded) == raw(case["digest"])


@invalid("frontier")
def test_frontier_is_refused(case):
    """A cut has one name."""
    assert code_of(decode_frontier, raw(case["encoded"])) == case["code"]


# -- streams ---------------------------------------------------------------------------------


@valid("session")
def test_session_is_this(case):
    """Proofs from plain libraries; frames and batches there and back."""
    if case["kind"] == "proof":
        context, device = raw(case["context"]), raw(case["device"])
        nonces = raw(case["prover_nonce"]), raw(case["verifier_nonce"])
        transcript = hashed("covey/sync-proof/1", case["prover"], case["verifier"], *nonces)
        assert hmac.digest(context, transcript, "sha256").hex() == case["proof"]
        signed = message("covey/sync-auth/1", context, transcript)
        assert is_signed(device, signed, raw(case["signature"]))
    elif case["kind"] == "frame":
        packed_frame = raw(case["frame"])
        assert encode_frame(decode_frame(packed_frame)) == packed_frame
        assert pack(value_of(case["fields"])) == packed_frame
    elif case["kind"] == "batch":
        frame = decode_frame(raw(case["frame"]))
        assert frame == DeltasFrame(case["channel"], raw(case["batch"]))
        opened = open_batch(frame.batch, SIZE_MAX)
        assert [delta.hex() for delta in opened] == case["deltas"]
        assert open_batch(pack_batch(opened), SIZE_MAX) == opened
    else:
        tips = tuple(Tip(sequence, raw(delta)) for sequence, delta in case["tips"])
        device, plain = raw(case["device"]), tuple((tip.sequence, tip.id) for tip in tips)
        assert fingerprint(device, tips).to_bytes(6, "big").hex() == case["fingerprint"]
        assert hashed("covey/range/1", device, plain)[:6].hex() == case["fingerprint"]


@invalid("session")
def test_session_is_refused(case):
    """By the frame, or by what it carries."""
    if case["kind"] == "frame":
        assert code_of(decode_frame, raw(case["frame"])) == case["code"]
    else:
        assert code_of(open_batch, raw(case["batch"]), SIZE_MAX) == case["code"]


# -- founding --------------------------------------------------------------------------------


@valid("certificate")
def test_certificate_or_join_is_valid(case):
    """Signed by whom it must be, over these bytes."""
    parts = unpack(raw(case["certificate"]), SIZE_MAX)
    certificate = certificate_of(parts)
    assert pack(certificate_packed(certificate)) == raw(case["certificate"])
    assert is_certificate_valid(certificate)
    assert is_signed(parts[0], message("covey/device/1", packed(*parts[:3])), parts[3])
    if "join" in case:
        join, context = unpack(raw(case["join"]), SIZE_MAX), raw(case["context"])
        assert is_join_valid(context, certificate, join_of(join))
        assert pack(join_packed(join_of(join))) == raw(case["join"])
        asked = message("covey/join/1", packed(context, join[0], parts))
        assert is_signed(parts[1], asked, join[1])
        assert join[0] is None or is_signed(join[0], asked, join[2])


@invalid("certificate")
def test_certificate_or_join_is_refused(case):
    """By its shape, or by its signatures and keys."""
    parts = unpack(raw(case["certificate"]), SIZE_MAX)
    if case["code"] == "wrong-shape" and "join" not in case:
        assert code_of(certificate_of, parts) == "wrong-shape"
        return
    certificate = certificate_of(parts)
    if "join" not in case:
        assert case["code"] == "bad-certificate"
        assert not is_certificate_valid(certificate)
    elif case["code"] == "wrong-shape":
        assert code_of(join_of, unpack(raw(case["join"]), SIZE_MAX)) == "wrong-shape"
    else:
        join = join_of(unpack(raw(case["join"]), SIZE_MAX))
        assert case["code"] == "bad-join"
        assert not is_join_valid(raw(case["context"]), certificate, join)


@valid("charter")
def test_charter_is_this(case):
    """Its id is its content address."""
    encoded = raw(case["encoded"])
    charter = decode_charter(encoded)
    assert encode_charter(charter) == encoded == packed(*value_of(case["fields"]))
    assert charter_id(encoded) == raw(case["context"]) == cid_of(encoded)


@invalid("charter")
def test_charter_is_refused(case):
    """By every node alike."""
    assert code_of(decode_charter, raw(case["encoded"])) == case["code"]


# -- the wire --------------------------------------------------------------------------------


@valid("payload")
def test_payload_is_this(case):
    """Encoding and hash."""
    encoded = raw(case["encoded"])
    assert encode_payload(decode_payload(encoded)) == encoded
    assert packed(*value_of(case["payload"])) == encoded
    assert hashed("covey/payload/1", encoded) == raw(case["hash"])


@invalid("payload")
def test_payload_is_refused(case):
    """By every node alike."""
    assert code_of(decode_payload, raw(case["encoded"])) == case["code"]


@valid("delta")
def test_delta_is_this(case):
    """Frame, header, id and signature, each from its parts."""
    context = raw(case["context"])
    delta = decode_delta(context, raw(case["frame"]))
    assert is_delta_signed(context, delta)
    header = raw(case["header"])
    assert header == packed(*value_of(case["core"]), raw(case["payload_hash"])) == delta.header
    assert hashed("covey/payload/1", raw(case["payload"])) == raw(case["payload_hash"])
    assert hashed("covey/delta/1", context, header) == raw(case["id"]) == delta.id
    assert message("covey/delta/1", context, header) == raw(case["message"])
    assert packed(1, header, raw(case["signature"]), raw(case["payload"])) == raw(case["frame"])
    signer = Signer.from_seed(raw(case["seed"]))
    assert signer.public == raw(case["key"]) == delta.core.author
    assert make_delta(context, delta.core, delta.sealed, signer) == delta


@invalid("delta")
def test_delta_is_refused(case):
    """Without looking at any other delta."""
    context, frame = raw(case["context"]), raw(case["frame"])
    if case["code"] == "bad-signature":
        assert not is_delta_signed(context, decode_delta(context, frame))
    else:
        assert code_of(decode_delta, context, frame) == case["code"]


@valid("announcement")
def test_announcement_is_this(case):
    """Body and signature."""
    context, frame = raw(case["context"]), raw(case["frame"])
    announcement = decode_announcement(context, frame)
    body, signature = unpack(frame, SIZE_MAX)
    fields = value_of(case["body"])
    assert body == packed(*fields)
    assert is_signed(fields[1], message("covey/announcement/1", context, body), signature)
    heads = tuple((h.device, h.tip.sequence, h.tip.id) for h in announcement.heads)
    assert all(isinstance(head, Head) for head in announcement.heads)
    assert fields == (
        1, announcement.device, announcement.peer, announcement.count,
        announcement.frontier_digest, announcement.state_digest, heads, announcement.unix_ms,
    )  # fmt: skip
    assert encode_announcement(context, announcement, identity("ann").signer) == frame


@invalid("announcement")
def test_announcement_is_refused(case):
    """Nobody speaks for another device."""
    assert code_of(decode_announcement, raw(case["context"]), raw(case["frame"])) == case["code"]


@valid("gossip")
def test_gossip_frame_holds_this(case):
    """However well it is compressed."""
    assert open_gossip(raw(case["frame"])) == (case["kind"], raw(case["content"]))


@invalid("gossip")
def test_gossip_frame_is_refused(case):
    """Before a delta is looked at."""
    assert code_of(open_gossip, raw(case["frame"])) == case["code"]


@valid("envelope")
def test_envelope_is_this(case):
    """Sealed and opened."""
    key, nonce, frame = raw(case["key"]), raw(case["nonce"]), raw(case["frame"])
    assert key == topic_key(raw(case["context"]))
    assert seal_envelope(key, nonce, frame) == raw(case["envelope"])
    assert open_envelope(key, raw(case["envelope"])) == frame


@invalid("envelope")
def test_envelope_does_not_open(case):
    """Who does not know the context id can make none."""
    key = topic_key(raw(case["context"]))
    assert code_of(open_envelope, key, raw(case["envelope"])) == case["code"]
