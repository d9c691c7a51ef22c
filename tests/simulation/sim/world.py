"""A whole simulated network under one virtual clock, run from one seed."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from unittest import mock

from covey.model import Collection, limits
from covey.sync import CallRequest, CallsSubmitted
from tests.simulation.sim.checkers import Checks
from tests.simulation.sim.clock import Clock
from tests.simulation.sim.doctored import Doctored
from tests.simulation.sim.engine import Runner, ScriptedEngine
from tests.simulation.sim.founding import COLLECTIONS, found
from tests.simulation.sim.links import Links
from tests.simulation.sim.node import Node
from tests.simulation.sim.plan import Crash, Plan, Submission
from tests.simulation.sim.streams import Streams
from tests.simulation.sim.trace import Trace

__all__ = ["Result", "World", "simulate"]

_HEALING_S = 180.0  # the furthest clock, less the drift allowed, and some rounds of sync
_STEPS_MAX = 200_000

# Lowered together, so that every bound is met by a handful of nodes and deltas.
TIGHT_LIMITS = {
    "PENDING_DELTAS_MAX": 12,
    "PENDING_PER_DEVICE_MAX": 5,
    "PENDING_PER_PEER_MAX": 8,
    "REFUSED_REMEMBERED_MAX": 4,
    "JUDGED_REMEMBERED_MAX": 1,
    "INBOX_WHILE_EXECUTING_MAX": 2,
    "FRONTIERS_CACHED_MAX": 3,
    "FRAMES_REMEMBERED_MAX": 32,
    "FRONTIER_FULL_EVERY": 3,
    "DELTA_PARENTS_MAX": 2,
    "DELTA_CALLS_MAX": 3,
    "ASK_IDS_MAX": 2,
    "SYNC_PAGE_DELTAS": 2,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to; healed_s: virtual seconds from the last fault to agreement."""

    seed: int
    trace: str
    steps: int
    deltas: int
    healed_s: float


class World:
    """Nodes, network, faults and checks of one plan."""

    def __init__(
        self,
        plan: Plan,
        engine: Runner | None = None,
        collections: tuple[Collection, ...] = COLLECTIONS,
    ) -> None:
        self.plan = plan
        self.engine = engine or ScriptedEngine()
        self.collections = collections
        self.founding = found(plan)
        self.clock = Clock()
        self.trace = Trace()
        self.requests = itertools.count(1)
        self.links = Links(plan, self.clock)
        self.nodes = {
            name: Node(self, name, identity) for name, identity in self.founding.identities.items()
        }
        self.checks = Checks(self)
        self.streams = Streams(self)
        self._schedule()

    def note(self, node: Node, what: str) -> None:
        """Put a line into the trace."""
        self.trace.note(self.clock.now, node.name, what)

    def flood(self, source: Node, envelope: bytes, *, but: str) -> None:
        """Carry a frame of the topic to everybody but whom it came from."""
        for node in self.nodes.values():
            if node is not source and node.name != but:
                hear = partial(node.hear, envelope, source.name)
                self.links.send(source.name, node.name, hear)

    @property
    def honest(self) -> list[Node]:
        """The nodes whose owners do not cheat."""
        return [node for node in self.nodes.values() if not node.is_doctored]

    def run(self) -> Result:
        """Faults, then healing; raises AssertionError where a promise is broken."""
        while self.clock.step(self.plan.faults_s):
            self._after_step()
        self._heal()
        healed_from_s = self.clock.now
        while not self.checks.is_healed():
            if not self.clock.step(healed_from_s + _HEALING_S):
                break
            self._after_step()
        self.checks.ended()
        healed_s = self.clock.now - healed_from_s
        deltas = len(self.checks.history.known)
        return Result(self.plan.seed, self.trace.digest(), self.clock.count, deltas, healed_s)

    def _after_step(self) -> None:
        self.checks.stepped()
        assert self.clock.count < _STEPS_MAX, "the simulation does not come to rest"

    def _schedule(self) -> None:
        plan, clock = self.plan, self.clock
        for jump in plan.jumps:
            node = self.nodes[jump.node]
            clock.after(jump.at_s, partial(node.set_clock, jump.skew_s))
        for name, at_s in plan.joins:
            clock.after(at_s, self.nodes[name].start)
        for crash in plan.crashes:
            clock.after(crash.at_s, partial(self._arm, crash))
        for submission in plan.submissions:
            clock.after(submission.at_s, partial(self._submit, submission))
        if plan.doctored is not None:
            doctored = Doctored(self, self.nodes[plan.doctored])
            for at_s, misdeed in plan.misdeeds:
                clock.after(at_s, partial(doctored.do, misdeed))
        clock.after(0.01, self.streams.maintain)

    def _arm(self, crash: Crash) -> None:
        node = self.nodes[crash.node]
        if not node.is_up:
            return
        node.crash_in, node.crash_is_power_cut = crash.effects_before, crash.is_power_cut
        incarnation = node.incarnation

        def restart() -> None:
            if node.is_up and node.incarnation == incarnation and node.crash_in is not None:
                node.crash()
            if not node.is_up:
                node.start()

        self.clock.after(crash.down_s + 0.5, restart)

    def _submit(self, submission: Submission) -> None:
        node = self.nodes[submission.node]
        if node.is_up:
            requests = tuple(CallRequest(next(self.requests), call) for call in submission.calls)
            node.submit(CallsSubmitted(requests))

    def _heal(self) -> None:
        self.links.heal()
        for node in self.nodes.values():
            node.crash_in = None
            node.set_clock(0.0)
            if not node.is_up:
                node.start()


def simulate(
    plan: Plan,
    engine: Runner | None = None,
    collections: tuple[Collection, ...] = COLLECTIONS,
) -> Result:
    """Run one plan. An AssertionError's notes carry the seed and the last lines of the trace."""
    with ExitStack() as lowered:
        if plan.tight:
            for name, value in TIGHT_LIMITS.items():
                lowered.enter_context(mock.patch.object(limits, name, value))
        world = World(plan, engine, collections)
        try:
            return world.run()
        except Exception as failure:
            last = "\n  ".join(world.trace.last)
            raise AssertionError(
                f"seed {plan.seed} failed: {failure!r}\n"
                f"repeat it: scripts/simulate.py --seeds {plan.seed}..{plan.seed}\n  {last}"
            ) from failure
