"""The interface `covey/1`: host-merged state, JSON in and out."""

from covey.runtime.abi.covey1.runs import Application, BatchRun, SignedCall, run_query
from covey.runtime.abi.covey1.signatures import ABI

__all__ = ["ABI", "Application", "BatchRun", "SignedCall", "run_query"]
