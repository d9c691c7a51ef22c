"""People who want a release in force: they install it, approve it, or put it in force.

They try again while they are refused, since approvals and notices take their time, and stop as soon
as their node says that this release is in force, or a newer one.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from covey.model import Approve, Call, Governance, Upgrade
from covey.sync import GovernanceAnswered, GovernanceRequested
from covey.testkit.sim.faults import Rollout

if TYPE_CHECKING:
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.world import World

__all__ = ["Rollouts"]

_AGAIN_S: Final = (0.7, 1.3, 2.0)


class Rollouts:
    """All that is under way.

    _waiting: by request what a node has not answered in this life. _said: the number that was in
    force when somebody approved.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(f"{world.plan.seed}/rollouts")  # noqa: S311 - it must repeat
        self._waiting: dict[tuple[str, int], Rollout] = {}
        self._said: dict[tuple[str, Rollout], int] = {}

    def begin(self, rollout: Rollout) -> None:
        """Somebody begins to want a release."""
        self._turn(rollout)

    def stopped(self, node: Node) -> None:
        """A node that crashed answers nothing."""
        for key in [key for key in self._waiting if key[0] == node.name]:
            del self._waiting[key]

    def answered(self, node: Node, answer: GovernanceAnswered) -> None:
        """What came of a wish."""
        rollout = self._waiting.pop((node.name, answer.request), None)
        if rollout is None or answer.delta is None:
            return
        if rollout.deed == "approve":
            ledger = node.replica.ledger
            self._said[node.name, rollout] = ledger.governor.rule(ledger.authority).number
            self._world.met("approval")
            return
        self._world.met("upgrade")
        if rollout.migrates:
            self._world.met("migration")

    def heal(self) -> None:
        """Whoever stays installs everything: else a release could be gone with who brought it."""
        if self._world.plan.code is None:
            return
        first = next(iter(self._world.nodes.values()))
        for release in self._world.library.by_id.values():
            if release.is_signed and first.is_up:
                first.shelf.install(release)

    def _turn(self, rollout: Rollout) -> None:
        if self._world.clock.now > rollout.to_s:
            return
        node = self._world.nodes[rollout.node]
        with node.disk.unhurt():
            wish = self._wish(node, rollout) if self._may_wish(node, rollout) else None
        if wish is not None:
            request = next(self._world.requests)
            self._waiting[node.name, request] = rollout
            migration = Call("migrate", b'{"most": 8}') if rollout.migrates else None
            node.wish(GovernanceRequested(request, (wish,), migration))
        self._world.clock.after(self._rng.choice(_AGAIN_S), lambda: self._turn(rollout))

    def _may_wish(self, node: Node, rollout: Rollout) -> bool:
        is_asked = any(waiting == rollout for waiting in self._waiting.values())
        return node.is_up and node.replica.is_admitted and not is_asked

    def _wish(self, node: Node, rollout: Rollout) -> Governance | None:
        library, ledger = self._world.library, node.replica.ledger
        release = library.by_name[rollout.release]
        rule = ledger.governor.rule(ledger.authority)
        current = library.by_id[rule.release]
        if current == release or current.is_newer_than(release):
            return None
        if not node.shelf.is_ready(release.id):
            node.shelf.install(release)
            return None
        if rollout.deed == "upgrade":
            return Upgrade(1, release.manifest, ())
        if self._said.get((node.name, rollout)) == rule.number:
            return None  # Once is enough, until another number is the next.
        return Approve(1, release.id)
