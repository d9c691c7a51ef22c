"""Recorded editing sessions: load one, replay it independently, turn it into `edit` calls.

Pure but for `load_trace`, which reads one file. A recording says what each agent typed and what it
had seen by then; the demo replays it through real nodes, and these pieces say what must come out.
"""

from covey.testkit.trace.format import Patch, Trace, Transaction, load_trace, parse_trace
from covey.testkit.trace.invent import invent_trace
from covey.testkit.trace.mirror import Edit, EditArgs, Mirror
from covey.testkit.trace.replay import expected_text
from covey.testkit.trace.stretch import Stretch, stretches

__all__ = [
    "Edit",
    "EditArgs",
    "Mirror",
    "Patch",
    "Stretch",
    "Trace",
    "Transaction",
    "expected_text",
    "invent_trace",
    "load_trace",
    "parse_trace",
    "stretches",
]
