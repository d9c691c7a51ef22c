"""What one seed does: who takes part, what is called, and what goes wrong when.

A plan is a value: everything random about a seed that is not timing is drawn here, so that a
failing seed can be read before it is run.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from covey.model import Call

__all__ = ["MISDEEDS", "Crash", "Jump", "Partition", "Plan", "Submission", "plan_of"]

MISDEEDS = (
    "steal", "rewrite", "twice", "counter-put", "register-add", "role", "foreign-frozen",
    "back-in-time", "tangled", "skip", "wrong-governance", "empty", "bad-join", "follow-refused",
    "fork", "withhold", "orphans", "future", "replay", "lie", "garbage", "bad-signature",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Submission:
    """Calls that reach one node together."""

    at_s: float
    node: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Partition:
    """Nothing passes from `side` to the others; nor back, unless it is one-way."""

    from_s: float
    to_s: float
    side: tuple[str, ...]
    is_one_way: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A node stops between two effects; a power cut also loses what was not durable."""

    at_s: float
    node: str
    effects_before: int
    is_power_cut: bool
    down_s: float


@dataclass(frozen=True, slots=True)
class Jump:
    """A node's clock is set to run this far ahead of true time (behind, if negative)."""

    at_s: float
    node: str
    skew_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One seed's world. joins: (node, when it starts); those beyond `founders` must be admitted.

    companions: joiners that are a further device of the first founder's member. tight: limits are
    lowered so that every bound is met. doctored: the node that misbehaves, or None.
    """

    seed: int
    nodes: tuple[str, ...]
    founders: int
    companions: tuple[str, ...]
    joins: tuple[tuple[str, float], ...]
    loss: float
    duplicates: float
    delay_s: float
    slow: tuple[str, ...]
    slow_disk: bool
    jumps: tuple[Jump, ...]
    partitions: tuple[Partition, ...]
    crashes: tuple[Crash, ...]
    submissions: tuple[Submission, ...]
    doctored: str | None
    misdeeds: tuple[tuple[float, str], ...]
    tight: bool
    faults_s: float


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    rng = random.Random(f"{seed}/plan")
    nodes = tuple(f"n{number}" for number in range(rng.randint(3, 5)))
    faults_s = rng.uniform(12, 30)
    founders = rng.randint(1, 2)
    joiners = nodes[founders:]
    doctored = rng.choice(nodes[1:]) if rng.random() < 0.4 else None
    return Plan(
        seed=seed,
        nodes=nodes,
        founders=founders,
        companions=tuple(n for n in joiners if n != doctored and rng.random() < 0.25),
        joins=tuple(_joins(rng, nodes, founders, faults_s)),
        loss=rng.choice((0.0, 0.05, 0.2, 0.5)),
        duplicates=rng.choice((0.0, 0.1, 0.3)),
        delay_s=rng.choice((0.02, 0.1, 0.5)),
        slow=tuple(n for n in nodes if rng.random() < 0.1),
        slow_disk=rng.random() < 0.3,
        jumps=tuple(_jumps(rng, nodes, faults_s)),
        partitions=tuple(_partitions(rng, nodes, faults_s)),
        crashes=tuple(_crashes(rng, nodes, faults_s)),
        submissions=tuple(_submissions(rng, nodes, faults_s)),
        doctored=doctored,
        misdeeds=tuple(_misdeeds(rng, faults_s)) if doctored else (),
        tight=rng.random() < 0.4,
        faults_s=faults_s,
    )


def _joins(
    rng: random.Random, nodes: tuple[str, ...], founders: int, faults_s: float
) -> list[tuple[str, float]]:
    starts = [(node, 0.0) for node in nodes[:founders]]
    for node in nodes[founders:]:
        late = rng.random() < 0.4
        starts.append((node, rng.uniform(0, faults_s * 0.7) if late else rng.uniform(0, 0.5)))
    return starts


def _jumps(rng: random.Random, nodes: tuple[str, ...], faults_s: float) -> list[Jump]:
    jumps = [Jump(0.0, node, rng.uniform(-20, 20)) for node in nodes if rng.random() < 0.6]
    jumps += [
        Jump(rng.uniform(1, faults_s), node, rng.uniform(-20, 20))
        for node in nodes
        if rng.random() < 0.3
    ]
    if rng.random() < 0.2:
        # Further than drift explains: deltas are delayed, and nothing else may come of it.
        far = rng.uniform(35, 60) * rng.choice((-1, 1))
        jumps.append(Jump(rng.uniform(0, faults_s / 2), rng.choice(nodes), far))
    return jumps


def _partitions(rng: random.Random, nodes: tuple[str, ...], faults_s: float) -> list[Partition]:
    partitions = []
    for _ in range(rng.randint(0, 3)):
        start = rng.uniform(0, faults_s * 0.8)
        side = tuple(rng.sample(nodes, rng.randint(1, len(nodes) - 1)))
        end = min(faults_s, start + rng.uniform(1, 12))
        partitions.append(Partition(start, end, side, rng.random() < 0.3))
    return partitions


def _crashes(rng: random.Random, nodes: tuple[str, ...], faults_s: float) -> list[Crash]:
    return [
        Crash(
            at_s=rng.uniform(0.5, faults_s),
            node=rng.choice(nodes),
            effects_before=rng.randint(0, 8),
            is_power_cut=rng.random() < 0.6,
            down_s=rng.choice((0.1, 1.0, 5.0)),
        )
        for _ in range(rng.randint(0, 6))
    ]


def _misdeeds(rng: random.Random, faults_s: float) -> list[tuple[float, str]]:
    count = rng.randint(3, 14)
    return sorted((rng.uniform(1, faults_s), rng.choice(MISDEEDS)) for _ in range(count))


def _submissions(rng: random.Random, nodes: tuple[str, ...], faults_s: float) -> list[Submission]:
    keys = rng.choice((2, 5, 20))
    submissions = []
    for _ in range(rng.randint(20, 60)):
        calls = tuple(_call(rng, keys) for _ in range(rng.choice((1, 1, 2, 4, 9))))
        submissions.append(Submission(rng.uniform(0, faults_s), rng.choice(nodes), calls))
    return submissions


def _call(rng: random.Random, keys: int) -> Call:
    """A call of the simulated application: steps it takes, in order."""
    steps: list[list[str | int]] = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        key = f"k{rng.randrange(keys)}"
        value = f"v{rng.randrange(1000)}"
        kinds: tuple[list[str | int], ...] = (
            ["put", "notes", key, value],
            ["delete", "notes", key],
            ["add", "counts", key, rng.choice((1, -3, 2**62, -(2**63)))],
            ["stamp", "stamps", key, value],
            ["seal", "stamps", f"shared {rng.randrange(keys)}"],
            ["own", "cards", key, value],
            ["disown", "cards", key],
        )
        steps.append(rng.choice(kinds))
    fails = rng.random() < 0.1
    fuel = rng.choice((1_000, 200_000, 20_000_000))
    script = json.dumps({"steps": steps, "fails": fails, "fuel": fuel})
    return Call("script", script.encode())
