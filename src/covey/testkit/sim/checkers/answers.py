"""Calls run in the order in which they came, and what took effect is in the delta that is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.model import Call, Completed, DeltaId
from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.sync import CallsSubmitted, Reply
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Answers"]


class Answers(Checker):
    """Which calls wait for an answer, which was answered last, how many of each delta were."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._asked: dict[int, Call] = {}
        self._answered: dict[DeltaId, int] = {}
        self._last: dict[str, int] = {}

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        """What is asked for."""
        del node
        self._asked.update((request.request, request.call) for request in event.requests)

    def replied(self, node: Node, reply: Reply) -> None:
        """Answers come in the order of the calls; the delta holds those that did not fail."""
        call = self._asked.pop(reply.request)
        outcome, delta = reply.outcome, reply.delta
        if not isinstance(outcome, Completed):
            return
        named = f"{node.name} answers {reply.request}"
        last = self._last.get(node.name, 0)
        assert last < reply.request, f"{named} after {last}, which came later"
        self._last[node.name] = reply.request
        assert delta is not None, f"{named}, which took effect, without a delta"
        payload = self.checks.history.known[delta].payload
        place = self._answered.get(delta, 0)
        self._answered[delta] = place + 1
        told = (call, outcome.effects, outcome.events)
        held = list(zip(payload.calls, payload.effects, payload.events, strict=True))
        assert held[place : place + 1] == [told], f"{named} with what its delta does not hold"
