"""Plans and scenarios as small as a test of the simulator needs."""

from __future__ import annotations

import msgspec

from covey.testkit.sim import Plan, Scenario, parse_scenario
from covey.testkit.sim.faults import Fault
from covey.testkit.sim.plan import CallText, NodePlan, Submission


def nodes(*names: str) -> tuple[NodePlan, ...]:
    """Founders of one device each."""
    return tuple(NodePlan(name, name, is_founder=True) for name in names)


def calls(node: str, at_s: float, *arguments: str) -> Submission:
    """Calls of the arena, each with these arguments."""
    return Submission(at_s, node, tuple(CallText("play", each) for each in arguments))


def put(key: str, value: str) -> str:
    """Arguments of a call of the arena that puts a note."""
    return f'{{"steps": [["put", "notes", "{key}", "{value}"]], "fails": false, "work": 0}}'


def small_plan(*faults: Fault, **changes: object) -> Plan:
    """Three founders who are asked for nothing, and these faults, within 20 seconds."""
    plan = Plan(
        seed=1,
        scenario="small",
        nodes=nodes("n0", "n1", "n2"),
        delay_s=0.05,
        faults=faults,
        submissions=(),
        is_tight=False,
        faults_s=20.0,
        healing_s=120.0,
    )
    return msgspec.structs.replace(plan, **changes)


def small_scenario(text: str = "") -> Scenario:
    """Two or three nodes, a dozen calls, half of all faults; text: what else it says."""
    head = 'name = "small"\nnodes = [2, 3]\nlasts_s = [2.0, 4.0]\n'
    tail = "[faults]\ndefault = 0.5\n[workload]\ncalls = [10, 14]\nkeys = [2]\n"
    return parse_scenario(f"{head}{text}{tail}".encode(), "small.toml")
