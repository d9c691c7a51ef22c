"""Multiaddr text: checked at the border, compared and expanded here."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from functools import partial
from typing import cast

import ifaddr
import trio
from libp2p.peer.id import ID
from multiaddr import Multiaddr
from multiaddr.exceptions import Error as MultiaddrError

from covey.codec import is_somewhere
from covey.errors import ConfigError
from covey.model import PeerId, limits

__all__ = [
    "dialable",
    "host_and_port",
    "is_ip",
    "parse_listen_address",
    "parse_peer_address",
    "parse_peer_id",
    "parse_pinned_address",
    "peer_id_of",
    "relay_of",
    "resolved",
    "split_peer",
    "through",
    "with_peer",
]

_CIRCUIT = "/p2p-circuit"
_SHOWN_CHARS_MAX = 200
_FAMILIES = {"dns4": socket.AF_INET, "dns6": socket.AF_INET6}


def parse_peer_id(text: str) -> ID:
    """The libp2p id of base58 text; raises ConfigError."""
    try:
        peer = ID.from_base58(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no peer id") from error
    if len(peer.to_bytes()) < 2:
        raise ConfigError(f"{text!r} is no peer id")
    return peer


def peer_id_of(peer: ID) -> PeerId:
    """Our name of a libp2p id."""
    return PeerId(peer.to_base58())


def parse_peer_address(text: str) -> tuple[ID, Multiaddr]:
    """Peer and transport address of `/ip4/…/tcp/…/p2p/…`; raises ConfigError with the reason.

    Through a relay it is `/ip4/…/tcp/…/p2p/RELAY/p2p-circuit/p2p/…`.
    """
    address = _parsed(text)
    transport, peer = split_peer(address)
    if relay_of(transport) is None:
        host_and_port(transport)
    if peer is None:
        raise ConfigError(f"{text!r} does not end in /p2p/ and a peer id")
    return peer, transport


def parse_pinned_address(text: str) -> tuple[ID, Multiaddr]:
    """As `parse_peer_address`, and somebody can be there; raises ConfigError."""
    peer, transport = parse_peer_address(text)
    behind = relay_of(transport)
    address = transport if behind is None else behind[1]
    if behind is not None and behind[0] == peer:
        raise ConfigError(f"{text!r} names the same peer as relay and as who is behind it")
    host, port = ("", 1) if address is None else host_and_port(address)
    if is_ip(host) and not is_somewhere(ipaddress.ip_address(host)):
        raise ConfigError(f"{text!r} cannot be dialled: nobody is at {host}")
    if not port:
        raise ConfigError(f"{text!r} cannot be dialled: there is no port 0")
    return peer, transport


def parse_listen_address(text: str) -> Multiaddr:
    """An address to listen on, without a peer id; raises ConfigError."""
    address = _parsed(text)
    host, _ = host_and_port(address)
    if not is_ip(host):
        raise ConfigError(f"{text!r} names no IP address to listen on")
    transport, peer = split_peer(address)
    if peer is not None:
        raise ConfigError(f"{text!r} ends in a peer id: listen on {str(transport)!r}")
    return transport


def split_peer(address: Multiaddr) -> tuple[Multiaddr, ID | None]:
    """The transport part, and the peer if the address ends in one.

    That of a peer behind a relay ends in `/p2p-circuit`; the relay's own id stays in it.
    """
    head, mark, text = str(address).rpartition("/p2p/")
    if not mark or "/" in text:
        return address, None
    try:
        return Multiaddr(head), ID.from_base58(text)
    except (MultiaddrError, ValueError):
        return address, None


def relay_of(transport: Multiaddr) -> tuple[ID, Multiaddr | None] | None:
    """The relay of `…/p2p/RELAY/p2p-circuit` and its address, if told; None for other kinds."""
    head, mark, rest = str(transport).partition(_CIRCUIT)
    if not mark or rest:
        return None
    try:
        address, relay = split_peer(Multiaddr(head))
        if relay is None:
            return None
        if not str(address):
            return relay, None
        host_and_port(address)
    except (ConfigError, MultiaddrError, ValueError):
        return None
    return relay, address


def through(relay: ID, address: Multiaddr | None) -> Multiaddr:
    """The transport part of whoever is behind a relay. address: the relay's own, if known."""
    return Multiaddr(f"{address or ''}/p2p/{relay.to_base58()}{_CIRCUIT}")


def with_peer(address: Multiaddr, peer: ID) -> str:
    """Full text with the peer id at its end."""
    return f"{split_peer(address)[0]}/p2p/{peer.to_base58()}"


def host_and_port(address: Multiaddr) -> tuple[str, int]:
    """Host text and TCP port; raises ConfigError for any other kind of address."""
    names = [protocol.name for protocol in address.protocols()]
    if len(names) < 2 or names[0] not in ("ip4", "ip6", "dns", "dns4", "dns6"):
        raise ConfigError(f"{address} begins with no IP address or host name")
    if names[1] != "tcp" or names[2:] not in ([], ["p2p"]):
        raise ConfigError(f"{address} is no TCP address, the only kind spoken here")
    host = cast("str", address.value_for_protocol(names[0]))
    return host, int(cast("str", address.value_for_protocol("tcp")))


def is_ip(host: str) -> bool:
    """A host that is an IP address, no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_resolving: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("resolving")


def _limiter() -> trio.CapacityLimiter:
    try:
        return _resolving.get()
    except LookupError:
        limiter = trio.CapacityLimiter(limits.NAMES_RESOLVED_AT_ONCE_MAX)
        _resolving.set(limiter)
        return limiter


async def resolved(address: Multiaddr) -> list[Multiaddr]:
    """The addresses that one with a host name leads to; raises ConfigError where to none."""
    host, port = host_and_port(address)
    family = _FAMILIES.get(address.protocols()[0].name, socket.AF_UNSPEC)
    ask = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
    try:
        # Its own limiter: threads left behind by a resolver that hangs hold up nothing else.
        found = await trio.to_thread.run_sync(  # type: ignore[call-arg]  # stubs of old
            ask, abandon_on_cancel=True, limiter=_limiter()
        )
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"{host} is the name of no host: {error}") from error
    ips = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return [Multiaddr(f"/ip{ip.version}/{ip}/tcp/{port}") for ip in dict.fromkeys(ips)]


def dialable(addresses: Iterable[Multiaddr]) -> list[Multiaddr]:
    """Wildcard addresses replaced by those of this machine's interfaces; others as they are.

    Loopback comes last: others on this machine can use it, peers elsewhere cannot.
    """
    found: dict[str, Multiaddr] = {}
    for address in addresses:
        host, port = host_and_port(address)
        if not is_ip(host) or not ipaddress.ip_address(host).is_unspecified:
            found[str(address)] = address
            continue
        version = ipaddress.ip_address(host).version
        for ip in _interface_ips(version):
            text = f"/ip{version}/{ip}/tcp/{port}"
            found[text] = Multiaddr(text)
    return list(found.values())


def _interface_ips(version: int) -> Sequence[str]:
    ips: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            ip = ipaddress.ip_address(text)
            # Link-local addresses mean nothing without the interface they belong to.
            if ip.version == version and not ip.is_link_local:
                ips.append(ip)
    return [str(ip) for ip in sorted(ips, key=lambda ip: (ip.is_loopback, int(ip)))]


def _parsed(text: str) -> Multiaddr:
    if not text:
        raise ConfigError("an empty text is no address: one is like /ip4/192.0.2.7/tcp/4001")
    try:
        return Multiaddr(text)
    except (MultiaddrError, ValueError) as error:
        why = str(error).removeprefix(f"Invalid MultiAddr {text!r}: ")
        why = why.removesuffix(f" (string: {text})")
        raise ConfigError(f"{text[:_SHOWN_CHARS_MAX]!r} is no multiaddr: {why}") from error
