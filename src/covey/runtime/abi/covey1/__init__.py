"""The interface `covey/1`: host-merged state, JSON in and out."""

from covey.runtime.abi.covey1.runs import Application, run_call, run_query, scene_of
from covey.runtime.abi.covey1.signatures import ABI

__all__ = ["ABI", "Application", "run_call", "run_query", "scene_of"]
