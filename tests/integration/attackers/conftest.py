"""A node under attack, and an honest peer that it serves meanwhile."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trio

from covey.codec import parse_cid
from covey.model import Cid, ContextId, DeltaId, ReleaseId
from covey.node import ContextStatus, Home, Rulebook
from covey.node.link import Link
from covey.node.service import Node
from covey.sync import Ledger
from covey.sync.pending import Pending
from tests.integration.attackers.raw import Attacker, open_attacker
from tests.integration.attackers.talk import Author, Talk, join, open_talk
from tests.integration.node.conftest import agree, found, opened, put, until

HONEST_S = 10.0
"""Within this the honest peer's call is at the victim, whatever else is done to it."""

_CALLS = 3


class Siege:
    """ada is attacked; ben, a member like her, works with her all the while."""

    def __init__(self, ada: Node, ben: Node, context: ContextId) -> None:
        self.ada, self.ben, self.context = ada, ben, context
        self._count = 0

    @property
    def address(self) -> str:
        return self.ada.addresses[0]

    @property
    def ledger(self) -> Ledger:
        return self._ledger_of(self.ada)

    @property
    def release(self) -> ReleaseId:
        return self.ledger.charter.release

    @property
    def topic(self) -> str:
        return self.ada._contexts.all()[0].driver.topic

    @property
    def module(self) -> Cid:
        return self.ada._records.application(self.release).manifest.module

    @property
    def pending(self) -> Pending:
        return self.ada._contexts.all()[0].driver.replica.intake.pending

    def link(self, attacker: Attacker) -> Link | None:
        return self.ada._contexts.links._links.get(attacker.peer)

    def status(self) -> ContextStatus:
        return self.ada.status().contexts[0]

    def holds(self, delta: DeltaId) -> bool:
        return self.ledger.is_applied(delta)

    def score(self, attacker: Attacker) -> float:
        return self.ada._network.score(attacker.peer)

    def is_banned(self, attacker: Attacker) -> bool:
        return self.ada._network._gossip._scores.is_banned(attacker.host.get_id())

    def is_connected(self, attacker: Attacker) -> bool:
        return self.ada._network.is_connected(attacker.peer)

    async def replicates(self, within_s: float = HONEST_S) -> float:
        """Calls of each node reach the other in time; the longest that one took, in seconds."""
        longest_s = 0.0
        for _ in range(_CALLS):
            for writer, reader in ((self.ben, self.ada), (self.ada, self.ben)):
                self._count += 1
                began_s = trio.current_time()
                result = await writer.call("kv", *put(f"honest-{self._count}"))
                delta = DeltaId(bytes.fromhex(result.delta))
                ledger = self._ledger_of(reader)
                await until(lambda d=delta, it=ledger: it.is_applied(d), within_s)
                longest_s = max(longest_s, trio.current_time() - began_s)
        return longest_s

    @contextlib.asynccontextmanager
    async def held_up(self, at_most_s: float) -> AsyncIterator[None]:
        """The event loop is never held up for longer while the block runs."""
        longest_s = 0.0

        async def watch() -> None:
            nonlocal longest_s
            while True:
                began_s = trio.current_time()
                await trio.sleep(0.005)
                longest_s = max(longest_s, trio.current_time() - began_s)

        async with self.under(watch):
            yield
        assert longest_s <= at_most_s

    async def talk(self, attacker: Attacker, nursery: trio.Nursery, who=None) -> Talk:
        return await open_talk(attacker, self.context, nursery, who)

    async def join(self, attacker: Attacker, nursery: trio.Nursery) -> tuple[Talk, Author]:
        """A greeted stream of a member."""
        author = await join(await self.talk(attacker, nursery), self.release)
        return await self.talk(attacker, nursery, author.who), author

    @contextlib.asynccontextmanager
    async def under(self, attack: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """The attack goes on while the block runs."""

        async with trio.open_nursery() as nursery:
            nursery.start_soon(attack)
            await trio.sleep(0.2)
            yield
            nursery.cancel_scope.cancel()

    @staticmethod
    def _ledger_of(node: Node) -> Ledger:
        return node._contexts.all()[0].driver.replica.ledger


@pytest.fixture
def siege(tmp_path: Path):
    """`async with siege() as s`: two honest nodes that share a context of `kv`."""

    @contextlib.asynccontextmanager
    async def begun() -> AsyncIterator[Siege]:
        ada_home, ben_home = Home.init(tmp_path / "ada"), Home.init(tmp_path / "ben")
        async with opened(ada_home) as ada, opened(ben_home, ada) as ben:
            # Attackers sign what no code did: here that stands, and costs what valid deltas cost.
            context = await found(ada, rules=Rulebook(verification="signature"))
            await ben.join(context.topic, "kv")
            await agree(context.id, ada, ben)
            try:
                yield Siege(ada, ben, ContextId(parse_cid(context.id)))
            except Exception as error:
                # A closed network keeps errors of py-libp2p to itself, and so the test's own.
                raise AssertionError(f"the siege broke: {error!r}") from error

    return begun


def rss_mb() -> float:
    """Memory of this process, which is that of attacker, victim and honest peer."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


__all__ = ["Siege", "open_attacker", "rss_mb", "siege", "until"]
