"""How a device shows whose it is, and that it wants in."""

from __future__ import annotations

from dataclasses import dataclass

from covey.model.ids import DeviceId, MemberId, Signature

__all__ = ["Certificate", "Join"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A member's word that a device is its own; the signature is the member's.

    exchange_key: 32 bytes, the device's X25519 key for boxes addressed to it.
    """

    member: MemberId
    device: DeviceId
    exchange_key: bytes
    signature: Signature


@dataclass(frozen=True, slots=True)
class Join:
    """A device's word that it wants into one context.

    invitation: the public key of the invitation it uses, or None (open contexts).
    invitation_signature: by the invitation's secret, present exactly with `invitation`.
    """

    invitation: bytes | None
    signature: Signature
    invitation_signature: Signature | None
