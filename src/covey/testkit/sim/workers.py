"""Processes that run seeds, each watched: where one is killed the run ends, and says so.

A pool of the standard library forgets what a process that was killed had been given, and waits for
it ever after.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pipe, Process, parent_process
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Final, TypeAlias

from covey.errors import ExecutionError, NodeError
from covey.testkit.sim.run import Result

__all__ = ["working"]

_AHEAD: Final = 16  # seeds for each process that may be done while an earlier one is not
_RENEWED_AFTER: Final = 500  # seeds: what a process keeps of their memory it gives back by then
_GRACE_S: Final = 0.3  # in which a signal to all of us reaches this process, too
_ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
_SIGNALS: Final = (signal.SIGINT, *_ENDING)

_Run: TypeAlias = Callable[[int], Result]


class _Worker:
    """One process. seed: what it runs now."""

    def __init__(self, run: _Run) -> None:
        self.connection, theirs = Pipe()
        self.seed: int | None = None
        self.left = _RENEWED_AFTER
        self.process = Process(target=_work, args=(run, theirs), daemon=True)
        # Until it has said what it does with them no signal reaches the new process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def give(self, seed: int) -> None:
        """Let it run a seed. Raises OSError where it was killed."""
        self.seed, self.left = seed, self.left - 1
        self.connection.send(seed)

    def take(self) -> Result:
        """What came of its seed; raises what the run raised, or EOFError where it was killed."""
        told = self.connection.recv()
        if isinstance(told, NodeError):
            raise told
        assert isinstance(told, Result)
        assert told.seed == self.seed
        self.seed = None
        return told

    def end(self) -> None:
        """At once: it holds nothing that could be lost."""
        self.process.kill()
        self.process.join()
        self.connection.close()


@contextmanager
def working(run: _Run, seeds: Sequence[int], jobs: int) -> Iterator[Iterator[Result]]:
    """The results of some seeds, in their order, run by several processes; for the main thread.

    Raises ExecutionError where a process was killed. All of them end with the block, and with this
    process, however it ends.
    """
    pool = _Pool(run, jobs)
    with _taking_along(pool):
        try:
            yield pool.results(seeds)
        finally:
            pool.end()


class _Pool:
    """The processes that there are now."""

    def __init__(self, run: _Run, jobs: int) -> None:
        self._run = run
        self._jobs = jobs
        self._lost: ExecutionError | None = None
        self.workers: list[_Worker] = []

    def results(self, seeds: Sequence[int]) -> Iterator[Result]:
        """In the order of the seeds; some of those that follow are run meanwhile."""
        waiting = deque(seeds)
        done: dict[int, Result] = {}
        for seed in seeds:
            while seed not in done:
                if self._lost is not None:
                    raise self._lost
                self._hand_out(waiting, _AHEAD * self._jobs - len(done))
                done.update((result.seed, result) for result in self._arrived())
            yield done.pop(seed)

    def _hand_out(self, waiting: deque[int], room: int) -> None:
        """Give seeds to whoever has none. room: for results, of which some are being made."""
        room -= sum(worker.seed is not None for worker in self.workers)
        for worker in [w for w in self.workers if w.left == 0 and w.seed is None]:
            self.workers.remove(worker)
            worker.end()
        while waiting and room > 0 and self._lost is None:
            idle = next((w for w in self.workers if w.seed is None), None)
            if idle is None:
                if len(self.workers) == self._jobs:
                    return
                idle = _Worker(self._run)
                self.workers.append(idle)
            with self._watched(idle):
                idle.give(waiting.popleft())
            room -= 1

    def _arrived(self) -> list[Result]:
        busy = {w.connection: w for w in self.workers if w.seed is not None}
        results: list[Result] = []
        for ready in wait(list(busy)) if busy else ():
            assert isinstance(ready, Connection)
            with self._watched(busy[ready]):
                results.append(busy[ready].take())
        return results

    @contextmanager
    def _watched(self, worker: _Worker) -> Iterator[None]:
        """Around what fails where a process is no more."""
        try:
            yield
        except (EOFError, OSError):
            time.sleep(_GRACE_S)
            running = sorted(w.seed for w in self.workers if w.seed is not None)
            worker.process.join()
            code = worker.process.exitcode or 0
            how = f"ended with code {code}"
            if code < 0:
                how = f"was killed by signal {-code} (was there too little memory?)"
            self._lost = ExecutionError(
                f"the process that ran seed {worker.seed} {how}; under way:"
                f" {', '.join(map(str, running))}; with --results the same command goes on"
            )
            self.workers.remove(worker)
            worker.end()

    def end(self) -> None:
        """End all of them."""
        while self.workers:
            self.workers.pop().end()


@contextmanager
def _taking_along(pool: _Pool) -> Iterator[None]:
    """SIGTERM or a closed terminal ends this process as it would anyway, and the others before."""
    ours = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        for worker in pool.workers:
            worker.process.kill()
        signal.signal(number, signal.SIG_DFL)
        os.kill(ours, number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:  # Ignored, as under nohup, it stays ignored.
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _work(run: _Run, connection: Connection) -> None:
    """In a process of its own: run what is given, until nobody gives any more."""
    # Ctrl-C reaches every process of a terminal; one of them is enough to end quietly.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        seed = connection.recv()
        try:
            connection.send(run(seed))
        except NodeError as error:
            connection.send(error)


def _end_with_parent() -> None:
    """Nobody would take the results, and a seed may take minutes."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
