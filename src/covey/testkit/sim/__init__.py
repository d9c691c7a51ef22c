"""A deterministic simulation of many nodes: real machines, merge, rules and WASM, all else virtual.

One seed is one run, bit for bit, on every machine and under every hash seed.
"""

from __future__ import annotations

from covey.testkit.sim.application import ARENA, Application, load_application
from covey.testkit.sim.draw import plan_of
from covey.testkit.sim.plan import Plan, decode_plan, encode_plan
from covey.testkit.sim.run import Finding, Result, simulate
from covey.testkit.sim.scenario import Scenario, builtin_names, load_scenario, parse_scenario

__all__ = [
    "ARENA",
    "Application",
    "Finding",
    "Plan",
    "Result",
    "Scenario",
    "builtin_names",
    "decode_plan",
    "encode_plan",
    "load_application",
    "load_scenario",
    "parse_scenario",
    "plan_of",
    "simulate",
]
