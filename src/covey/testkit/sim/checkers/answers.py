"""Every caller is told what came of its call, in order, and the delta holds what took effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from covey.model import Call, Completed, Delta, DeltaId, Failed, Failure
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.sync import CallsSubmitted, GovernanceAnswered, Reply
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Answers"]

_NEVER_RAN: Final = (Failure.NOT_ADMITTED, Failure.OVERLOADED)  # answered without a turn


class Answers(Checker):
    """Which calls wait for an answer, which was answered last, how many of each delta were.

    _written: own deltas of the event under way, with how many calls each holds.
    """

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._asked: dict[int, Call] = {}
        self._answered: dict[DeltaId, int] = {}
        self._last: dict[str, int] = {}
        self._written: dict[str, dict[DeltaId, int]] = {name: {} for name in checks.world.nodes}

    def stopped(self, node: Node, why: str) -> None:
        """Callers of a node that crashed are told nothing, and know that."""
        del why
        self._written[node.name].clear()

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        """What is asked for."""
        del node
        self._asked.update((request.request, request.call) for request in event.requests)

    def applied(self, node: Node, delta: Delta) -> None:
        """An own delta: each of its calls had somebody who waits."""
        if delta.core.author == node.replica.device and not node.is_doctored:
            calls = self.checks.history.known[delta.id].payload.calls
            self._written[node.name][delta.id] = len(calls)

    def replied(self, node: Node, reply: Reply) -> None:
        """Answers come in the order of the calls; the delta holds those that did not fail."""
        call = self._asked.pop(reply.request)
        outcome, delta = reply.outcome, reply.delta
        named = f"{node.name} answers {reply.request}"
        if not isinstance(outcome, Failed) or outcome.failure not in _NEVER_RAN:
            last = self._last.get(node.name, 0)
            assert last < reply.request, f"{named} after {last}, which came later"
            self._last[node.name] = reply.request
        if not isinstance(outcome, Completed):
            assert delta is None, f"{named}, which failed, with a delta"
            return
        assert delta is not None, f"{named}, which took effect, without a delta"
        payload = self.checks.history.known[delta].payload
        place = self._answered.get(delta, 0)
        self._answered[delta] = place + 1
        told = (call, outcome.effects, outcome.events)
        held = list(zip(payload.calls, payload.effects, payload.events, strict=True))
        assert held[place : place + 1] == [told], f"{named} with what its delta does not hold"

    def governed(self, node: Node, answer: GovernanceAnswered) -> None:
        """Who wished for an upgrade is told of the migration with it."""
        del node
        if answer.delta is not None:
            self._answered[answer.delta] = len(
                self.checks.history.known[answer.delta].payload.calls
            )

    def settled(self, node: Node) -> None:
        """Whoever has a call in an own delta was told that it took effect."""
        self._require_told(node)

    def ended(self) -> None:
        """As above, of all that nodes wrote in this life."""
        for node in self.checks.world.nodes.values():
            self._require_told(node)

    def _require_told(self, node: Node) -> None:
        written = self._written[node.name]
        for delta, count in written.items():
            told = self._answered.get(delta, 0)
            named = f"{node.name} wrote {count} calls into {delta.hex()[:8]}"
            assert told == count, f"{named} and told {told} of their callers"
        written.clear()
