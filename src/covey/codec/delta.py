"""Deltas on the wire: core, header, id, signature, payload.

Source: protocols/delta.md. frame = [version, header bytes, signature, sealed bytes];
header = [version, author, sequence, previous, parents, gov_parents, time, release, epochs, fuel,
governance, hash of sealed].
"""

from __future__ import annotations

from covey.codec import shape
from covey.codec.cid import is_cid
from covey.codec.governance import governance_of, governance_packed
from covey.codec.packing import Packed, pack
from covey.crypto import Signer, Tag, is_signed, signing_message, tagged_hash
from covey.errors import ProtocolViolation
from covey.model import (
    TIME_MAX,
    ContextId,
    Core,
    Delta,
    DeltaId,
    DeviceId,
    HybridTime,
    ReleaseId,
    Signature,
    limits,
)

__all__ = ["decode_delta", "is_delta_signed", "make_delta", "payload_hash"]

_VERSION = 1
_HEADER_FIELDS = 12
_HEADER_BYTES_MAX = 64 * limits.KIB
_FUEL_MAX = 2**63 - 1


def payload_hash(sealed: bytes) -> bytes:
    """The hash of a payload as it stands in the header."""
    return tagged_hash(Tag.PAYLOAD, sealed)


def make_delta(context: ContextId, core: Core, sealed: bytes, signer: Signer) -> Delta:
    """Sign a delta; the signer is its author's device key."""
    assert signer.public == core.author
    header = pack((*_core_packed(core), payload_hash(sealed)))
    signature = signer.sign(signing_message(Tag.DELTA, context, header))
    frame = pack((_VERSION, header, signature, sealed))
    assert len(frame) <= limits.DELTA_SIZE_BYTES_MAX
    return Delta(
        id=_delta_id(context, header),
        core=core,
        header=header,
        signature=signature,
        sealed=sealed,
        frame=frame,
    )


def decode_delta(context: ContextId, frame: bytes) -> Delta:
    """The delta in a frame; its signature is not checked here, its hash of the payload is.

    Raises ProtocolViolation with a code of protocols/registry.md.
    """
    parts = shape.versioned(
        frame, _VERSION, "delta", limits.DELTA_SIZE_BYTES_MAX, limits.ELEMENTS_MAX
    )
    _, packed_header, signature, packed_payload = shape.fields(parts, 4, "delta")
    header = shape.blob(packed_header, _HEADER_BYTES_MAX, "header")
    sealed = shape.blob(packed_payload, limits.DELTA_SIZE_BYTES_MAX, "payload")
    core, hashed = _decode_header(header)
    if hashed != payload_hash(sealed):
        raise ProtocolViolation("wrong-payload", "the payload is not the one in the header")
    return Delta(
        id=_delta_id(context, header),
        core=core,
        header=header,
        signature=Signature(shape.exactly(signature, 64, "signature")),
        sealed=sealed,
        frame=frame,
    )


def is_delta_signed(context: ContextId, delta: Delta) -> bool:
    """Whether the author's device signed these exact bytes for this context."""
    message = signing_message(Tag.DELTA, context, delta.header)
    return is_signed(delta.core.author, message, delta.signature)


def _delta_id(context: ContextId, header: bytes) -> DeltaId:
    return DeltaId(tagged_hash(Tag.DELTA, context, header))


def _core_packed(core: Core) -> tuple[Packed, ...]:
    return (
        _VERSION,
        core.author,
        core.sequence,
        core.previous,
        core.parents,
        core.gov_parents,
        core.time,
        core.release,
        core.epochs,
        core.fuel,
        tuple(governance_packed(effect) for effect in core.governance),
    )


def _decode_header(header: bytes) -> tuple[Core, bytes]:
    parts = shape.versioned(
        header, _VERSION, "header", _HEADER_BYTES_MAX, limits.DELTA_HEADER_ELEMENTS_MAX
    )
    (_, author, sequence, previous, parents, gov_parents, time, release, epochs, fuel, governance,
     hashed) = shape.fields(parts, _HEADER_FIELDS, "header")  # fmt: skip
    previous_id = shape.hash_or_none(previous, "previous")
    core = Core(
        author=DeviceId(shape.exactly(author, 32, "author")),
        sequence=shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"),
        previous=None if previous_id is None else DeltaId(previous_id),
        parents=shape.delta_ids(parents, limits.DELTA_PARENTS_MAX, "parents"),
        gov_parents=shape.delta_ids(gov_parents, limits.DELTA_PARENTS_MAX, "gov_parents"),
        time=HybridTime(shape.integer(time, 0, TIME_MAX, "time")),
        release=ReleaseId(shape.exactly(release, 36, "release")),
        epochs=tuple(
            shape.exactly(e, 32, "epoch") for e in shape.array(epochs, limits.EPOCHS_MAX, "epochs")
        ),
        fuel=tuple(
            shape.integer(f, 0, _FUEL_MAX, "fuel")
            for f in shape.array(fuel, limits.DELTA_CALLS_MAX, "fuel")
        ),
        governance=tuple(
            governance_of(g)
            for g in shape.array(governance, limits.DELTA_GOVERNANCE_MAX, "governance")
        ),
    )
    if not is_cid(core.release):
        raise ProtocolViolation("wrong-shape", "release is not a content address")
    if (core.sequence == 1) != (core.previous is None):
        raise ProtocolViolation("wrong-shape", "exactly the first delta has no previous")
    return core, shape.exactly(hashed, 32, "payload hash")
