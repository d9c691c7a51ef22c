"""Random WebAssembly modules: valid ones drawn by type, and broken ones made from them."""

from covey.testkit.modules.generate import GeneratedModule, generate_module
from covey.testkit.modules.mutate import mutate
from covey.testkit.modules.reference import Reference, difference
from covey.testkit.modules.tracing import Observed, TracingHost, observe

__all__ = [
    "GeneratedModule",
    "Observed",
    "Reference",
    "TracingHost",
    "difference",
    "generate_module",
    "mutate",
    "observe",
]
