"""Which addresses count that a peer told: whoever is elsewhere names nobody in this house.

What is dialled at a stranger's word shows whether somebody listens there, and makes this node
knock at doors behind its own firewall. Source: docs/threat-model.md.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import TypeAlias

from multiaddr import Multiaddr

from covey.codec import ip_of
from covey.network.address import relay_of, split_peer

__all__ = ["is_dialable", "is_usable", "place"]

_Ip: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_dialable(address: str, teller: str) -> bool:
    """Whether an address may be dialled at the word of a peer that is connected from another.

    Strangers must not make this node knock at doors in its own house, nor on its own machine.
    Names are for nobody but the operator: they lead wherever their owner likes, and elsewhere a
    moment later.
    """
    ip, near = ip_of(address), ip_of(teller)
    if ip is None or ip.is_unspecified or ip.is_multicast:
        return False
    ip, near = _inner(ip), near and _inner(near)
    if ip.is_global:
        return True
    if near is None or near.is_global:
        return False
    return near.is_loopback or not ip.is_loopback


def is_usable(address: Multiaddr, places: Collection[str]) -> bool:
    """As `is_dialable`, of any kind of address, at the word of who is connected from some places.

    places: as of `place`; of nobody who is known to be anywhere, none.
    """
    transport, _ = split_peer(address)
    circuit = relay_of(transport)
    if circuit is not None:
        if circuit[1] is None:
            return True  # Through a relay whose address is known, or not at all.
        transport = circuit[1]
    return any(is_dialable(str(transport), near) for near in places or ("",))


def place(address: Multiaddr) -> str:
    """Where a peer with this far end is: behind a relay, nowhere nearer than the relay."""
    circuit = relay_of(address)
    return str(address if circuit is None else circuit[1] or "")


def _inner(ip: _Ip) -> _Ip:
    """The IPv4 address that an IPv6 address leads to, where it leads to one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 0xFFFF):
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip
