"""Plays a recorded session through real nodes: one thread an agent, each hand-over waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from covey.client import Client
from covey.errors import NodeError
from covey.testkit.cluster.witness import Board, Witness
from covey.testkit.trace import Edit, Mirror, Stretch, Trace, stretches

__all__ = ["HandOver", "Player"]

HAND_OVER_S = 60.0
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class HandOver:
    """How long one stretch took. All in seconds.

    waited_s: from when the last delta it needs was durable at its author to when this agent's node
    had told that it took effect; 0 where it needs none. batch_s: from the first byte of the batch
    to the last durable reply. calls: a count.
    """

    waited_s: float
    batch_s: float
    calls: int


class Player:
    """Plays the first `transactions` of a trace. members: the key of each agent's node.

    acknowledged: calls that are durable. carriers: the delta that carries each transaction.
    """

    def __init__(
        self,
        board: Board,
        trace: Trace,
        transactions: int | None,
        members: Sequence[bytes],
        context: str,
    ) -> None:
        self.total = trace.prefix_length(transactions)
        self.acknowledged = 0
        self.carriers: dict[int, str] = {}
        self.hand_overs: list[HandOver] = []
        self._board = board
        self._context = context
        self._stretches = stretches(trace, transactions)
        self._script = _Script(Mirror(trace, members).edits(transactions))
        self._durable_s: dict[str, float] = {}

    def play(self, witnesses: Sequence[Witness]) -> None:
        """Start every agent's thread. witnesses: of each agent's node."""
        for agent, witness in enumerate(witnesses):
            mine = [stretch for stretch in self._stretches if stretch.agent == agent]
            self._board.run(f"agent {agent}", partial(self._act, mine, witness))

    @property
    def is_done(self) -> bool:
        """Whether every transaction is durable."""
        return self.acknowledged == self.total

    def _act(self, mine: list[Stretch], witness: Witness) -> None:
        with witness.node.client() as client:
            for stretch in mine:
                heard_s, durable_s = self._await(stretch, witness)
                began_s = time.monotonic()
                self._send(client, stretch)
                ended_s = time.monotonic()
                self.hand_overs.append(
                    HandOver(
                        waited_s=max(heard_s - durable_s, 0.0),
                        batch_s=ended_s - began_s,
                        calls=len(stretch.transactions),
                    )
                )

    def _await(self, stretch: Stretch, witness: Witness) -> tuple[float, float]:
        """Wait until this agent's node has what the stretch follows: (heard, durable) at last."""
        needed = [index for _, index in stretch.requires]

        def has_arrived() -> bool:
            return all(self.carriers.get(index) in witness.applied for index in needed)

        if not self._board.wait(has_arrived, HAND_OVER_S):
            raise NodeError(
                f"node {witness.node.name} did not get what transaction {stretch.transactions[0]} "
                f"follows within {HAND_OVER_S:.0f} s"
            )
        deltas = [self.carriers[index] for index in needed]
        heard_s = max((witness.applied[delta] for delta in deltas), default=0.0)
        return heard_s, max((self._durable_s[delta] for delta in deltas), default=0.0)

    def _send(self, client: Client, stretch: Stretch) -> None:
        calls = [("edit", self._script.args(index)) for index in stretch.transactions]
        carriers: dict[int, str] = {}
        for index, reply in zip(
            stretch.transactions, client.batch(self._context, calls), strict=True
        ):
            if isinstance(reply, NodeError):
                raise NodeError(f"transaction {index} was refused: {reply}")
            carriers[index] = reply.delta
        now_s = time.monotonic()

        def note() -> None:
            self.carriers.update(carriers)
            self._durable_s.update(dict.fromkeys(carriers.values(), now_s))
            self.acknowledged += len(carriers)

        self._board.change(note)


class _Script:
    """The arguments of each transaction; written in the order of the trace, read by all agents."""

    def __init__(self, edits: Iterator[Edit]) -> None:
        self._edits = edits
        self._written: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def args(self, index: int) -> bytes:
        """The arguments of one transaction, once."""
        with self._lock:
            while index not in self._written:
                edit = next(self._edits)
                self._written[edit.index] = _encode(edit.args)
            return self._written.pop(index)
