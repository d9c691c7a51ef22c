"""Vectors of the stream between two peers: proofs, frames, batches and fingerprints."""

from __future__ import annotations

import zlib

from covey.codec import (
    Credit,
    DeltasFrame,
    DeviceRange,
    DigestFrame,
    FrontierFrame,
    Hello,
    Know,
    KnownPeer,
    Listing,
    ListingFrame,
    Member,
    Packed,
    Parts,
    PartsFrame,
    PeersTold,
    PeersWant,
    ShareFrame,
    SyncFrame,
    Want,
    encode_frame,
    fingerprint,
    pack,
    peer_id_text,
    unpack,
)
from covey.crypto import Greeting, device_proof_message, knowledge_proof, sha256
from covey.model import DeltaId, DeviceId, Digest, PeerId, Signature, Tip, limits
from covey.testkit.identities import identity
from covey.testkit.vectors.form import Case, Vectors, case, shown
from covey.testkit.vectors.primitives import CONTEXT

__all__ = ["sessions"]

_LOW, _HIGH = DeviceId(bytes(32)), DeviceId(b"\xff" * 32)
_ONE = (Tip(1, DeltaId(sha256(b"one"))),)
_PEER = peer_id_text(bytes(31) + b"\x01")
_ADDRESSES = ("/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::1/tcp/65535")
_FORKED = tuple(sorted((Tip(4, DeltaId(sha256(b"two"))), Tip(4, DeltaId(sha256(b"three"))))))


def sessions() -> Vectors:
    """Proofs, frames, batches, fingerprints."""
    return Vectors(
        "kind proof: the HMAC and the device signature of a prover towards a verifier. kind frame: "
        "a frame and what it decodes to. kind batch: the body of a `deltas` frame and the deltas "
        "in it (one is opened by what it holds, not by how it was compressed). kind fingerprint: "
        "of one device in a range.",
        (*_proofs(), *_frames(), *_batches(), *_fingerprints()),
        (*_wrong_frames(), *_wrong_batches()),
    )


def _proofs() -> tuple[Case, ...]:
    greeting = Greeting(PeerId("12D3KooWa"), PeerId("12D3KooWb"), b"p" * 32, b"v" * 32)
    alice = identity("alice")
    return tuple(
        case(
            name,
            kind="proof",
            context=CONTEXT,
            prover=each.prover,
            verifier=each.verifier,
            prover_nonce=each.prover_nonce,
            verifier_nonce=each.verifier_nonce,
            proof=knowledge_proof(CONTEXT, each),
            device=alice.device,
            signature=alice.signer.sign(device_proof_message(CONTEXT, each)),
        )
        for name, each in (
            ("who opened the stream", greeting),
            ("who accepted it", greeting.reversed()),
        )
    )


def _frames() -> tuple[Case, ...]:
    digest = Digest(sha256(b"frontier"))
    parts = Parts(DeviceRange(0, 0), tuple(range(1, 5)))
    deep = Parts(DeviceRange(4, 15), (2**48 - 1, 0))
    frames: tuple[tuple[str, SyncFrame], ...] = (
        ("hello", Hello(1, b"n" * 32)),
        ("know", Know(1, sha256(b"proof"))),
        ("member", Member(1, _LOW, Signature(bytes(64)))),
        ("digest", DigestFrame(1, digest, Digest(sha256(b"state")))),
        ("frontier", FrontierFrame(1, {_LOW: _ONE, _HIGH: _FORKED}, digest)),
        ("credit", Credit(2**32, 2_097_152)),
        ("want", Want(1, (_ONE[0].id,))),
        ("ranges", PartsFrame(1, (parts,))),
        ("ranges, deeper", PartsFrame(1, (deep,))),
        ("listing", ListingFrame(1, is_answer=False, several=(Listing(DeviceRange(1, 1), {}),))),
        (
            "listing, an answer",
            ListingFrame(1, is_answer=True, several=(Listing(DeviceRange(0, 0), {_HIGH: _ONE}),)),
        ),
        ("share", ShareFrame(1, 2, 3)),
        ("peers wanted", PeersWant(1)),
        ("peers, none", PeersTold(1, ())),
        ("peers", PeersTold(1, (KnownPeer(_PEER, _ADDRESSES),))),
    )
    return tuple(
        case(name, kind="frame", frame=packed, fields=shown(unpack(packed, len(packed))))
        for name, packed in ((name, encode_frame(frame)) for name, frame in frames)
    )


def _wrong_frames() -> tuple[Case, ...]:
    fps = bytes(12)
    frames: tuple[tuple[str, Packed, str], ...] = (
        ("no kind", (), "wrong-shape"),
        ("kind 20", (20, 1), "unknown-version"),
        ("hello with a short nonce", (1, 1, bytes(31)), "wrong-shape"),
        ("a field too many", (7, 1, 5, 5), "wrong-shape"),
        ("a channel that is negative", (7, -1, 5), "wrong-shape"),
        ("credit of nothing", (7, 1, 0), "wrong-shape"),
        ("too many ids", (8, 1, (bytes(32),) * (limits.ASK_IDS_MAX + 1)), "oversized"),
        ("no range", (15, 1, ()), "wrong-shape"),
        ("one part", (15, 1, ((0, 0, bytes(6)),)), "wrong-shape"),
        ("three parts", (15, 1, ((0, 0, bytes(18)),)), "wrong-shape"),
        ("half a fingerprint", (15, 1, ((0, 0, bytes(15)),)), "wrong-shape"),
        ("more bits than 32", (15, 1, ((32, 0, fps),)), "wrong-shape"),
        ("a prefix beyond its bits", (15, 1, ((1, 2, fps),)), "wrong-shape"),
        ("ranges not ascending", (15, 1, ((1, 1, fps), (1, 0, fps))), "wrong-shape"),
        ("ranges that overlap", (15, 1, ((0, 0, fps), (1, 1, fps))), "wrong-shape"),
        ("a listing without a range", (16, 1, 0, ()), "wrong-shape"),
        (
            "a listing of a device outside its range",
            (16, 1, 0, ((1, 0, ((_HIGH, ((1, _ONE[0].id),)),)),)),
            "wrong-shape",
        ),
        ("an answer that is neither", (16, 1, 2, ((0, 0, ()),)), "wrong-shape"),
        ("a share of none", (17, 1, 0, 0), "wrong-shape"),
        ("a share beyond the count", (17, 1, 3, 3), "wrong-shape"),
        *_wrong_peers(),
        ("too many shares", (17, 1, 0, limits.SYNC_SOURCES_MAX + 1), "wrong-shape"),
        ("too many elements", (7, 1, (None,) * limits.ELEMENTS_MAX), "oversized"),
    )
    newer = "kind 20, then what is no form of this version"
    return (
        *(case(name, kind="frame", frame=pack(frame), code=code) for name, frame, code in frames),
        case(newer, kind="frame", frame=b"\x92\x14\x80", code="unknown-version"),
    )


def _wrong_peers() -> tuple[tuple[str, Packed, str], ...]:
    """Frames that tell peers as nobody may."""
    other = peer_id_text(bytes(31) + b"\x02")
    many = tuple(
        (peer_id_text(number.to_bytes(32, "big")), _ADDRESSES)
        for number in range(limits.SYNC_PEERS_MAX + 1)
    )
    several = limits.SYNC_PEER_ADDRESSES_MAX + 1
    wrong: tuple[tuple[str, Packed, str], ...] = (
        ("a peer twice", ((_PEER, _ADDRESSES), (_PEER, _ADDRESSES)), "wrong-shape"),
        ("a peer that is no peer id", (("bob", _ADDRESSES),), "wrong-shape"),
        ("a peer without an address", ((_PEER, ()),), "wrong-shape"),
        ("too many peers", many, "oversized"),
        ("too many addresses", ((other, _ADDRESSES[:1] * several),), "oversized"),
    )
    addresses = {
        "an address with a name": "/dns4/example.org/tcp/4001",
        "an address with a port beyond": "/ip4/192.0.2.7/tcp/65536",
        "an address with port 0": "/ip4/192.0.2.7/tcp/0",
        "an address with a port with a zero before": "/ip4/192.0.2.7/tcp/04001",
        "an address without TCP": "/ip4/192.0.2.7/udp/4001",
        "an address with a peer id in it": "/ip4/192.0.2.7/tcp/4001/p2p/Qm",
        "an address with another version": "/ip4/2001:db8::1/tcp/4001",
        "an address with a long form": "/ip6/2001:db8:0:0:0:0:0:1/tcp/4001",
        "an address with a zone": "/ip6/fe80::1%eth0/tcp/4001",
    }
    return (
        *((name, (19, 1, peers), code) for name, peers, code in wrong),
        *(
            (name, (19, 1, ((_PEER, (address,)),)), "wrong-shape")
            for name, address in addresses.items()
        ),
    )


def _stored(clear: bytes) -> bytes:
    """zlib without compression, by hand: every library of zlib gives other bytes."""
    size = len(clear).to_bytes(2, "little")
    inverse = bytes(byte ^ 0xFF for byte in size)
    return b"\x78\x01\x01" + size + inverse + clear + zlib.adler32(clear).to_bytes(4, "big")


def _batches() -> tuple[Case, ...]:
    several: tuple[tuple[str, tuple[bytes, ...]], ...] = (
        ("one delta", (b"one delta",)),
        ("two deltas", (b"one delta", bytes(300))),
    )
    return tuple(
        case(
            name,
            kind="batch",
            batch=_stored(pack(frames)),
            channel=1,
            frame=encode_frame(DeltasFrame(1, _stored(pack(frames)))),
            deltas=[frame.hex() for frame in frames],
        )
        for name, frames in several
    )


def _wrong_batches() -> tuple[Case, ...]:
    good = _stored(pack((b"one delta",)))
    batches: tuple[tuple[str, bytes, str], ...] = (
        ("no zlib", b"one delta", "malformed"),
        ("cut short", good[:-1], "malformed"),
        ("followed by a byte", good + b"\0", "malformed"),
        ("checksum", good[:-1] + bytes([good[-1] ^ 1]), "malformed"),
        ("no deltas", _stored(pack(())), "wrong-shape"),
        ("a number", _stored(pack((1,))), "wrong-shape"),
        ("not canonical", _stored(b"\xdc\x00\x01\xc4\x01a"), "non-canonical"),
        (
            "too many deltas",
            _stored(pack((b"",) * (limits.SYNC_BATCH_DELTAS_MAX + 1))),
            "oversized",
        ),
    )
    return tuple(case(name, kind="batch", batch=batch, code=code) for name, batch, code in batches)


def _fingerprints() -> tuple[Case, ...]:
    return tuple(
        case(
            name,
            kind="fingerprint",
            device=_HIGH,
            tips=[[tip.sequence, tip.id.hex()] for tip in tips],
            fingerprint=fingerprint(_HIGH, tips).to_bytes(6, "big"),
        )
        for name, tips in (("one tip", _ONE), ("a fork", _FORKED))
    )
