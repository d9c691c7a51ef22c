"""One context under attack while honest calls go on in it, and what came of each attack."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from covey.client import Client
from covey.errors import NodeError
from covey.model import limits
from covey.testkit.cluster import Board, Witness, until
from tests.e2e.doctored.scene import PATIENCE_S, Honest, Scene

__all__ = ["LATENCY_S", "Assault", "Verdict", "record"]

LATENCY_S = 5.0
"""The 99th percentile of honest calls, and of their ways to the other node, stays below this on a
loaded machine with two cores. Of fewer than 100 calls it is the worst one.
"""

TABLE = "COVEY_ATTACKS_TABLE"
_NEVER_KEPT = ("bad-signature", "not-admitted")
"""Codes of what is no proof: nobody says that the device wrote it, or it is nobody's here."""

_CALLS_MIN = 3  # of each honest node after a deed
_ENOUGH = 100  # calls, of which one in a hundred may take longer
_PAUSE_S = 0.02

MakeCall = Callable[[str], tuple[str, bytes]]
Look = Callable[[Client, str], None]
"""Looks at the state of a context on a node, and asserts that an attack is not in it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a deed. deltas: those that it published."""

    deltas: list[str]
    codes: tuple[str, ...]
    p99_s: float
    reached_p99_s: float


class Traffic:
    """Calls of one honest node, one after the other, from a thread of its own."""

    def __init__(self, board: Board, node: Honest, context: str, make: MakeCall) -> None:
        self.calls: list[tuple[float, float, str]] = []  # began, took, delta
        self._board, self._context, self._make = board, context, make
        self._client = node.process.client()
        self._go = threading.Event()
        self._idle = threading.Event()
        self._ended = threading.Event()
        self._name = node.name
        board.run(f"calls of {node.name}", self._run)

    def go(self) -> None:
        """Begin, or go on."""
        self._idle.clear()
        self._go.set()

    def pause(self) -> None:
        """Wait until no call is under way, and begin none."""
        self._go.clear()
        assert self._idle.wait(PATIENCE_S)

    def end(self) -> None:
        self._ended.set()
        self._go.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            if not self._go.is_set():
                self._idle.set()
                self._go.wait()
                continue
            method, arguments = self._make(f"{self._name}-{len(self.calls)}")
            began_s = time.monotonic()
            reply = self._client.call(self._context, method, arguments)
            self.calls.append((began_s, time.monotonic() - began_s, reply.delta))
            self._ended.wait(_PAUSE_S)
        self._client.close()


class Assault:
    """A context, its honest traffic, and the checks after each deed."""

    def __init__(
        self, scene: Scene, context: str, make: MakeCall, look: Look = lambda *_: None
    ) -> None:
        self.scene, self.context = scene, context
        self._look = look
        self._board = Board()
        self._traffic = [Traffic(self._board, n, context, make) for n in scene.honest]
        self._witnesses = [Witness(self._board, n.process, context) for n in scene.honest]

    def close(self) -> None:
        for traffic in self._traffic:
            traffic.end()

    # -- one deed after the other ---

    def refused(self, title: str, deed: str, code: str, count: int = 1, **words: object) -> Verdict:
        """Every honest node refuses what this publishes, with this code, and nothing changes.

        Its log says so with a reason, where there was room for one more of the device.
        """
        before = [node.rule(self.context) for node in self.scene.honest]
        kept = [len(node.kept(self.context)) for node in self.scene.honest]
        with self.under(title) as seen:
            deltas = self.scene.mal.commit(deed, self.context, **words)
            self._await_refusals(seen.marks, count)
        codes = {c for node, mark in seen.each() for c in node.refusals(mark)}
        assert codes == {code}, f"{title}: {codes}"
        assert [node.rule(self.context) for node in self.scene.honest] == before
        self.holds_none_of(deltas)
        for node, count_before in zip(self.scene.honest, kept, strict=True):
            self._explains(node, deltas[: limits.REFUSALS_PER_DEVICE_MAX - count_before], code)
        return self._told(title, tuple(sorted(codes)), seen, "0", deltas)

    def stands(self, title: str, deed: str, *, void: bool = False, **words: object) -> Verdict:
        """Every honest node applies what this publishes. void: and it does nothing."""
        with self.under(title) as seen:
            deltas = self.scene.mal.commit(deed, self.context, **words)
            for node in self.scene.honest:
                until(lambda n=node: set(deltas) <= n.rows(self.context).keys(), PATIENCE_S, title)
        for node in self.scene.honest:
            rows = node.rows(self.context)
            assert {rows[delta].void for delta in deltas} == {void}, title
            assert not node.refusals(seen.marks[node.name]), title
            if void:
                self._look(node.client, self.context)
        return self._told(title, ("void" if void else "stands",), seen, "2", deltas)

    def commit(self, deed: str, **words: object) -> list[str]:
        """Have the rogue do something that is looked at by the caller."""
        return self.scene.mal.commit(deed, self.context, **words)

    @contextmanager
    def under(self, title: str, *, waiting: bool = False):
        """Honest calls go on during the block and after it, then all agree.

        waiting: though something waits for ever.
        """
        self.scene.face(self.context)
        seen = _Seen(self.scene.honest)
        for traffic in self._traffic:
            traffic.go()
        self._await_calls()
        seen.begin()
        try:
            yield seen
            self._await_calls()
        finally:
            for traffic in self._traffic:
                traffic.pause()
        self.settle(title, waiting)
        seen.measured = self._measured(seen.began_s)

    def settle(self, title: str, waiting: bool = False) -> None:
        """Wait until the honest nodes have the same deltas and the same state."""

        def are_equal() -> bool:
            told = [self.scene.digest(n.client, self.context) for n in self.scene.honest]
            missing = 0 if not waiting else told[0][3]
            return len(set(told)) == 1 and told[0][2] == told[0][3] == missing

        try:
            until(are_equal, PATIENCE_S, f"agreement after {title}")
        except NodeError as error:
            told = [self.scene.digest(n.client, self.context) for n in self.scene.honest]
            raise NodeError(f"{error}: {told}") from error

    def told(self, title: str, said: str, seen: _Seen, accepted: str) -> None:
        """Write a row of the table."""
        self._told(title, (said,), seen, accepted, [])

    # -- what is looked at ---

    def _await_calls(self) -> None:
        counts = [len(traffic.calls) for traffic in self._traffic]

        def went_on() -> bool:
            self._board.wait(lambda: True, 0)  # Raises what a thread of it met.
            return all(
                len(traffic.calls) >= before + _CALLS_MIN
                for traffic, before in zip(self._traffic, counts, strict=True)
            )

        until(went_on, PATIENCE_S, "honest calls")

    def _await_refusals(self, marks: dict[str, int], count: int) -> None:
        for node in self.scene.honest:
            until(
                lambda n=node: len(n.refusals(marks[n.name])) >= count,
                PATIENCE_S,
                f"a refusal by {node.name}",
            )

    def holds_none_of(self, deltas: Iterable[str]) -> None:
        """No honest node has applied any of these, and none of their effects is there."""
        for node in self.scene.honest:
            assert not node.rows(self.context).keys() & set(deltas), f"{node.name} applied it"
            self._look(node.client, self.context)

    def has_room(self) -> bool:
        """Whether the next thing that is refused here is kept, as one of the first ones."""
        kept = [len(node.kept(self.context)) for node in self.scene.honest]
        return max(kept) < limits.REFUSALS_PER_DEVICE_MAX

    def _explains(self, node: Honest, deltas: list[str], code: str) -> None:
        """Its log has each of these with the code and a reason, or none where it is no proof."""
        if code in _NEVER_KEPT:
            assert not node.kept(self.context).keys() & set(deltas)
            return
        until(lambda: set(deltas) <= node.kept(self.context).keys(), PATIENCE_S, "what is kept")
        rows = node.kept(self.context)
        assert {rows[delta].code for delta in deltas} <= {code}, f"{node.name} gives another reason"
        assert all(rows[delta].reason for delta in deltas), f"{node.name} gives no reason"

    def _measured(self, since_s: float) -> tuple[float, float, int]:
        """The 99th percentiles of calls and of their ways to the other node, and how many."""
        took, reached = [], []
        for traffic, witness in zip(self._traffic, reversed(self._witnesses), strict=True):
            for began_s, took_s, delta in tuple(traffic.calls):
                if began_s + took_s < since_s:
                    continue
                took.append(took_s)
                until(lambda w=witness, d=delta: d in w.applied, PATIENCE_S, "a call's way")
                reached.append(max(witness.applied[delta] - began_s - took_s, 0.0))
        return _p99(took), _p99(reached), len(took)

    def _told(
        self, title: str, codes: tuple[str, ...], seen: _Seen, accepted: str, deltas: list[str]
    ) -> Verdict:
        p99_s, reached_s, calls = seen.measured
        which = f"99 % of {calls}" if calls >= _ENOUGH else f"worst of {calls}"
        measured = f"{p99_s * 1e3:.0f} ms | {reached_s * 1e3:.0f} ms | {which}"
        record(title, ", ".join(codes), f"{accepted}/2", measured)
        assert p99_s < LATENCY_S, f"{title}: honest calls took {p99_s:.1f} s ({which})"
        assert reached_s < LATENCY_S, f"{title}: they were {reached_s:.1f} s on the way ({which})"
        return Verdict(deltas, codes, p99_s, reached_s)


class _Seen:
    """Where logs ended when a deed began, and what was measured since."""

    def __init__(self, honest: tuple[Honest, ...]) -> None:
        self._honest = honest
        self.marks: dict[str, int] = {}
        self.began_s = 0.0
        self.measured = (0.0, 0.0, 0)

    def begin(self) -> None:
        self.marks = {node.name: node.log_size() for node in self._honest}
        self.began_s = time.monotonic()

    def each(self):
        """Each honest node, and where its log ended."""
        return [(node, self.marks[node.name]) for node in self._honest]


def record(title: str, said: str, accepted: str, measured: str = " | | ") -> None:
    """A row of the table of attacks, where one is wanted."""
    path = os.environ.get(TABLE)
    if path:
        with Path(path).open("a") as table:
            table.write(f"| {title} | {said} | {accepted} | {measured} |\n")


def _p99(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1] if values else 0.0
