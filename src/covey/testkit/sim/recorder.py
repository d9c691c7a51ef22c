"""Looks on at one run, and keeps what a person wants to see of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from covey.codec import release_id
from covey.model import (
    Add,
    Approve,
    Delete,
    Delta,
    Effect,
    Governance,
    Payload,
    PeerId,
    Put,
    ReleaseId,
    Upgrade,
)
from covey.testkit.sim.checkers.base import Checker
from covey.testkit.sim.faults import (
    Crash,
    Fault,
    Flapping,
    Govern,
    Jump,
    Leave,
    Misdeed,
    Partition,
    Rollout,
    kind_of,
)
from covey.testkit.sim.run import Result, simulate
from covey.testkit.sim.timeline import Arrival, Band, Lane, Mark, Timeline, Written

if TYPE_CHECKING:
    from covey.sync import CallsSubmitted, Reply
    from covey.testkit.sim.application import Application
    from covey.testkit.sim.checkers.checks import Checks
    from covey.testkit.sim.node import Node
    from covey.testkit.sim.plan import NodePlan, Plan
    from covey.testkit.sim.world import World

__all__ = ["record"]

_EFFECTS_SHOWN = 6
_STOPS = {"killed": "kill", "power cut": "power-cut", "disk failure": "disk-failure"}


def record(plan: Plan, application: Application) -> tuple[Result, Timeline]:
    """Run one plan, and draw up what happened."""
    timeline = Timeline(plan.seed, plan.scenario)
    timeline.lanes = [Lane(node.name, _role(node)) for node in plan.nodes]
    timeline.faults_s = plan.faults_s
    timeline.bands = [_band(fault) for fault in plan.faults if fault.ends_s() > fault.at_s]

    class Recorder(_Recorder):
        def __init__(self, checks: Checks) -> None:
            super().__init__(checks, timeline)

    result = simulate(plan, application, Recorder, is_thorough=True)
    timeline.faults = result.faults
    timeline.calls, timeline.took_effect = result.calls, result.took_effect
    if not application.is_arena:
        timeline.application = application.told
    finding = result.finding
    timeline.ended_s = plan.faults_s + (result.healed_s or 0.0)
    if finding is not None:
        timeline.ended_s = finding.at_s
        timeline.finding = f"{finding.message} ({finding.where})"
        node = next((n for n in plan.names if f"{n} " in finding.message), "")
        order = sum(len(delta.arrivals) + 1 for delta in timeline.deltas.values())
        order += len(timeline.marks) + 1  # the last of all
        timeline.marks.append(Mark(finding.at_s, node, "finding", finding.message, order))
    return result, timeline


class _Recorder(Checker):
    """A checker that checks nothing."""

    def __init__(self, checks: Checks, timeline: Timeline) -> None:
        super().__init__(checks)
        self._timeline = timeline
        self._order = itertools.count(1)
        self._up: set[str] = set()
        for fault in checks.world.plan.faults:
            if isinstance(fault, Jump):
                label = f"clock {fault.skew_s:+.1f} s from true time"
                timeline.marks.append(Mark(fault.at_s, fault.node, kind_of(fault), label))

    @property
    def _now(self) -> float:
        return self.checks.world.clock.now

    def started(self, node: Node) -> None:
        """It came up."""
        self._up.add(node.name)
        label = "comes up" if node.incarnation == 1 else "comes up again"
        self._mark(node, "start", f"{label} with {node.replica.ledger.count} deltas")

    def stopped(self, node: Node, why: str) -> None:
        """It went down."""
        label = why if node.name in self._up else f"tries to start: {why}"
        self._up.discard(node.name)
        self._mark(node, _STOPS.get(why, "leave"), label)

    def did(self, node: Node, deed: str) -> None:
        """It cheated."""
        self._mark(node, "misdeed", deed)

    def submitted(self, node: Node, event: CallsSubmitted) -> None:
        """It was asked for something."""
        told = [
            f"{asked.request} {asked.call.method} {asked.call.arguments.decode()}"
            for asked in event.requests[:_EFFECTS_SHOWN]
        ]
        if len(event.requests) > _EFFECTS_SHOWN:
            told.append(f"and on to {event.requests[-1].request}")
        many = "call" if len(event.requests) == 1 else f"{len(event.requests)} calls:"
        self._mark(node, "calls", f"{many} {'; '.join(told)}")

    def replied(self, node: Node, reply: Reply) -> None:
        """It answered."""
        delta = "no delta" if reply.delta is None else f"delta {reply.delta.hex()[:8]}"
        self._mark(node, "reply", f"call {reply.request}: {delta}")

    def needs(self, node: Node, release: ReleaseId) -> None:
        """It lacks the code of a release."""
        self._mark(node, "release", f"needs {self.checks.world.library.told(release)}")

    def has(self, node: Node, release: ReleaseId) -> None:
        """It can run a release."""
        self._mark(node, "release", f"has {self.checks.world.library.told(release)}")

    def accused(self, node: Node, peer: PeerId, code: str) -> None:
        """It blamed a peer."""
        self._mark(node, "accused", f"blames {peer}: {code}")

    def applied(self, node: Node, delta: Delta) -> None:
        """A delta took effect."""
        written = self._timeline.deltas.get(delta.id.hex())
        if written is None:
            known = self.checks.history.known[delta.id]
            author = self._author(delta)
            told = _told(delta, known.payload, self.checks.world)
            label = f"sequence {delta.core.sequence}: {told}"
            written = Written(delta.id.hex(), author, self._now, label, order=next(self._order))
            self._timeline.deltas[delta.id.hex()] = written
        written.arrivals.append(Arrival(node.name, self._now, next(self._order)))

    def _author(self, delta: Delta) -> str:
        nodes = self.checks.world.nodes.values()
        return next((n.name for n in nodes if n.identity.device == delta.core.author), "stranger")

    def _mark(self, node: Node, kind: str, label: str) -> None:
        mark = Mark(self._now, node.name, kind, label, next(self._order))
        self._timeline.marks.append(mark)


def _role(node: NodePlan) -> str:
    if node.is_doctored:
        return "doctored"
    if node.is_founder:
        return "founder"
    return "member" if node.owner == node.name else "companion"


def _band(fault: Fault) -> Band:
    hidden = {"at_s", "to_s", "node", "side", "is_one_way"}
    facts = [
        f"{name} {getattr(fault, name)}" for name in fault.__struct_fields__ if name not in hidden
    ]
    match fault:
        case Partition(side=side, is_one_way=is_one_way):
            facts = [f"{', '.join(side)} cut off" + (", outwards only" if is_one_way else "")]
        case Flapping(period_s=period_s):
            facts = [f"cut every other {period_s} s"]
        case Crash() | Leave() | Misdeed() | Govern():
            facts = []
        case Rollout(told=told):
            facts = [told]
    label = ": ".join([kind_of(fault), ", ".join(facts)] if facts else [kind_of(fault)])
    return Band(kind_of(fault), label, fault.at_s, fault.ends_s(), fault.hits())


def _told(delta: Delta, payload: Payload, world: World) -> str:
    effects = [effect for call in payload.effects for effect in call]
    parts = [_governance(governance, world) for governance in delta.core.governance]
    parts += [_effect(effect) for effect in effects[:_EFFECTS_SHOWN]]
    if len(effects) > _EFFECTS_SHOWN:
        parts.append(f"and {len(effects) - _EFFECTS_SHOWN} more")
    return ", ".join(parts) or "no effect"


def _governance(effect: Governance, world: World) -> str:
    name = type(effect).__name__.lower()
    match effect:
        case Upgrade(number, manifest):
            return f"{name} {number} to {world.library.told(release_id(manifest))}"
        case Approve(number, release):
            return f"{name} {number}, {world.library.told(release)}"
    return name


def _effect(effect: Effect) -> str:
    key = effect.key.hex()[:12] if len(effect.key) > 24 else effect.key.decode("utf-8", "replace")
    match effect:
        case Put(value=value):
            return f"put {effect.collection} {key} = {value[:24].decode('utf-8', 'replace')}"
        case Delete():
            return f"delete {effect.collection} {key}"
        case Add(amount=amount):
            return f"add {effect.collection} {key} {amount:+d}"
