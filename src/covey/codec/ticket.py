"""Tickets: one string with which somebody joins a context.

Source: protocols/membership.md. ticket = "covey1" and base32 of [1, context id, [multiaddr...],
inviter's peer id, invitation secret or nil, reading secret or nil].
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import shape
from covey.codec.cid import base32_decode, base32_encode, is_cid
from covey.codec.packing import pack, unpack
from covey.errors import ConfigError, ProtocolViolation
from covey.model import ContextId, PeerId, limits

__all__ = ["TICKET_PREFIX", "Ticket", "decode_ticket", "encode_ticket"]

TICKET_PREFIX = "covey1"
_VERSION = 1
_TICKET_BYTES_MAX = 8 * 1024
_ADDRESSES_MAX = 16
_ADDRESS_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where to find a context; addresses: full multiaddrs of the inviter."""

    context: ContextId
    addresses: tuple[str, ...]
    inviter: PeerId


def encode_ticket(ticket: Ticket) -> str:
    """The ticket as a string; at most 16 addresses go in."""
    addresses = ticket.addresses[:_ADDRESSES_MAX]
    packed = pack((_VERSION, ticket.context, addresses, ticket.inviter, None, None))
    return TICKET_PREFIX + base32_encode(packed)


def decode_ticket(text: str) -> Ticket:
    """The ticket in a string; ConfigError if it is none."""
    try:
        if not text.startswith(TICKET_PREFIX):
            raise ProtocolViolation("wrong-shape", "it does not begin with covey1")
        packed = base32_decode(text.removeprefix(TICKET_PREFIX))
        parts = unpack(packed, _TICKET_BYTES_MAX, limits.ELEMENTS_MAX)
        shape.version(parts[0] if parts else None, _VERSION, "ticket")
        _, context, addresses, inviter, invitation, reading = shape.fields(parts, 6, "ticket")
        if invitation is not None or reading is not None:
            raise ProtocolViolation("unknown-version", "it holds secrets: upgrade needed")
        known = shape.exactly(context, 36, "context")
        if not is_cid(known):
            raise ProtocolViolation("wrong-shape", "its context id is none")
        return Ticket(
            ContextId(known),
            tuple(
                shape.text(a, _ADDRESS_BYTES_MAX, "address")
                for a in shape.array(addresses, _ADDRESSES_MAX, "addresses")
            ),
            PeerId(shape.text(inviter, 128, "inviter")),
        )
    except ProtocolViolation as violation:
        raise ConfigError(f"the ticket is damaged: {violation.reason}") from violation
    except ValueError as error:
        raise ConfigError("the ticket is damaged: it is not base32") from error
