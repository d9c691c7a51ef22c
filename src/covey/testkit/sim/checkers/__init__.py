"""What must hold at every step of a simulation, one promise a file."""

from __future__ import annotations

from covey.testkit.sim.checkers.checks import Checks

__all__ = ["Checks"]
