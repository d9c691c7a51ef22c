"""Where a peer can be reached, as members tell it each other: its id and IP addresses.

Source: protocols/session.md.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TypeAlias

from covey.codec import shape
from covey.codec.names import is_peer_id
from covey.codec.packing import Packed
from covey.errors import ProtocolViolation
from covey.model import PeerId, limits

__all__ = ["KnownPeer", "ip_of", "is_somewhere", "peers_of", "peers_packed"]

_PEER_CHARS_MAX = 128
_ADDRESS_CHARS_MAX = 64
_EVERYBODY = ipaddress.IPv4Address("255.255.255.255")

_Ip: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class KnownPeer:
    """A peer and transport addresses of it, such as `/ip4/192.0.2.7/tcp/4001`."""

    peer: PeerId
    addresses: tuple[str, ...]


def ip_of(address: str) -> _Ip | None:
    """The IP of a transport address, as it must be written; None where it is none.

    Names are none: whom a name leads to may change after it was told.
    """
    parts = address.split("/")
    if len(parts) != 5 or (parts[0], parts[3]) != ("", "tcp") or "%" in parts[2]:
        return None
    port = parts[4]
    if not (port.isascii() and port.isdecimal() and len(port) <= 5):
        return None
    if not 1 <= int(port) <= 65_535 or str(int(port)) != port:
        return None
    try:
        ip = ipaddress.ip_address(parts[2])
    except ValueError:
        return None
    return ip if str(ip) == parts[2] and f"ip{ip.version}" == parts[1] else None


def is_somewhere(ip: _Ip) -> bool:
    """Whether a host can be at an address: not one that stands for any, or for many."""
    return not (ip.is_unspecified or ip.is_multicast or ip == _EVERYBODY)


def peers_packed(peers: tuple[KnownPeer, ...]) -> Packed:
    """The packed form of some peers."""
    return tuple((known.peer, known.addresses) for known in peers)


def peers_of(value: Packed) -> tuple[KnownPeer, ...]:
    """The peers in a packed value; ProtocolViolation where it is none."""
    several = shape.array(value, limits.SYNC_PEERS_MAX, "peers")
    peers = tuple(_peer_of(each) for each in several)
    if len({known.peer for known in peers}) != len(peers):
        raise ProtocolViolation("wrong-shape", "a peer is told twice")
    return peers


def _peer_of(value: Packed) -> KnownPeer:
    peer, addresses = shape.fields(value, 2, "peer")
    name = shape.text(peer, _PEER_CHARS_MAX, "peer")
    if not is_peer_id(name):
        raise ProtocolViolation("wrong-shape", "a peer's name is no peer id")
    texts = tuple(
        shape.text(each, _ADDRESS_CHARS_MAX, "address")
        for each in shape.array(addresses, limits.SYNC_PEER_ADDRESSES_MAX, "addresses")
    )
    if not texts or any(ip_of(text) is None for text in texts):
        raise ProtocolViolation("wrong-shape", "a peer's address is no IP address with a port")
    return KnownPeer(PeerId(name), texts)
