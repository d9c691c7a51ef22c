"""Nodes on the same local network: this one is announced there, and others are dialled.

Whoever is on that network can announce anything in anybody's name, so what is announced only says
whom to dial: addresses on this machine's own networks, not this machine, and few.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import ifaddr
import trio
from trio_typing import TaskStatus

from covey.errors import ConfigError, PeerUnavailable
from covey.model import PeerId, limits
from covey.network.address import host_and_port, parse_peer_address, peer_id_of
from covey.network.network import Network

__all__ = ["Lan", "LanTable", "local_interfaces"]

_logger = logging.getLogger(__name__)

Interface: TypeAlias = "ipaddress.IPv4Interface | ipaddress.IPv6Interface"


@dataclass(slots=True)
class _Present:
    peer: PeerId
    addresses: tuple[str, ...]
    failures: int = 0
    due_s: float = 0.0


class LanTable:
    """Who is announced on the local network, by name of the announcement. Pure.

    own: this node, which is not looked for. interfaces: this machine's; only addresses on their
    networks count. Times are trio's.
    """

    def __init__(self, own: PeerId, interfaces: tuple[Interface, ...]) -> None:
        self.interfaces = interfaces
        self._own = own
        self._present: dict[str, _Present] = {}

    def hear(self, name: str, addresses: Iterable[str]) -> None:
        """Take what is announced under a name, nothing where that ended.

        All of it is about the peer that is named first. Beyond the bound nobody is taken in.
        """
        usable = [each for each in map(self._usable, addresses) if each is not None]
        if not usable:
            self._present.pop(name, None)
            return
        peer = usable[0][0]
        told = tuple(dict.fromkeys(address for each, address in usable if each == peer))
        told = told[: limits.DIAL_ADDRESSES_MAX]
        known = self._present.get(name)
        if known is not None and (known.peer, known.addresses) == (peer, told):
            return
        if known is not None or len(self._present) < limits.LAN_PEERS_MAX:
            self._present[name] = _Present(peer, told)

    def due(
        self, is_connected: Callable[[PeerId], bool], now: float
    ) -> tuple[tuple[PeerId, tuple[str, ...]], ...]:
        """Whom to dial now, each with its transport addresses, and not again soon."""
        due: dict[PeerId, tuple[str, ...]] = {}
        for each in self._present.values():
            if is_connected(each.peer):
                each.failures = 0
            elif each.due_s <= now and len(due) < limits.LAN_DIALS_MAX:
                wait_s = limits.LAN_REDIAL_S * 2 ** min(each.failures, 5)
                each.failures, each.due_s = each.failures + 1, now + wait_s
                due.setdefault(each.peer, each.addresses)
        return tuple(due.items())

    def own(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Those of this node's full addresses that others on these networks can dial."""
        told = [address for address in addresses if self._is_here(address)]
        return tuple(told[: limits.DIAL_ADDRESSES_MAX])

    def _usable(self, address: str) -> tuple[PeerId, str] | None:
        if not self._is_here(address):
            return None
        peer, transport = parse_peer_address(address)
        name = peer_id_of(peer)
        return None if name == self._own else (name, str(transport))

    def _is_here(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(host_and_port(parse_peer_address(address)[1])[0])
        except (ConfigError, ValueError):
            return False  # A name, a way through a relay, or no address at all.
        return any(ip in interface.network for interface in self.interfaces)


class Lan:
    """Announces this node on the local network, and dials who else is announced there."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def run(self, *, task_status: TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; begins anew whenever this machine's networks change.

        Raises ConfigError where the machine does not let it.
        """
        # Imported here: few nodes use it.
        from covey.network.mdns import announced  # noqa: PLC0415

        while True:
            table = LanTable(self._network.peer_id, local_interfaces())
            own = table.own(self._network.addresses)
            if not own:
                _logger.warning("listens on no address that others on the local network can dial")
            async with announced(own) as heard:
                task_status.started()
                task_status = trio.TASK_STATUS_IGNORED
                while local_interfaces() == table.interfaces:
                    with trio.move_on_after(limits.LAN_LOOK_S):
                        for name, addresses in (await heard.take()).items():
                            table.hear(name, addresses)
                    await self._dial(table)

    async def _dial(self, table: LanTable) -> None:
        due = table.due(self._network.is_connected, trio.current_time())
        async with trio.open_nursery() as nursery:
            for peer, addresses in due:
                nursery.start_soon(self._try, peer, addresses)

    async def _try(self, peer: PeerId, addresses: tuple[str, ...]) -> None:
        try:
            await self._network.dial_at(peer, addresses)
        except PeerUnavailable as error:
            _logger.debug("not there", extra={"peer": peer, "reason": str(error)})


def local_interfaces() -> tuple[Interface, ...]:
    """This machine's addresses with their networks, those of itself alone left out."""
    found: list[Interface] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            interface = ipaddress.ip_interface(f"{text}/{entry.network_prefix}")
            if not interface.is_loopback and not interface.is_link_local:
                found.append(interface)
    return tuple(sorted(found, key=str))
