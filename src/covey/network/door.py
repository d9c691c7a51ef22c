"""How many connections one host may hold here, and how often it is dialled in vain."""

from __future__ import annotations

import contextlib
import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator

from covey.model import limits

__all__ = ["Door", "VainDials", "host_of"]

_IPV6_NETWORK_BITS = 64  # what one customer has, with addresses beyond number


class Door:
    """Counts open connections by host: one must not take the places of all others.

    It is one for all ports of a node, and for whatever else lets strangers in.
    """

    def __init__(self) -> None:
        self._inside: Counter[str] = Counter()

    @contextlib.contextmanager
    def pass_through(self, address: str) -> Iterator[bool]:
        """Whether a connection from an address may stay; it is counted until the block ends."""
        host = host_of(address)
        if self._inside[host] >= limits.CONNECTIONS_PER_HOST_MAX:
            yield False
            return
        self._inside[host] += 1
        try:
            yield True
        finally:
            self._inside[host] -= 1
            if not self._inside[host]:
                del self._inside[host]


class VainDials:
    """Dials that failed or are under way, by host.

    Anybody can tell addresses of peers that do not exist. Without this every node that hears them
    would knock at that host for ever, each time for another peer. clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()  # count, when

    def may_dial(self, address: str) -> bool:
        """Whether a host may be tried again."""
        return self._count(host_of(address)) < limits.DIALS_IN_VAIN_MAX

    def begun(self, address: str) -> None:
        """A dial counts from its beginning: many go out at once."""
        self._add(host_of(address), 1)

    def succeeded(self, address: str) -> None:
        """The peer was there: the dial was not in vain."""
        self._add(host_of(address), -1)

    def _add(self, host: str, dials: int) -> None:
        count = max(0.0, self._count(host) + dials)
        self._failures.pop(host, None)
        self._failures[host] = count, self._clock()
        while len(self._failures) > limits.PEERS_KNOWN_MAX:
            self._failures.popitem(last=False)

    def _count(self, host: str) -> float:
        count, at_s = self._failures.get(host, (0.0, 0.0))
        return max(0.0, count - (self._clock() - at_s) * limits.DIALS_IN_VAIN_PER_S)


def host_of(address: str) -> str:
    """What stands for a host: an IPv4 address, the network of an IPv6 address, or a name."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address  # a name
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, _IPV6_NETWORK_BITS), strict=False))
