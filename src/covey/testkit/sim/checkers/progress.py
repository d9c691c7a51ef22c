"""No node is stuck: who asks is answered in time, and what came in is dealt with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from covey.testkit.sim.checkers.base import Checker

if TYPE_CHECKING:
    from covey.sync import CallsSubmitted, Reply
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node

__all__ = ["Progress"]

_ANSWER_S: Final = 120.0  # many batches, each with the slowest durable write
_IDLE_S: Final = 60.0  # a node that is busy for longer never comes to rest


class Progress(Checker):
    """When each request came, and since when each node has been busy."""

    def __init__(self, checks: Checks) -> None:
        super().__init__(checks)
        self._asked_s: dict[str, dict[int, float]] = {name: {} for name in checks.world.nodes}
        self._idle_s: dict[str, float] = {}

    def started(self, node: Node) -> None:
        """Nothing is asked of a new process."""
        self._asked_s[node.name].clear()
        self._idle_s[node.name] = self.checks.world.clock.now

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        """Somebody waits for an answer."""
        now = self.checks.world.clock.now
        self._asked_s[node.name].update((request.request, now) for request in event.requests)

    def replied(self, node: Node, reply: Reply) -> None:
        """Somebody waits no more."""
        self._asked_s[node.name].pop(reply.request, None)

    def look(self) -> None:
        """Time has passed: whether anybody has waited for too long."""
        now = self.checks.world.clock.now
        for node in self.checks.world.nodes.values():
            if not node.is_up or node.is_idle:
                self._idle_s[node.name] = now
            if not node.is_up:
                continue
            busy_s = now - self._idle_s.get(node.name, now)
            assert busy_s <= _IDLE_S, f"{node.name} has been busy for {busy_s:.0f} s"
            first_s = next(iter(self._asked_s[node.name].values()), now)
            waited_s = now - first_s
            assert waited_s <= _ANSWER_S, f"a caller of {node.name} waits for {waited_s:.0f} s"
