"""Whether an application means the same on every replica, in whatever order calls arrive."""

from covey.workbench.conformance.explore import (
    Counterexample,
    Explored,
    MethodRow,
    Settings,
    explore,
    read_counterexample,
    replay,
)
from covey.workbench.conformance.plan import CallStep, Plan
from covey.workbench.conformance.play import Finding
from covey.workbench.conformance.schema import Arguments

__all__ = [
    "Arguments",
    "CallStep",
    "Counterexample",
    "Explored",
    "Finding",
    "MethodRow",
    "Plan",
    "Settings",
    "explore",
    "read_counterexample",
    "replay",
]
