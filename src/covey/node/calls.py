"""Calls from outside: checked, queued in pieces, answered in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator

import trio

from covey.errors import ExecutionError, NodeError, NotFound, Refused
from covey.model import Call, Completed, Failed, Failure, MethodKind, limits
from covey.node.context import ContextDriver
from covey.node.views import CallResult
from covey.sync import Reply

__all__ = ["BatchRun", "failure_of", "result_of"]

_PIECE_CALLS = 2 * limits.DELTA_CALLS_MAX  # in flight: the next delta is ready when one is done


def result_of(outcome: Completed) -> str:
    """The JSON text of a result; "null" where the application gave none."""
    return outcome.result.decode() or "null"


def failure_of(failed: Failed) -> NodeError:
    """The error for a call that took no effect."""
    if failed.failure is Failure.UNKNOWN_METHOD:
        return NotFound(failed.message)
    if failed.failure is Failure.HOST_FAULT:
        return ExecutionError(failed.message)
    return Refused(failed.message)


class BatchRun:
    """One caller's calls: a bounded number is under way at a time."""

    def __init__(self, driver: ContextDriver, calls: Iterable[tuple[str, bytes]]) -> None:
        self._driver = driver
        self._calls = iter(calls)
        self._answers: dict[int, CallResult | NodeError] = {}
        self._answered = trio.Event()
        self._given = 0  # calls handed to the context or refused at once

    async def answers(self) -> AsyncIterator[CallResult | NodeError]:
        """One answer for each call, in order."""
        place = 0
        exhausted = not await self._give()
        while place < self._given or not exhausted:
            if place in self._answers:
                yield self._answers.pop(place)
                place += 1
                continue
            if not exhausted and self._given - place <= _PIECE_CALLS // 2:
                exhausted = not await self._give()
                continue
            self._answered = trio.Event()
            await self._answered.wait()

    async def _give(self) -> bool:
        """Hand over a piece of the calls; whether there were any."""
        given_before = self._given
        places: list[int] = []
        piece: list[Call] = []
        for method, arguments in _take(self._calls, _PIECE_CALLS // 2):
            place = self._given
            self._given += 1
            refused = self._check(method, arguments)
            if refused is not None:
                self._answers[place] = refused
                continue
            places.append(place)
            piece.append(Call(method, arguments))
        if piece:
            await self._driver.submit(piece, lambda i, reply: self._take(places[i], reply))
        return self._given > given_before

    def _check(self, method: str, arguments: bytes) -> NodeError | None:
        declared = self._driver.code.interface.method(method)
        if declared is None:
            return NotFound(f"the application has no method {method[:64]!r}")
        if declared.kind is not MethodKind.CALL:
            return NotFound(f"{method!r} only reads: it is a query, not a call")
        if len(arguments) > limits.CALL_ARGUMENTS_BYTES_MAX:
            return Refused("too-large: the arguments have more than 1 MiB")
        return None

    def _take(self, place: int, reply: Reply) -> None:
        outcome = reply.outcome
        if isinstance(outcome, Failed):
            self._answers[place] = failure_of(outcome)
        else:
            assert reply.delta is not None
            self._answers[place] = CallResult(
                result=result_of(outcome),
                delta=reply.delta.hex(),
                fuel=outcome.fuel,
                log=outcome.log,
            )
        self._answered.set()


def _take(calls: Iterator[tuple[str, bytes]], count: int) -> Iterator[tuple[str, bytes]]:
    for _, call in zip(range(count), calls, strict=False):
        yield call
