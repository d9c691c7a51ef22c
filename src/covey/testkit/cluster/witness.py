"""Who watches a node: which deltas took effect there, told by its stream, never asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from covey.errors import NodeError
from covey.testkit.cluster.process import NodeProcess

__all__ = ["Board", "Witness"]


class Board:
    """What the threads of a driver tell each other; the first failure ends all waiting."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._failure: NodeError | None = None

    def change(self, act: Callable[[], None]) -> None:
        """Do something that others may wait for."""
        with self._changed:
            act()
            self._changed.notify_all()

    def fail(self, error: NodeError) -> None:
        """End everybody's waiting; later failures follow from the first."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def wait(self, fact: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a fact; whether it holds. Raises the failure that somebody told."""
        with self._changed:
            self._changed.wait_for(lambda: fact() or self._failure is not None, timeout_s)
            if self._failure is not None:
                raise self._failure
            return fact()

    def run(self, name: str, act: Callable[[], None]) -> None:
        """Do something in a thread of its own; what it raises fails the board.

        The thread ends with the process: whoever waits for it waits for a fact on the board.
        """
        threading.Thread(target=self._guard, args=(name, act), name=name, daemon=True).start()

    def _guard(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except NodeError as error:
            self.fail(NodeError(f"{name}: {error}"))
        except BaseException as error:
            self.fail(NodeError(f"{name}: {type(error).__name__}: {error}"))
            raise


class Witness:
    """Follows the watch of a context on one node from its first delta on, in its own thread.

    applied: when each delta was heard to have taken effect, in seconds of `time.monotonic`.
    calls: how many calls they carry.
    """

    def __init__(self, board: Board, node: NodeProcess, context: str) -> None:
        self.node = node
        self.applied: dict[str, float] = {}
        self.calls = 0
        self._board = board
        self._context = context
        board.run(f"watch {node.name}", self._follow)

    def _follow(self) -> None:
        with self.node.client() as client, client.watch(self._context, after=0) as rows:
            for row in rows:
                self._board.change(partial(self._note, row.delta, row.calls))

    def _note(self, delta: str, calls: int) -> None:
        self.applied[delta] = time.monotonic()
        self.calls += calls
