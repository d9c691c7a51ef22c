"""What has arrived and nobody has read, of all connections of a node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from covey.model import limits

__all__ = ["Unread"]


class Unread:
    """Counts unread bytes by connection and by host, and ends what takes too much of the memory.

    A window is a promise of memory. One connection's windows are bounded, but a host may have many
    connections and a node many hosts: beyond the share of a host its fullest connection ends, and
    beyond that of the node the fullest connection of the host that has most. So whoever reads on
    has nothing to fear from others on other hosts.
    """

    def __init__(self) -> None:
        self._hosts: dict[int, tuple[str, Callable[[], None]]] = {}  # by number of connection
        self._of_connection: Counter[int] = Counter()
        self._of_host: Counter[str] = Counter()
        self._total = 0
        self._next = 0

    def join(self, host: str, end: Callable[[], None]) -> int:
        """Count for a new connection of a host, which `end` ends; returns its number."""
        self._next += 1
        self._hosts[self._next] = host, end
        return self._next

    def leave(self, number: int) -> None:
        """The connection is gone, and with it what it had unread; idempotent."""
        if number in self._hosts:
            self._add(number, -self._of_connection[number])
            del self._hosts[number]

    def of(self, number: int) -> int:
        """Unread bytes of a connection."""
        return self._of_connection[number]

    def change(self, number: int, size_bytes: int) -> None:
        """A connection has so much more unread, or less."""
        if number not in self._hosts:
            return
        self._add(number, size_bytes)
        if size_bytes <= 0:
            return
        host, end = self._hosts[number]
        if self._of_connection[number] > limits.MUXER_UNREAD_BYTES_MAX:
            self.leave(number)
            end()
        if self._of_host[host] > limits.UNREAD_PER_HOST_BYTES_MAX:
            self._end_fullest(host)
        if self._total > limits.UNREAD_BYTES_MAX:
            self._end_fullest(max(self._of_host, key=lambda each: self._of_host[each]))

    def _end_fullest(self, host: str) -> None:
        fullest = max(
            (each for each, (at, _) in self._hosts.items() if at == host),
            key=lambda each: self._of_connection[each],
        )
        _, end = self._hosts[fullest]
        self.leave(fullest)
        end()

    def _add(self, number: int, size_bytes: int) -> None:
        host, _ = self._hosts[number]
        self._total += size_bytes
        self._of_connection[number] += size_bytes
        self._of_host[host] += size_bytes
        if not self._of_connection[number]:
            del self._of_connection[number]
        if not self._of_host[host]:
            del self._of_host[host]
