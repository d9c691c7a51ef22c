"""Who fills the memory with what nobody reads loses its connections, and nobody else does."""

from __future__ import annotations

import pytest

from covey.model import limits
from covey.network.unread import Unread

MIB = 1024 * 1024


class _Books:
    """Connections by name, and those that were ended."""

    def __init__(self) -> None:
        self.unread = Unread()
        self.ended: list[str] = []
        self._numbers: dict[str, int] = {}

    def join(self, host: str, *names: str) -> None:
        for name in names:
            self._numbers[name] = self.unread.join(host, lambda n=name: self.ended.append(n))

    def take(self, name: str, mib: int) -> None:
        self.unread.change(self._numbers[name], mib * MIB)

    def leave(self, name: str) -> None:
        self.unread.leave(self._numbers[name])


@pytest.fixture
def books() -> _Books:
    return _Books()


def test_one_connection_has_its_bound(books):
    books.join("a", "one", "two")
    books.take("two", 16)
    books.take("one", 16)
    books.take("one", 1)
    assert books.ended == ["one"]


def test_host_with_many_connections_loses_the_fullest(books):
    """Each within its own bound: sixty of them held a gigabyte."""
    books.join("a", "one", "two", "three")
    books.join("b", "honest")
    for name, mib in (("honest", 15), ("one", 12), ("two", 14), ("three", 6)):
        books.take(name, mib)
    assert books.ended == []
    books.take("three", 1)
    assert books.ended == ["two"]


def test_node_as_a_whole_drops_of_the_fullest_host(books):
    """Not whoever happens to send next."""
    hosts = limits.UNREAD_BYTES_MAX // limits.UNREAD_PER_HOST_BYTES_MAX
    for number in range(hosts):
        books.join(f"host-{number}", f"x{number}", f"y{number}")
        books.take(f"x{number}", 15 if number else 16)
        books.take(f"y{number}", 15 if number else 16)
    books.join("b", "honest")
    books.take("honest", 6)
    assert books.ended == []
    books.take("honest", 1)
    assert books.ended == ["x0"]


def test_what_is_read_or_gone_does_not_count(books):
    books.join("a", "one", "two", "three")
    for name in ("one", "two", "three") * 20:
        books.take(name, 10)
        books.take(name, -10)
    books.take("one", 16)
    books.leave("one")
    books.leave("one")
    books.take("one", 50)  # late, and of nobody
    books.take("two", 16)
    books.take("three", 16)
    assert books.ended == []
    books.leave("two")
    books.leave("three")
    assert not books.unread._of_host
    assert books.unread._total == 0
