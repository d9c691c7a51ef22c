"""Random WebAssembly modules: valid ones drawn by type, and broken ones made from them."""

from covey.testkit.modules.calls import COLLECTIONS, generate_caller
from covey.testkit.modules.generate import GeneratedModule, generate_module
from covey.testkit.modules.mutate import mutate
from covey.testkit.modules.reference import Reference, difference
from covey.testkit.modules.tracing import Observed, TracingHost, observe

__all__ = [
    "COLLECTIONS",
    "GeneratedModule",
    "Observed",
    "Reference",
    "TracingHost",
    "difference",
    "generate_caller",
    "generate_module",
    "mutate",
    "observe",
]
