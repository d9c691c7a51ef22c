"""Certificates and joins: encoding, and the bytes their signatures cover.

Source: protocols/membership.md.
"""

from __future__ import annotations

from covey.codec import shape
from covey.codec.cid import base32_decode, base32_encode
from covey.codec.packing import Packed, pack, unpack
from covey.crypto import Signer, Tag, is_signed, is_usable_key, signing_message
from covey.errors import ConfigError, ProtocolViolation
from covey.model import (
    Certificate,
    ContextId,
    DeviceId,
    Join,
    MemberId,
    Signature,
)

__all__ = [
    "certificate_of",
    "certificate_packed",
    "certificate_text",
    "is_certificate_valid",
    "is_join_valid",
    "join_of",
    "join_packed",
    "make_certificate",
    "make_join",
    "parse_certificate",
]

_KEY, _SIGNATURE = 32, 64
_TEXT_CHARS_MAX = 512


def certificate_packed(certificate: Certificate) -> Packed:
    """[member, device, X25519 key, signature]."""
    return (certificate.member, certificate.device, certificate.exchange_key, certificate.signature)


def certificate_of(value: Packed) -> Certificate:
    """The certificate in a decoded array; signatures are not checked here."""
    member, device, exchange, signature = shape.fields(value, 4, "certificate")
    return Certificate(
        MemberId(shape.exactly(member, _KEY, "member")),
        DeviceId(shape.exactly(device, _KEY, "device")),
        shape.exactly(exchange, _KEY, "exchange key"),
        Signature(shape.exactly(signature, _SIGNATURE, "certificate signature")),
    )


def _certificate_message(member: bytes, device: bytes, exchange_key: bytes) -> bytes:
    return signing_message(Tag.DEVICE, pack((member, device, exchange_key)))


def make_certificate(member: Signer, device: DeviceId, exchange_key: bytes) -> Certificate:
    """The member's word that a device is its own."""
    message = _certificate_message(member.public, device, exchange_key)
    return Certificate(MemberId(member.public), device, exchange_key, member.sign(message))


def is_certificate_valid(certificate: Certificate) -> bool:
    """Whether the member signed it and both keys are usable (about 150 us)."""
    message = _certificate_message(certificate.member, certificate.device, certificate.exchange_key)
    return (
        is_usable_key(certificate.member)
        and is_usable_key(certificate.device)
        and bytes(certificate.member) != bytes(certificate.device)
        and is_signed(certificate.member, message, certificate.signature)
    )


def join_packed(join: Join) -> Packed:
    """[invitation or nil, device signature, invitation signature or nil]."""
    return (join.invitation, join.signature, join.invitation_signature)


def join_of(value: Packed) -> Join:
    """The join in a decoded array; signatures are not checked here."""
    invitation, signature, second = shape.fields(value, 3, "join")
    key = shape.hash_or_none(invitation, "invitation")
    if key is None:
        shape.fields(() if second is None else (second,), 0, "invitation signature")
    return Join(
        key,
        Signature(shape.exactly(signature, _SIGNATURE, "join signature")),
        None
        if key is None
        else Signature(shape.exactly(second, _SIGNATURE, "invitation signature")),
    )


_TEXT_PREFIX = "coveycert1"


def certificate_text(certificate: Certificate) -> str:
    """A certificate as people hand it on."""
    return _TEXT_PREFIX + base32_encode(pack(_array(certificate)))


def _array(certificate: Certificate) -> tuple[Packed, ...]:
    packed = certificate_packed(certificate)
    assert isinstance(packed, tuple)
    return packed


def parse_certificate(text: str) -> Certificate:
    """The certificate in such a text, its signature unchecked. Raises ConfigError."""
    stripped = text.strip()
    if not stripped.startswith(_TEXT_PREFIX) or len(stripped) > _TEXT_CHARS_MAX:
        raise ConfigError(f"a certificate begins with {_TEXT_PREFIX}: {stripped[:24]!r} does not")
    try:
        packed = base32_decode(stripped[len(_TEXT_PREFIX) :])
        return certificate_of(unpack(packed, _TEXT_CHARS_MAX))
    except (ValueError, ProtocolViolation) as error:
        raise ConfigError(f"that is no certificate: {error}") from error


def _join_message(context: ContextId, invitation: bytes | None, certificate: Certificate) -> bytes:
    return signing_message(Tag.JOIN, pack((context, invitation, certificate_packed(certificate))))


def make_join(device: Signer, context: ContextId, certificate: Certificate) -> Join:
    """The device's word that it wants into an open context."""
    assert certificate.device == device.public
    return Join(None, device.sign(_join_message(context, None, certificate)), None)


def is_join_valid(context: ContextId, certificate: Certificate, join: Join) -> bool:
    """Whether the device, and the invitation where one is named, signed the join."""
    message = _join_message(context, join.invitation, certificate)
    if not is_signed(certificate.device, message, join.signature):
        return False
    if join.invitation is None:
        return join.invitation_signature is None
    return join.invitation_signature is not None and is_signed(
        join.invitation, message, join.invitation_signature
    )
