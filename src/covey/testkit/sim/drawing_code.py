"""Draws what becomes of the code of a context: its rule, who wants which release, who cheats.

All of it comes from a stream of its own, so that seeds without it stay as they were.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Final

import msgspec

from covey.testkit.sim.faults import BREACHES, Fault, Govern, Misdeed, Rollout
from covey.testkit.sim.plan import CallText, CodePlan, NodePlan, QuorumPlan, Submission
from covey.testkit.sim.scenario import Scenario

__all__ = ["Wave", "draw_code"]

_CHAINS: Final = (("2", "3"), ("2", "3", "4"), ("2", "4"), ("rival", "3"), ("3", "4"), ("3",))
_NOTICES_MS: Final = (0, 0, 500, 1_000, 4_000)
_TAGGED: Final = 0.4  # of the steps that a later release may turn to a collection of its own


@dataclass(frozen=True, slots=True)
class Wave:
    """A time in which some want the same release, or rivals."""

    from_s: float
    to_s: float
    releases: tuple[str, ...]


def draw_code(
    scenario: Scenario,
    seed: int,
    nodes: tuple[NodePlan, ...],
    faults_s: float,
    submissions: tuple[Submission, ...],
) -> tuple[CodePlan | None, list[Fault], tuple[Submission, ...]]:
    """The rule of a seed, what is wished for under it, and the calls; None where it has none."""
    rng = random.Random(f"{scenario.name}/{seed}/upgrade")  # noqa: S311 - it must repeat itself
    if rng.random() >= scenario.share("upgrade"):
        return None, [], submissions
    drawn = _Drawn(rng, nodes, faults_s)
    code = drawn.rule()
    faults: list[Fault] = []
    for wave in drawn.waves():
        faults += drawn.approvals(code, wave)
        faults += drawn.upgrades(wave)
    faults += drawn.tightens()
    faults += drawn.breaches()
    return code, faults, tuple(drawn.tagged(each) for each in submissions)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Draws the parts, in the order in which they are asked for."""

    rng: random.Random
    nodes: tuple[NodePlan, ...]
    faults_s: float

    def rule(self) -> CodePlan:
        """Constraints of the charter."""
        rng = self.rng
        if rng.random() < 0.04:
            return CodePlan(is_locked=True)
        quorums = tuple(self._quorum() for _ in range(rng.choice((0, 0, 1, 1, 1, 2))))
        return CodePlan(is_published=rng.random() < 0.5, quorums=quorums)

    def _quorum(self) -> QuorumPlan:
        rng = self.rng
        owners = sorted({node.owner for node in self.nodes})
        # Somebody is left without a key, who can show that a notice has run.
        keys = rng.sample(owners, rng.randint(1, max(1, len(owners) - 1)))
        k = rng.randint(1, min(2, len(keys)))
        notice_ms = rng.choice(_NOTICES_MS) if len(keys) < len(owners) else 0
        return QuorumPlan(k, tuple(sorted(keys)), notice_ms)

    def waves(self) -> list[Wave]:
        """One release after the other; perhaps two rivals at one time."""
        rng = self.rng
        chain = rng.choice(_CHAINS)
        starts_s = sorted(rng.uniform(0.05, 0.75) * self.faults_s for _ in chain)
        waves = []
        for release, from_s in zip(chain, starts_s, strict=True):
            to_s = min(self.faults_s, from_s + rng.uniform(0.4, 0.8) * self.faults_s)
            rivals = {"2": "rival", "3": "2", "rival": "2", "4": "3"}
            other = (rivals[release],) if rng.random() < 0.5 else ()
            waves.append(Wave(from_s, to_s, (release, *other)))
        return waves

    def approvals(self, code: CodePlan, wave: Wave) -> list[Fault]:
        """Of those with keys, and now and then of somebody without."""
        keys = {key for quorum in code.quorums for key in quorum.keys}
        approving = [n for n in self.nodes if n.owner in keys or self.rng.random() < 0.15]
        return [
            self._rollout("approve", node, wave, release)
            for node in approving
            for release in wave.releases
            if self.rng.random() < 0.9
        ]

    def upgrades(self, wave: Wave) -> list[Fault]:
        """By founders, and now and then by somebody who may not."""
        founders = [node for node in self.nodes if node.is_founder]
        faults: list[Fault] = []
        for release in wave.releases:
            node = self.rng.choice(founders if self.rng.random() < 0.85 else self.nodes)
            faults.append(self._rollout("upgrade", node, wave, release))
        return faults

    def _rollout(self, deed: str, node: NodePlan, wave: Wave, release: str) -> Rollout:
        late_s = self.rng.choice((0.0, 0.0, self.rng.uniform(0.0, 3.0)))
        at_s = min(wave.to_s, wave.from_s + late_s)
        migrates = deed == "upgrade" and self.rng.random() < 0.6
        return Rollout(at_s, to_s=wave.to_s, node=node.name, deed=deed, release=release,
                       migrates=migrates)  # fmt: skip

    def tightens(self) -> list[Fault]:
        """The rule is made narrower in the midst of it; a second admin comes in."""
        rng, names = self.rng, [node.name for node in self.nodes]
        faults: list[Fault] = []
        if rng.random() < 0.5:
            at_s = rng.uniform(0.05, 0.3) * self.faults_s
            faults.append(Govern(at_s, names[0], "give", rng.choice(names[1:] or names)))
        if rng.random() < 0.4:
            deed = rng.choices(("publish", "ask", "lock"), (4, 3, 2))[0]
            at_s = rng.uniform(0.2, 1.0) * self.faults_s
            faults.append(Govern(at_s, rng.choice(names), deed, rng.choice(names)))
        return faults

    def breaches(self) -> list[Fault]:
        """What the doctored node does."""
        return [
            Misdeed(
                self.rng.uniform(0.1, 1.0) * self.faults_s, node.name, self.rng.choice(BREACHES)
            )
            for node in self.nodes
            if node.is_doctored
            for _ in range(self.rng.randint(8, 20))
        ]

    def tagged(self, submission: Submission) -> Submission:
        """The same calls, some of them with what only a later release has."""
        calls = tuple(self._tagged_call(call) for call in submission.calls)
        return msgspec.structs.replace(submission, calls=calls)

    def _tagged_call(self, call: CallText) -> CallText:
        arguments = json.loads(call.arguments)
        for step in arguments["steps"]:
            if self.rng.random() >= _TAGGED:
                continue
            if step[:2] in (["put", "notes"], ["delete", "notes"], ["bump", "notes"]):
                step[1] = "tags"
            elif step[:2] == ["add", "counts"]:
                step[1] = self.rng.choice(("tags", "tallies", "tallies"))
        return CallText(call.method, json.dumps(arguments))
