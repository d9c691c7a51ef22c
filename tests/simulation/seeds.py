"""One seed of a scenario that comes with covey."""

from __future__ import annotations

from covey.testkit.sim import Result, load_application, load_scenario, plan_of, simulate


def run_seed(name: str, seed: int) -> Result:
    """Draw it and run it."""
    scenario = load_scenario(name)
    application = load_application(scenario.workload.application)
    return simulate(plan_of(scenario, seed, application), application)
