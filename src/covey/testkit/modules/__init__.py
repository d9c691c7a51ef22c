"""Random WebAssembly modules: valid ones drawn by type, and broken ones made from them."""

from covey.testkit.modules.calls import COLLECTIONS, generate_caller
from covey.testkit.modules.generate import GeneratedModule, generate_module
from covey.testkit.modules.mutate import mutate
from covey.testkit.modules.reference import Reference, difference
from covey.testkit.modules.tracing import Observed, TracingHost, observe
from covey.testkit.modules.trials import KINDS, Came, Subject

__all__ = [
    "COLLECTIONS",
    "Came",
    "GeneratedModule",
    "KINDS",
    "Observed",
    "Reference",
    "Subject",
    "TracingHost",
    "difference",
    "generate_caller",
    "generate_module",
    "mutate",
    "observe",
]
