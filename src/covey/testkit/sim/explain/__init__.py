"""One run of the simulator as a page for a person: when did it go wrong, and why."""

from __future__ import annotations

from covey.testkit.sim.explain.page import render

__all__ = ["render"]
