"""Plans in files: everything comes back, and what is wrong in one is said with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from covey.errors import ConfigError
from covey.testkit.sim import (
    ARENA,
    decode_plan,
    encode_plan,
    load_application,
    load_scenario,
    plan_of,
)
from covey.testkit.sim.faults import Crash, Flapping, Jump, Leave, Loss, Misdeed, Partition, Rollout
from covey.testkit.sim.plan import CodePlan, NodePlan, QuorumPlan
from tests.unit.testkit.sim.worlds import calls, nodes, put, small_plan

WHOLE = small_plan(
    Loss(1.0, 5.0, 0.5),
    Partition(2.0, 5.0, ("n0", "n1"), is_one_way=True),
    Flapping(3.0, 5.0, "n0", 0.3),
    Crash(4.0, node="n0", effects_before=2, is_power_cut=True, down_s=1.0),
    Jump(5.0, "n2", -8.0),
    Leave(6.0, "n1", None),
    Misdeed(7.0, "n3", "fork"),
    Rollout(8.0, to_s=9.0, node="n0", deed="upgrade", release="2", migrates=True),
    nodes=(*nodes("n0", "n1", "n2"), NodePlan("n3", "n0", 0.5, is_doctored=True)),
    submissions=(calls("n0", 1.0, put("k", "v")),),
    code=CodePlan(is_published=True, quorums=(QuorumPlan(2, ("n0", "n1", "n3"), 500),)),
)


@pytest.mark.parametrize("name", ["quick", "everything"])
def test_random_plan_comes_back_whole(name: str) -> None:
    """A kept schedule runs as the seed did that found it."""
    scenario, arena = load_scenario(name), load_application(ARENA)
    for seed in range(1, 31):
        plan = plan_of(scenario, seed, arena)
        encoded = encode_plan(plan)
        assert decode_plan(encoded, "a file") == plan
        assert encode_plan(decode_plan(encoded, "a file")) == encoded


def test_drawn_plans_are_such_as_a_file_may_hold() -> None:
    """What the drawing makes passes the checks that hands of people are held to."""
    scenario, arena = load_scenario("quick"), load_application(ARENA)
    for seed in range(1, 101):
        plan_of(scenario, seed, arena).check(f"seed {seed}")


def test_encoded_plan_is_for_people_too() -> None:
    """One value a line: whoever reads a diff of two schedules sees what was left out."""
    lines = encode_plan(WHOLE).decode().splitlines()
    assert ' "seed": 1,' in lines
    assert '   "fault": "flapping",' in lines


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The plan's JSON, damaged."""
    raw = json.loads(encode_plan(WHOLE))
    change(raw)
    return json.dumps(raw).encode()


def all_leave(raw: dict[str, Any]) -> None:
    """For good; whoever is left cheats."""
    names = [node["name"] for node in raw["nodes"] if not node.get("is_doctored")]
    raw["faults"] += [{"fault": "leave", "at_s": 7.0, "node": n, "back_s": None} for n in names]


def set_fault(place: int, **fields: object) -> Callable[[dict[str, Any]], object]:
    """Another value in a fault."""
    return lambda raw: raw["faults"][place].update(fields)


DAMAGED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda raw: raw.pop("seed"), "missing required field `seed`"),
    (lambda raw: raw.update(sede=1), "unknown field `sede`"),
    (lambda raw: raw.update(seed="1"), "Expected `int`, got `str` - at `$.seed`"),
    (lambda raw: raw.update(delay_s=0), "Expected `float` > 0.0 - at `$.delay_s`"),
    (lambda raw: raw.update(healing_s=1e9), "<= 86400.0 - at `$.healing_s`"),
    (lambda raw: raw.update(degree=-1), ">= 0 - at `$.degree`"),
    (lambda raw: raw.update(honesty_every=0), ">= 1 - at `$.honesty_every`"),
    (lambda raw: raw.update(nodes=[]), "one founder at least"),
    (lambda raw: raw["nodes"].append(raw["nodes"][0]), "names of their own"),
    (lambda raw: raw["nodes"][3].update(owner="n9"), "n3 is n9's, who is not there"),
    (lambda raw: raw["nodes"][3].update(is_doctored=False), "n3 is honest and does no misdeeds"),
    (lambda raw: raw["nodes"][1].update(starts_s=-1), ">= 0.0 - at `$.nodes[1].starts_s`"),
    (lambda raw: raw["submissions"][0].update(node="n9"), "calls go to n9, who is not there"),
    (lambda raw: raw["submissions"][0].update(calls=[{}]), "missing required field `method`"),
    (set_fault(0, fault="plague"), "Invalid value 'plague' - at `$.faults[0].fault`"),
    (set_fault(0, probability=1.5), "<= 1.0 - at `$.faults[0].probability`"),
    (set_fault(0, to_s=0.5), "a loss goes from 1.0 to 0.5 s, and faults end at 20.0 s"),
    (set_fault(0, to_s=21), "a loss goes from 1.0 to 21.0 s, and faults end at 20.0 s"),
    (set_fault(1, side=["n8", "n0"]), "a one-way-partition hits n8, who is not there"),
    (set_fault(2, node="n9"), "a flapping hits n9, who is not there"),
    (set_fault(2, period_s=0), "Expected `float` > 0.0 - at `$.faults[2].period_s`"),
    (set_fault(3, effects_before=-1), ">= 0 - at `$.faults[3].effects_before`"),
    (set_fault(4, at_s=30), "a clock-jump goes from 30.0 to 30.0 s"),
    (set_fault(6, deed="gossip"), "there is no misdeed 'gossip'"),
    (set_fault(7, to_s=21), "an upgrade goes from 8.0 to 21.0 s, and faults end at 20.0 s"),
    (set_fault(7, release="old"), "nobody can upgrade a release 'old'"),
    (set_fault(7, deed="admire"), "nobody can admire a release '2'"),
    (lambda raw: raw.update(code=None), "without `code` there is no later release"),
    (lambda raw: raw["code"]["quorums"][0].update(keys=["n9"]), "n9 has a key of a quorum"),
    (lambda raw: raw["code"]["quorums"][0].update(k=3), "3 keys are asked for, and 2 members have"),
    (lambda raw: raw["code"]["quorums"][0].update(k=0), ">= 1 - at `$.code.quorums[0].k`"),
    (all_leave, "no honest node stays: there would be nobody to agree"),
]


@pytest.mark.parametrize(("change", "reason"), DAMAGED, ids=[reason for _, reason in DAMAGED])
def test_damaged_plan_is_refused_with_its_place(
    change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    """In one line, before anything runs; a division by zero would look like a finding."""
    with pytest.raises(ConfigError) as caught:
        decode_plan(changed(change), "kept.json")
    said = str(caught.value)
    assert said.startswith("kept.json: ")
    assert reason in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b"\xff", b'{"\xff": 1}', b"[" * 100_000]
)
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    """Whatever somebody names."""
    with pytest.raises(ConfigError, match=r"^kept\.json: "):
        decode_plan(content, "kept.json")


def test_undamaged_plan_is_taken() -> None:
    """Else the tests above would hold for any plan."""
    assert decode_plan(changed(lambda raw: raw), "kept.json") == WHOLE
