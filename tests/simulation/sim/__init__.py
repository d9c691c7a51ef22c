"""A deterministic simulation of many nodes: real replicas and sessions, everything else virtual."""

from __future__ import annotations

from tests.simulation.sim.plan import Plan, plan_of
from tests.simulation.sim.world import Result, World, simulate

__all__ = ["Plan", "Result", "World", "plan_of", "simulate"]
