"""The network settings of a context on this node: read from text, checked, changed.

They are the node's own: no other member sees them, and none is bound by them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from covey.codec import is_peer_id, is_somewhere
from covey.errors import ConfigError
from covey.model import PeerId, limits

__all__ = ["ContextSettings", "Role", "SettingsChange", "changed", "peer_of"]

_HOSTS = ("ip4", "ip6", "dns", "dns4", "dns6")
_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")
_ADDRESS_CHARS_MAX = 256
_BEHIND_A_RELAY = "/p2p-circuit/p2p/"


class Role(Enum):
    """What this node does in a context.

    FULL: it makes calls. CARRIER: it holds, checks, forwards and serves what others write, and
    admits who asks, as any member's node; calls on this node are refused, queries are answered.
    """

    FULL = "full"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSettings:
    """How a node takes part in one context.

    degree: peers in its gossip mesh. peers_max: peers to sync with, and up to which discovery
    dials. allow: the only peers it has to do with, all where it is empty; deny: those it has not.
    static: full multiaddrs of peers that are always dialled; they have a place beyond peers_max.
    is_announced: others can look this node up in the DHT.
    """

    degree: int = limits.GOSSIP_DEGREE
    peers_max: int = limits.CONTEXT_PEERS_MAX
    allow: tuple[PeerId, ...] = ()
    deny: tuple[PeerId, ...] = ()
    static: tuple[str, ...] = ()
    role: Role = Role.FULL
    is_announced: bool = True

    def admits(self, peer: PeerId) -> bool:
        """Whether this context has to do with a peer."""
        return peer not in self.deny and (not self.allow or peer in self.allow)

    def is_static(self, peer: PeerId) -> bool:
        """Whether a peer is one of those that are always dialled."""
        return any(peer_of(address) == peer for address in self.static)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """What is to change, in words from outside; None stays as it is.

    is_reset: first everything is as if it had never been set.
    """

    degree: int | None = None
    peers_max: int | None = None
    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] | None = None
    static: tuple[str, ...] | None = None
    role: str | None = None
    is_announced: bool | None = None
    is_reset: bool = False


def peer_of(address: str) -> PeerId:
    """The peer in a full multiaddr; empty where it names none."""
    return PeerId(address.rpartition("/p2p/")[2])


def changed(settings: ContextSettings, change: SettingsChange, own: PeerId) -> ContextSettings:
    """The settings after a change; ConfigError says what is wrong with it and what may be.

    own: this node's peer id; empty where it is not known.
    """
    after = ContextSettings() if change.is_reset else settings
    if change.degree is not None:
        _require_range("the mesh degree", change.degree, limits.GOSSIP_DEGREE_MAX)
        after = replace(after, degree=change.degree)
    if change.peers_max is not None:
        _require_range("the most peers", change.peers_max, limits.CONTEXT_PEERS_MAX)
        after = replace(after, peers_max=change.peers_max)
    if change.allow is not None:
        after = replace(after, allow=_peers(change.allow, "allow", own))
    if change.deny is not None:
        after = replace(after, deny=_peers(change.deny, "deny", own))
    if change.static is not None:
        after = replace(after, static=_addresses(change.static, own))
    if change.role is not None:
        after = replace(after, role=_role(change.role))
    if change.is_announced is not None:
        after = replace(after, is_announced=change.is_announced)
    _require_agreement(after)
    return after


def _require_range(what: str, number: int, most: int) -> None:
    if not 1 <= number <= most:
        raise ConfigError(f"{what} is {number}: it may be from 1 to {most}")


def _peers(texts: Sequence[str], name: str, own: PeerId) -> tuple[PeerId, ...]:
    most = limits.CONTEXT_LIST_PEERS_MAX
    if len(texts) > most:
        raise ConfigError(f"{len(texts)} peers are too many to {name}: at most {most}")
    for text in texts:
        _require_peer(text, own)
    return tuple(PeerId(text) for text in dict.fromkeys(texts))


def _require_peer(text: str, own: PeerId) -> None:
    if not is_peer_id(text):
        raise ConfigError(f"{text[:80]!r} is no peer id: one is like 12D3KooW…, see `covey peers`")
    if text == own:
        raise ConfigError(f"{text} is this node itself: name other peers")


def _addresses(texts: Sequence[str], own: PeerId) -> tuple[str, ...]:
    most = limits.CONTEXT_STATIC_MAX
    if len(texts) > most:
        raise ConfigError(f"{len(texts)} static addresses are too many: at most {most}")
    for text in texts:
        _require_address(text, own)
    return tuple(dict.fromkeys(texts))


def _require_address(text: str, own: PeerId) -> None:
    relay, mark, peer = text.rpartition(_BEHIND_A_RELAY)
    parts = (relay if mark else text).split("/")
    is_address = (
        len(text) <= _ADDRESS_CHARS_MAX
        and len(parts) == 7
        and (parts[0], parts[3], parts[5]) == ("", "tcp", "p2p")
        and _is_host(parts[1], parts[2])
        and (parts[4].isascii() and parts[4].isdecimal() and 1 <= int(parts[4]) <= 65_535)
    )
    if not is_address:
        raise ConfigError(
            f"{text[:80]!r} is no full address: one is like /ip4/192.0.2.7/tcp/4001/p2p/12D3KooW…"
        )
    if not parts[1].startswith("dns") and not is_somewhere(ipaddress.ip_address(parts[2])):
        raise ConfigError(f"{text[:80]!r} cannot be dialled: nobody is at {parts[2]}")
    _require_peer(parts[6], own)
    if mark:
        _require_peer(peer, own)
    if peer == parts[6]:
        raise ConfigError(f"{text[:200]!r} names one peer as relay and as who is behind it")


def _is_host(kind: str, host: str) -> bool:
    if kind not in _HOSTS:
        return False
    if kind.startswith("dns"):
        return bool(host) and _HOST_CHARS.issuperset(host)
    try:
        return ipaddress.ip_address(host).version == int(kind[2:]) and "%" not in host
    except ValueError:
        return False


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        allowed = " or ".join(role.value for role in Role)
        raise ConfigError(f"{text[:80]!r} is no role: it may be {allowed}") from None


def _require_agreement(settings: ContextSettings) -> None:
    for peer in _both(settings.allow, settings.deny):
        raise ConfigError(f"{peer} is both allowed and denied: name it on one list")
    for address in settings.static:
        if not settings.admits(peer_of(address)):
            raise ConfigError(
                f"the static peer {peer_of(address)} is denied, or not among those allowed: "
                "a static peer must be admitted"
            )


def _both(one: Iterable[PeerId], other: Iterable[PeerId]) -> list[PeerId]:
    others = frozenset(other)
    return [peer for peer in one if peer in others]
