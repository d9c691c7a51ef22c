"""A whole simulated network under one virtual clock, run from one plan."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable
from functools import partial

from covey.model import PeerId
from covey.sync import CallRequest, CallsSubmitted, GovernanceAnswered
from covey.testkit.sim.application import Application
from covey.testkit.sim.checkers import Checks
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.clock import Clock
from covey.testkit.sim.doctored import Doctored
from covey.testkit.sim.faults import (
    Crash,
    Fault,
    FullDisk,
    Govern,
    Jump,
    Leave,
    Misdeed,
    ReadErrors,
    Rollout,
    SlowDisk,
    kind_of,
)
from covey.testkit.sim.founding import lay
from covey.testkit.sim.governing import effect_of
from covey.testkit.sim.links import Links
from covey.testkit.sim.node import Node
from covey.testkit.sim.plan import Plan, Submission
from covey.testkit.sim.releases import Library, library_of
from covey.testkit.sim.rollouts import Rollouts
from covey.testkit.sim.streams import Streams
from covey.testkit.sim.trace import Trace

__all__ = ["World"]

_STEPS_PER_NODE_MAX = 200_000  # a world that takes more does not come to rest
_TOLD_EVERY = 200  # steps: a crowd takes some milliseconds for one
_CALL_AGAIN_S = 1.0
_CALLS_ELSEWHERE_AFTER = 4


class World:
    """Nodes, network, faults and checks of one plan.

    more: makes a checker that only looks on, such as the one that draws a page of it. is_thorough:
    the state is held against the oracle at every change, not now and then. told: now and then, the
    virtual seconds and the steps so far.
    """

    def __init__(
        self,
        plan: Plan,
        application: Application,
        more: type[Checker] | None = None,
        *,
        is_thorough: bool = False,
        told: Callable[[float, int], None] | None = None,
    ) -> None:
        self.plan = plan
        self.application = application
        self.is_thorough = is_thorough
        self._told = told
        self._told_next = _TOLD_EVERY
        ground = lay(plan, application)
        self.founding = ground.founding
        self.clock = Clock()
        self.trace = Trace()
        self.faults_met: Counter[str] = Counter()
        self.requests = itertools.count(1)
        self._messages = itertools.count(1)
        self.submitted = 0
        self.took_effect = 0
        self._calls_count = plan.calls_count
        self.links = Links(plan, self.clock, self.met)
        self.rollouts = Rollouts(self)
        self.nodes = {
            node.name: Node(self, node, ground.identities[node.name]) for node in plan.nodes
        }
        self.by_peer = {PeerId(name): node for name, node in self.nodes.items()}
        self.pairs = _pairs(plan)
        self.neighbours: dict[str, list[Node]] = {name: [] for name in self.nodes}
        for one, other in self.pairs:
            self.neighbours[one].append(self.nodes[other])
            self.neighbours[other].append(self.nodes[one])
        self.checks = Checks(self, more)
        self.streams = Streams(self)
        self._doctored = {
            name: Doctored(self, node) for name, node in self.nodes.items() if node.is_doctored
        }
        self._schedule()

    def note(self, node: Node, what: str) -> None:
        """Put a line into the trace."""
        self.trace.note(self.clock.now, node.name, what)

    def met(self, kind: str) -> None:
        """A fault did something."""
        self.faults_met[kind] += 1

    @property
    def library(self) -> Library:
        """The releases that there are, where the plan has code that changes."""
        return library_of(self.application)

    def governed(self, node: Node, answer: GovernanceAnswered) -> None:
        """A node answers a wish to govern."""
        self.checks.governed(node, answer)
        self.rollouts.answered(node, answer)

    def publish(self, source: Node, envelope: bytes) -> None:
        """Carry a new frame of the topic to every neighbour."""
        self.flood(source, envelope, next(self._messages), but=source.name)

    def flood(self, source: Node, envelope: bytes, message: int, *, but: str) -> None:
        """Carry a frame of the topic to every neighbour but the one it came from.

        message: by which the network knows a frame again that takes several ways.
        """
        for node in self.neighbours[source.name]:
            if node.name != but and not node.is_gone:
                hear = partial(node.hear, envelope, message, source.name)
                self.links.send(source.name, node.name, len(envelope), hear)

    @property
    def honest(self) -> list[Node]:
        """The nodes whose owners do not cheat, and that are here to stay."""
        return [node for node in self.nodes.values() if not (node.is_doctored or node.is_gone)]

    def run(self) -> float:
        """Faults, then healing; raises AssertionError where a promise is broken.

        Returns the virtual seconds that healing took.
        """
        while self.clock.step(self.plan.faults_s):
            self._after_step()
        self._heal()
        healed_from_s = self.clock.now
        while self.submitted < self._calls_count or not self.checks.is_healed():
            if not self.clock.step(healed_from_s + self.plan.healing_s):
                break
            self._after_step()
        self.checks.ended()
        return self.clock.now - healed_from_s

    def _after_step(self) -> None:
        self.checks.stepped()
        if self._told is not None and self.clock.count >= self._told_next:
            self._told_next = self.clock.count + _TOLD_EVERY
            self._told(self.clock.now, self.clock.count)
        most = _STEPS_PER_NODE_MAX * len(self.nodes)
        assert self.clock.count < most, "the simulation does not come to rest"

    def _schedule(self) -> None:
        plan, clock = self.plan, self.clock
        for node in plan.nodes:
            clock.after(node.starts_s, partial(self._join, self.nodes[node.name], node.starts_s))
            if node.owner != node.name:
                self.met("second-device")
        if plan.is_tight:
            self.met("tight-limits")
        for fault in plan.faults:
            clock.after(fault.at_s, partial(self._begin, fault))
        for submission in plan.submissions:
            clock.after(submission.at_s, partial(self._submit, submission, 0))
        clock.after(0.01, self.streams.maintain)

    def _join(self, node: Node, starts_s: float) -> None:
        if starts_s > _LATE_S:
            self.met("late-join")
        node.restart()

    def _begin(self, fault: Fault) -> None:
        """Begin a fault that is no business of the links."""
        match fault:
            case Crash():
                self._arm(fault)
            case Jump(node=node, skew_s=skew_s):
                self.met(kind_of(fault))
                self.nodes[node].skew_s = skew_s
            case Leave(node=node, back_s=back_s):
                self.nodes[node].leave(is_for_good=back_s is None)
                if back_s is not None:
                    self.clock.after(back_s, self.nodes[node].restart)
            case FullDisk(node=node, to_s=to_s):
                self.nodes[node].disk.hurt.is_full = True
                self.clock.after(to_s - fault.at_s, partial(self._mend, self.nodes[node]))
            case ReadErrors(node=node, to_s=to_s, every=every):
                self._hurt_reads(self.nodes[node], to_s, every)
            case SlowDisk(node=node, to_s=to_s, most_s=most_s):
                self.nodes[node].slow_disk_s = most_s
                self.clock.after(to_s - fault.at_s, partial(self._mend, self.nodes[node]))
            case Govern(node=node, deed=deed, target=target):
                device = self.nodes[target].identity
                effect = effect_of(deed, device.device, device.member_id)
                self.nodes[node].govern((effect,), next(self.requests))
            case Rollout():
                self.rollouts.begin(fault)
            case Misdeed(node=node, deed=deed):
                with self.nodes[node].disk.unhurt():
                    self._doctored[node].do(deed)
            case _:
                pass

    def _hurt_reads(self, node: Node, to_s: float, every: int) -> None:
        """Let a read fail that is so many away; it ends the process. Then another one."""
        if self.clock.now >= to_s:
            node.disk.hurt.reads_left = None
            return
        if node.disk.hurt.reads_left is None:
            node.disk.hurt.reads_left = node.rng.randint(0, 2 * every)
        self.clock.after(0.5, partial(self._hurt_reads, node, to_s, every))

    @staticmethod
    def _mend(node: Node) -> None:
        node.disk.hurt.is_full = False
        node.slow_disk_s = 0.0

    def _arm(self, crash: Crash) -> None:
        node = self.nodes[crash.node]
        if not node.is_up:
            return
        node.crash_in, node.crash_is_power_cut = crash.effects_before, crash.is_power_cut
        incarnation = node.incarnation

        def restart() -> None:
            if node.is_up and node.incarnation == incarnation and node.crash_in is not None:
                node.crash()
            node.restart()

        self.clock.after(crash.down_s + 0.5, restart)

    def _submit(self, submission: Submission, tries: int) -> None:
        """Hand calls to a node; while it is down or a stranger, their callers come again.

        After some tries they go elsewhere, so that every call of a plan reaches a node.
        """
        node = self._taker(submission, tries)
        if node is None:
            again = partial(self._submit, submission, tries + 1)
            self.clock.after(_CALL_AGAIN_S, again)
            return
        self.submitted += len(submission.calls)
        calls = [call.call for call in submission.calls]
        node.submit(CallsSubmitted(tuple(CallRequest(next(self.requests), c) for c in calls)))

    def _taker(self, submission: Submission, tries: int) -> Node | None:
        wanted = self.nodes[submission.node]
        choice = [wanted] if tries < _CALLS_ELSEWHERE_AFTER else [wanted, *self.nodes.values()]
        for node in choice:
            with node.disk.unhurt():
                if node.is_up and node.replica.is_admitted:
                    return node
        return None

    def _heal(self) -> None:
        self.links.heal()
        for node in self.nodes.values():
            node.crash_in = None
            node.skew_s = 0.0
            node.disk.hurt.reads_left = None
            self._mend(node)
            node.restart()
        self.rollouts.heal()


_LATE_S = 0.5  # whoever starts later finds a context that has begun


def _pairs(plan: Plan) -> list[tuple[str, str]]:
    """Who has whom for a neighbour: a ring and chords, or everybody."""
    names = plan.names
    if plan.degree == 0 or plan.degree >= len(names) - 1:
        return list(itertools.combinations(names, 2))
    rng = random.Random(f"{plan.seed}/pairs")  # noqa: S311 - it must repeat itself
    pairs: dict[tuple[str, str], None] = {}
    for _ in range(max(1, plan.degree // 2)):
        ring = list(names)
        if pairs:
            rng.shuffle(ring)
        for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
            pairs[min(one, other), max(one, other)] = None
    return list(pairs)
