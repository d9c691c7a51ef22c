"""The application's code in one context: which releases can run here, and running them."""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack

import trio

from covey.errors import ConfigError, NotFound, ProtocolViolation
from covey.merge import StateReader
from covey.model import (
    Batch,
    Collection,
    Failed,
    Failure,
    Interface,
    Outcome,
    Reader,
    ReleaseId,
    ReleaseTerms,
    ReplayWord,
    limits,
)
from covey.node.outlets import Outlets
from covey.runtime import Executor
from covey.store import Store
from covey.sync import (
    Event,
    Executed,
    NeedRelease,
    ReleaseMissing,
    ReleaseReady,
    Replica,
    Verified,
    Verify,
)

__all__ = ["Code"]

_logger = logging.getLogger(__name__)


class Code:
    """Runs what a replica wants run, and tells it what came of it.

    deliver: tells the replica.
    """

    def __init__(
        self,
        replica: Replica,
        interface: Interface,
        store: Store,
        executor: Executor,
        outlets: Outlets,
        deliver: Callable[[Event], Awaitable[None]],
    ) -> None:
        self._replica = replica
        self._interfaces = {replica.charter.release: interface}
        self._release = replica.charter.release
        self._store = store
        self._executor = executor
        self._outlets = outlets
        self._deliver = deliver

    @property
    def release(self) -> ReleaseId:
        """The release that calls and queries run under: the one in force, once it is ready."""
        in_force = self._replica.ledger.release
        if in_force in self._interfaces:
            self._release = in_force
        return self._release

    @property
    def interface(self) -> Interface:
        """What that release declares."""
        return self._interfaces[self.release]

    def collections(self, release: ReleaseId) -> tuple[Collection, ...]:
        """The collections of a release that is ready, each with where its rows are."""
        interface = self._interfaces[release]
        terms = ReleaseTerms("", interface.abi, interface.collections)
        return tuple(self._replica.ledger.governor.placed(terms).values())

    async def make_ready(self, release: ReleaseId, manifest: bytes) -> None:
        """Get a release ready that is to come into force, or has."""
        if release not in self._interfaces:
            self._interfaces[release] = await self._outlets.provide(release, manifest)
        await self._deliver(ReleaseReady(release))

    async def get_ready(self, need: NeedRelease) -> None:
        """The same, where nobody waits to hear that it cannot be."""
        try:
            wait_s = math.inf if need.is_in_force else limits.RELEASE_SOUGHT_S
            with trio.move_on_after(wait_s):
                await self.make_ready(need.release, need.manifest)
                return
        except (ConfigError, ProtocolViolation) as error:
            # Admins may name a module that no engine takes: calls wait for the next release.
            _logger.warning("a release of this context cannot run here", extra={"why": str(error)})
        await self._deliver(ReleaseMissing(need.release))

    async def execute(self, batch: Batch) -> None:
        """Run calls of this node."""
        with self._store.snapshot(self._replica.context) as reader:
            state = StateReader(reader, self.collections(batch.release))
            outcomes: tuple[Outcome, ...] = await self._executor.run_batch(batch, state)
        await self._deliver(Executed(outcomes))

    def snapshot(self) -> tuple[Reader, AbstractContextManager[object]]:
        """What is committed now; leaving the second lets go of it."""
        stack = ExitStack()
        return stack.enter_context(self._store.snapshot(self._replica.context)), stack

    async def verify(
        self, snapshot: tuple[Reader, AbstractContextManager[object]], asked: Verify
    ) -> None:
        """Run again what others signed, on a snapshot that was taken when it was asked for."""
        reader, stack = snapshot
        words: tuple[ReplayWord, ...]
        with stack:
            try:
                words = await self._executor.replay(asked.row, asked.state, reader)
            except (ConfigError, NotFound) as error:
                words = (Failed(Failure.HOST_FAULT, str(error), 0, ()),)
        for word in words:
            if isinstance(word, Failed):
                _logger.warning("a call could not be run again here", extra={"why": word.message})
        await self._deliver(Verified(words))
