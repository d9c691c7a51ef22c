"""A simulated world at rest, to whose checkers a test tells what never happened."""

from __future__ import annotations

from covey.model import Delta, DeltaId, Effect, Governance
from covey.testkit.history import History
from covey.testkit.identities import Identity
from covey.testkit.sim import ARENA, load_application
from covey.testkit.sim.checkers import Checks
from covey.testkit.sim.node import Node
from covey.testkit.sim.plan import NodePlan, Plan
from covey.testkit.sim.world import World
from tests.unit.testkit.sim.worlds import nodes, small_plan

FOUNDERS = (*nodes("n0", "n1"), NodePlan("n2", "n2", is_founder=True, is_doctored=True))
"""Two honest nodes and one that is not."""


class Scene:
    """A world after some seconds without any fault, and deltas that are written beside it."""

    def __init__(self, plan: Plan | None = None, until_s: float = 3.0) -> None:
        self.world = World(plan or small_plan(nodes=FOUNDERS), load_application(ARENA))
        self.writing = History(self.world.founding)
        self.pass_time(until_s)

    @property
    def checks(self) -> Checks:
        """What is told."""
        return self.world.checks

    def node(self, name: str = "n0") -> Node:
        """A node of the world."""
        return self.world.nodes[name]

    def pass_time(self, until_s: float) -> None:
        """Let everything happen that is due by then."""
        while self.world.clock.step(until_s):
            pass

    def write(
        self,
        author: str | Identity,
        after: tuple[Delta, ...],
        *effects: Effect,
        governance: tuple[Governance, ...] = (),
        **wrong: object,
    ) -> Delta:
        """A delta of a node, each effect in a call of its own; wrong: as for `History.write`."""
        who = self.node(author).identity if isinstance(author, str) else author
        ids: tuple[DeltaId, ...] = tuple(delta.id for delta in after)
        parts = ((effect,) for effect in effects)
        return self.writing.write(who, ids, *parts, governance=governance, **wrong)

    def apply(self, *deltas: Delta, at: str = "n0") -> None:
        """Tell that a node applied these."""
        for delta in deltas:
            self.checks.applied(self.node(at), delta)
