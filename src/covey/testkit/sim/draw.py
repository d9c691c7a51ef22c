"""From a scenario and a seed to a plan: swarm testing, each seed draws which faults exist at all.

With every fault in every seed many bugs hide: what loses half of all messages never fills a buffer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from covey.testkit.sim.application import Application
from covey.testkit.sim.drawing_code import draw_code
from covey.testkit.sim.faults import (
    WISHES,
    Bandwidth,
    Crash,
    Delay,
    Duplicate,
    Fault,
    Flapping,
    FullDisk,
    Govern,
    Jump,
    Leave,
    Loss,
    Misdeed,
    Partition,
    ReadErrors,
    Reorder,
    SlowDisk,
    SlowPeer,
)
from covey.testkit.sim.plan import NodePlan, Plan, Submission
from covey.testkit.sim.scenario import Scenario
from covey.testkit.sim.workload import call_maker

__all__ = ["plan_of"]

_BUDGET_PER_CALL = 400_000  # a minute of a device, for each call of all: some have to wait
_RUSHES = 6  # moments at which many call at once
_RUSH_S = 0.4
_RUSH_SHARE = 0.6  # of the submissions


def plan_of(scenario: Scenario, seed: int, application: Application) -> Plan:
    """The plan of a seed. Raises ConfigError where the application has no calls to draw."""
    rng = random.Random(f"{scenario.name}/{seed}/plan")  # noqa: S311 - it must repeat itself
    drawn = _Drawn(scenario, rng)
    faults_s = rng.uniform(*scenario.lasts_s)
    nodes = drawn.nodes(faults_s)
    names = tuple(node.name for node in nodes)
    doctored = tuple(node.name for node in nodes if node.is_doctored)
    founders = tuple(node.name for node in nodes if node.is_founder)
    faults = [
        *drawn.network(names, faults_s),
        *drawn.disks(names, faults_s),
        *drawn.crashes(names, faults_s),
        *drawn.clocks(names, faults_s),
        *drawn.leaving(names, (*doctored, *founders[:1]), faults_s),
        *drawn.misdeeds(doctored, faults_s),
        *_wishes(scenario, seed, names, faults_s),
    ]
    budget = _BUDGET_PER_CALL * scenario.workload.calls[1]
    delay_s = rng.choice(scenario.delay_s)
    submissions = tuple(drawn.submissions(names, faults_s, application))
    code = None
    if application.is_arena:
        code, more, submissions = draw_code(scenario, seed, nodes, faults_s, submissions)
        faults += more
    return Plan(
        seed=seed,
        scenario=scenario.name,
        nodes=nodes,
        degree=scenario.degree,
        delay_s=delay_s,
        faults=tuple(sorted(faults, key=lambda fault: fault.at_s)),
        submissions=submissions,
        is_tight=drawn.has("tight-limits"),
        faults_s=faults_s,
        healing_s=scenario.healing_s,
        honesty_every=scenario.honesty_every,
        is_verified=_has_apart(scenario, seed, "verified"),
        fuel_budget=budget if _has_apart(scenario, seed, "budget") else 0,
        code=code,
    )


def _has_apart(scenario: Scenario, seed: int, kind: str) -> bool:
    """Whether a seed has something, drawn apart, so that what else it has stays as it was."""
    rng = random.Random(f"{scenario.name}/{seed}/{kind}")  # noqa: S311 - as above
    return rng.random() < scenario.share(kind)


def _wishes(scenario: Scenario, seed: int, names: tuple[str, ...], faults_s: float) -> list[Fault]:
    """What members wish to govern; drawn apart, so that seeds without it stay as they were."""
    rng = random.Random(f"{scenario.name}/{seed}/governance")  # noqa: S311 - as above
    if rng.random() >= scenario.share("governance"):
        return []
    first = names[0]
    return [
        Govern(
            rng.uniform(min(1.0, faults_s), faults_s),
            first if rng.random() < 0.4 else rng.choice(names),
            rng.choices(WISHES, (8, 3, 2, 1, 1, 1, 1))[0],
            rng.choice(names[1:] or names),
        )
        for _ in range(rng.randint(3, 10))
    ]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Draws the parts of a plan, in the order in which they are asked for."""

    scenario: Scenario
    rng: random.Random

    def has(self, kind: str) -> bool:
        """Whether this seed has a kind of fault at all."""
        share = self.scenario.share(kind)
        return self.rng.random() < share

    def nodes(self, faults_s: float) -> tuple[NodePlan, ...]:
        """Who takes part: founders first, then those who must be admitted."""
        rng = self.rng
        count = rng.randint(*self.scenario.nodes)
        founders = min(count, rng.randint(*self.scenario.founders))
        names = [f"n{number}" for number in range(count)]
        is_late, is_second = self.has("late-join"), self.has("second-device")
        doctored = rng.choice(names[1:]) if self.has("doctored") and count > 1 else None
        nodes: list[NodePlan] = []
        for place, name in enumerate(names):
            owner, starts_s = name, 0.0
            if place >= founders:
                starts_s = rng.uniform(0, 0.5)
                if is_late and rng.random() < 0.6:
                    starts_s = rng.uniform(0.5, faults_s * 0.7)
                # A further device of a member who is there before it.
                if is_second and name != doctored and rng.random() < 0.7:
                    owner = rng.choice([node.owner for node in nodes])
            nodes.append(NodePlan(name, owner, starts_s, place < founders, name == doctored))
        return tuple(nodes)

    def network(self, names: tuple[str, ...], faults_s: float) -> list[Fault]:
        """What ails the links."""
        rng = self.rng
        faults: list[Fault] = []
        if self.has("loss"):
            faults.append(Loss(*self._window(faults_s), rng.choice((0.05, 0.2, 0.5))))
        if self.has("delay"):
            faults.append(Delay(*self._window(faults_s), rng.choice((0.1, 0.5, 1.5))))
        if self.has("reorder"):
            faults.append(Reorder(*self._window(faults_s), rng.choice((0.05, 0.3))))
        if self.has("duplicate"):
            faults.append(Duplicate(*self._window(faults_s), rng.choice((0.1, 0.3))))
        if self.has("bandwidth"):
            speed = rng.choice((4_000, 20_000, 100_000))
            faults.append(Bandwidth(*self._window(faults_s), rng.choice(names), speed))
        for kind in ("partition", "one-way-partition"):
            if self.has(kind) and len(names) > 1:
                for _ in range(rng.randint(1, 2)):
                    side = tuple(sorted(rng.sample(names, rng.randint(1, len(names) - 1))))
                    window = self._window(faults_s, most_s=12)
                    faults.append(Partition(*window, side, kind != "partition"))
        if self.has("flapping"):
            window = self._window(faults_s)
            faults.append(Flapping(*window, rng.choice(names), rng.choice((0.3, 1.0, 3.0))))
        if self.has("slow-peer"):
            factor = rng.choice((4.0, 12.0))
            faults.append(SlowPeer(*self._window(faults_s), rng.choice(names), factor))
        return faults

    def disks(self, names: tuple[str, ...], faults_s: float) -> list[Fault]:
        """What ails the disks."""
        rng = self.rng
        faults: list[Fault] = []
        if self.has("slow-disk"):
            node = rng.choice(names)
            faults.append(SlowDisk(*self._window(faults_s), node, rng.choice((0.3, 2.0))))
        if self.has("full-disk"):
            faults.append(FullDisk(*self._window(faults_s, most_s=5), rng.choice(names)))
        if self.has("read-error"):
            every = rng.choice((20, 100, 400))
            faults.append(ReadErrors(*self._window(faults_s, most_s=8), rng.choice(names), every))
        return faults

    def crashes(self, names: tuple[str, ...], faults_s: float) -> list[Fault]:
        """When processes end."""
        rng = self.rng
        return [
            Crash(
                self._moment(0.5, faults_s),
                node=rng.choice(names),
                effects_before=rng.randint(0, 8),
                is_power_cut=kind == "power-cut",
                down_s=rng.choice((0.1, 1.0, 5.0)),
            )
            for kind in ("kill", "power-cut")
            if self.has(kind)
            for _ in range(rng.randint(1, 4))
        ]

    def clocks(self, names: tuple[str, ...], faults_s: float) -> list[Fault]:
        """Clocks that are wrong from the beginning, jump, and run further ahead than drift does."""
        rng = self.rng
        faults: list[Fault] = []
        if self.has("clock-skew"):
            skewed = [node for node in names if rng.random() < 0.6] or [names[0]]
            faults += [Jump(0.0, node, rng.uniform(-20, 20)) for node in skewed]
        if self.has("clock-jump"):
            for _ in range(rng.randint(1, 3)):
                at_s = self._moment(1, faults_s)
                faults.append(Jump(at_s, rng.choice(names), rng.uniform(-20, 20)))
        if self.has("far-clock"):
            far_s = rng.uniform(35, 60) * rng.choice((-1, 1))
            faults.append(Jump(rng.uniform(0, faults_s / 2), rng.choice(names), far_s))
        return faults

    def leaving(
        self, names: tuple[str, ...], staying: tuple[str, ...], faults_s: float
    ) -> list[Fault]:
        """Who goes away; at least half of them stay, the first founder among them."""
        rng = self.rng
        able = [name for name in names if name not in staying]
        if not self.has("leave") or not able:
            return []
        gone = rng.sample(able, min(len(able), rng.randint(1, max(1, len(names) // 3))))
        return [
            Leave(self._moment(2, faults_s), node, rng.choice((None, rng.uniform(2, 15))))
            for node in gone
        ]

    def misdeeds(self, doctored: tuple[str, ...], faults_s: float) -> list[Fault]:
        """What the doctored node does."""
        rng = self.rng
        return [
            Misdeed(self._moment(1, faults_s), node, rng.choice(self.scenario.misdeeds))
            for node in doctored
            for _ in range(rng.randint(12, 30))
        ]

    def submissions(
        self, names: tuple[str, ...], faults_s: float, application: Application
    ) -> list[Submission]:
        """Who is asked to do what, when."""
        rng, workload = self.rng, self.scenario.workload
        draw = call_maker(application, rng.choice(workload.keys))
        left = rng.randint(*workload.calls)
        rushes_s = [rng.uniform(0, faults_s) for _ in range(_RUSHES)]
        submissions = []
        while left:
            count = min(left, rng.randint(*workload.batch))
            left -= count
            at_s, node = rng.uniform(0, faults_s), rng.choice(names)
            if rng.random() < _RUSH_SHARE:
                at_s = min(faults_s, rng.choice(rushes_s) + rng.uniform(0, _RUSH_S))
            calls = tuple(draw(rng, at_s) for _ in range(count))
            submissions.append(Submission(at_s, node, calls))
        return sorted(submissions, key=lambda submission: submission.at_s)

    def _moment(self, begin_s: float, faults_s: float) -> float:
        """Some time while faults last, and not right at the beginning where that can be."""
        return self.rng.uniform(min(begin_s, faults_s), faults_s)

    def _window(self, faults_s: float, most_s: float = 30.0) -> tuple[float, float]:
        start_s = self.rng.uniform(0, faults_s * 0.6)
        return start_s, min(faults_s, start_s + self.rng.uniform(2, most_s))
