"""One thread that alone touches the engine, and the async front to it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import trio

from covey.errors import ExecutionError
from covey.model import (
    Batch,
    EntryReader,
    Failure,
    Interface,
    Outcome,
    Query,
    Reader,
    ReleaseId,
    ReplayWord,
    Signed,
    StateAt,
    limits,
)
from covey.runtime.blocking import BlockingExecutor, LoadModule
from covey.runtime.cache import ModuleCache
from covey.runtime.engine import Interrupt
from covey.runtime.engines import DEFAULT_ENGINE, NewEngine, new_engine

__all__ = ["Executor", "open_executor"]

_T = TypeVar("_T")


@asynccontextmanager
async def open_executor(
    load: LoadModule | None = None,
    engine: NewEngine = new_engine,
    cache: ModuleCache | None = None,
) -> AsyncIterator[Executor]:
    """An executor whose thread lives as long as the block.

    load, cache: as `BlockingExecutor`, used on the thread, as are the readers of batches and
    queries. engine: makes the engine of a name, on the thread: the default one at once, others
    when they are first wanted. On leaving, work under way is interrupted.
    Raises what `engine` raises for the default one.
    """
    executor = Executor(load, engine, cache)
    thread = _start(executor.serve)
    try:
        await executor.wait_ready()
        yield executor
    finally:
        executor.close()
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(thread.join)


def _start(serve: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=serve, name="covey-engine", daemon=True)
    # Guest code runs on this stack; some systems give threads less than it may use.
    before = threading.stack_size(limits.ENGINE_THREAD_STACK_BYTES)
    try:
        thread.start()
    finally:
        threading.stack_size(before)
    return thread


@dataclass(slots=True, eq=False)
class _Job(Generic[_T]):
    """One piece of work and, once `done`, its result or error."""

    work: Callable[[BlockingExecutor, Interrupt], _T]
    interrupt: Interrupt = field(default_factory=Interrupt)
    started: trio.Event = field(default_factory=trio.Event)
    done: trio.Event = field(default_factory=trio.Event)
    results: list[_T] = field(default_factory=list)
    error: BaseException | None = None

    def result(self) -> _T:
        if self.error is not None:
            raise self.error
        return self.results[0]


class Executor:
    """Use `open_executor`. Work runs in the order in which it was asked for, one at a time."""

    def __init__(
        self, load: LoadModule | None, engine: NewEngine, cache: ModuleCache | None
    ) -> None:
        self._blocking = BlockingExecutor(engine, load, cache)
        self._token = trio.lowlevel.current_trio_token()
        self._slots = trio.Semaphore(limits.EXECUTIONS_QUEUED_MAX)
        self._ready: _Job[None] = _Job(lambda _executor, _interrupt: None)
        # The lock guards the four below. An interrupt is sent while holding it and while its job
        # is the current one, so that it can never hit the job after.
        self._changed = threading.Condition()
        self._waiting: deque[_Job[object]] = deque()
        self._current: _Job[object] | None = None
        self._closed = False

    async def install(
        self, release: ReleaseId, module: bytes, engine: str = DEFAULT_ENGINE
    ) -> Interface:
        """As `BlockingExecutor.install`; not cancelled once asked for."""
        return await self._run_to_end(
            _Job(lambda executor, _interrupt: executor.install(release, module, engine))
        )

    async def run_batch(self, batch: Batch, base: EntryReader) -> tuple[Outcome, ...]:
        """As `BlockingExecutor.run_batch`; not cancelled once asked for.

        A batch that outlives `limits.BATCH_WATCHDOG_S` ends with a host fault.
        """
        job: _Job[tuple[Outcome, ...]] = _Job(
            lambda executor, interrupt: executor.run_batch(batch, base, interrupt)
        )
        return await self._run_to_end(job, limits.BATCH_WATCHDOG_S)

    async def replay(
        self, row: tuple[Signed, ...], state: StateAt, reader: Reader
    ) -> tuple[ReplayWord, ...]:
        """As `BlockingExecutor.replay`; not cancelled once asked for, and watched as a batch.

        state: before the first of the row; made on the thread, from `reader`.
        """
        job: _Job[tuple[ReplayWord, ...]] = _Job(
            lambda executor, interrupt: executor.replay(row, state.entries(reader), interrupt)
        )
        return await self._run_to_end(job, limits.BATCH_WATCHDOG_S)

    async def query(self, query: Query, base: EntryReader) -> Outcome:
        """As `BlockingExecutor.query`; cancelling the task that waits ends the code."""
        job: _Job[Outcome] = _Job(
            lambda executor, interrupt: executor.query(query, base, interrupt)
        )
        return await self._run_until_left(job)

    async def offload(self, work: Callable[[BlockingExecutor, Interrupt], _T]) -> _T:
        """Run other work on the thread; when its caller is cancelled the interrupt has a reason.

        It is waited for even then.
        """
        return await self._run_until_left(_Job(work))

    async def _run_until_left(self, job: _Job[_T]) -> _T:
        async with self._slots:
            self._put(job)
            try:
                await job.done.wait()
            finally:
                self._interrupt(job, Failure.CANCELLED)
                # What it reads is the caller's: it is not touched any more once this returns.
                with trio.CancelScope(shield=True):
                    await job.done.wait()
        return job.result()

    async def wait_ready(self) -> None:
        """Wait until the engine is there. Raises what making it raised."""
        with trio.CancelScope(shield=True):
            await self._ready.done.wait()
        self._ready.result()

    async def _run_to_end(self, job: _Job[_T], watchdog_s: float | None = None) -> _T:
        async with self._slots:
            with trio.CancelScope(shield=True):
                self._put(job)
                await job.started.wait()
                if watchdog_s is not None:
                    with trio.move_on_after(watchdog_s):
                        await job.done.wait()
                    self._interrupt(job, Failure.HOST_FAULT)
                await job.done.wait()
        return job.result()

    def _put(self, job: _Job[_T]) -> None:
        with self._changed:
            if self._closed:
                raise ExecutionError("the engine is stopped")
            self._waiting.append(job)  # type: ignore[arg-type]  # read back through `job` only
            self._changed.notify()

    def _interrupt(self, job: _Job[_T], reason: Failure) -> None:
        """End a job: at once if it still waits, soon if it runs, not at all if it is done."""
        with self._changed:
            if self._current is job:
                job.interrupt.reason = reason
                self._blocking.interrupt()
            elif job in self._waiting:
                self._waiting.remove(job)  # type: ignore[arg-type]
                job.error = ExecutionError("the work was given up before it began")
                job.started.set()
                job.done.set()

    def close(self) -> None:
        """Let the thread end: what runs is interrupted, what waits is refused."""
        with self._changed:
            self._closed = True
            for job in self._waiting:
                job.error = ExecutionError("the engine is stopped")
                job.started.set()
                job.done.set()
            self._waiting.clear()
            if self._current is not None:
                self._current.interrupt.reason = Failure.HOST_FAULT
                self._blocking.interrupt()
            self._changed.notify()

    # -- on the thread ------------------------------------------------------------------------

    def serve(self) -> None:
        """The thread's whole life."""
        try:
            self._blocking.engine()
        except BaseException as error:  # noqa: BLE001 - raised again where the engine is awaited
            self._ready.error = error
            self._tell(self._ready.done)
            return
        self._ready.results.append(None)
        self._tell(self._ready.done)
        while (job := self._take()) is not None:
            self._tell(job.started)
            try:
                job.results.append(job.work(self._blocking, job.interrupt))
            except BaseException as error:  # noqa: BLE001 - raised again where the job is awaited
                job.error = error
            with self._changed:
                self._current = None
            self._tell(job.done)

    def _take(self) -> _Job[object] | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            self._current = self._waiting.popleft()
            return self._current

    def _tell(self, event: trio.Event) -> None:
        try:
            self._token.run_sync_soon(event.set)
        except trio.RunFinishedError:
            # Nobody is left to be told: the loop ended without leaving the block.
            return
