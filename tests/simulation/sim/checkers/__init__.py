"""What must hold at every step of a simulation, one promise a file."""

from __future__ import annotations

from tests.simulation.sim.checkers.checks import Checks

__all__ = ["Checks"]
