"""What happened is told in the order in which it happened, at equal times too."""

from __future__ import annotations

import html
import re

from covey.testkit.sim import ARENA, load_application
from covey.testkit.sim.explain import render
from covey.testkit.sim.plan import CallText, NodePlan, Submission
from covey.testkit.sim.recorder import record
from covey.testkit.sim.timeline import Arrival, Lane, Mark, Timeline, Written
from tests.unit.testkit.sim.worlds import calls, nodes, put, small_plan

_LINE = re.compile(
    r"<li[^>]*><a[^>]*>([0-9.]+)</a> <b>(.*?)</b> <i>(.*?)</i> <span>(.*?)</span></li>"
)


def story_of(timeline: Timeline) -> list[tuple[str, str, str]]:
    """Node, what it does, and what of, line after line."""
    found = _LINE.findall(render(timeline))
    times_s = [float(time_s) for time_s, *_ in found]
    assert times_s == sorted(times_s)
    return [(node, html.unescape(what), html.unescape(told)) for _, node, what, told in found]


def test_what_happens_at_one_time_keeps_its_order() -> None:
    """A call, what it wrote, and its answer: at one time, and with ids that say nothing of it."""
    timeline = Timeline(1, "small", lanes=[Lane("n0", "founder"), Lane("n1", "founder")])
    timeline.ended_s = 5.0
    timeline.marks = [
        Mark(1.0, "n0", "reply", "call 10: delta ff", 8),
        Mark(1.0, "n0", "reply", "call 9: delta ff", 7),
        Mark(1.0, "n0", "calls", "2 calls", 1),
        Mark(1.0, "n0", "crash", "killed", 11),
    ]
    first = Written("ff" * 32, "n0", 1.0, "sequence 1", [Arrival("n0", 1.0, 3)], 2)
    second = Written("aa" * 32, "n0", 1.0, "sequence 2", [Arrival("n0", 1.0, 5)], 4)
    first.arrivals.append(Arrival("n1", 1.0, 9))
    second.arrivals.append(Arrival("n1", 1.0, 10))
    timeline.deltas = {second.delta: second, first.delta: first}
    assert story_of(timeline) == [
        ("n0", "calls", "2 calls"),
        ("n0", "writes", "ffffffff, sequence 1"),
        ("n0", "writes", "aaaaaaaa, sequence 2"),
        ("n0", "reply", "call 9: delta ff; call 10: delta ff"),
        ("n1", "applies", "ffffffff, aaaaaaaa"),
        ("n0", "crash", "killed"),
    ]


def test_recorded_run_tells_causes_before_effects() -> None:
    """No delta of a device before an earlier one, and no answer before what it names."""
    many = (*(f'{{"steps": [["put", "notes", "{n}", "v"]], "fails": false, "work": 0}}'
              for n in range(9)),)  # fmt: skip
    plan = small_plan(
        nodes=(*nodes("n0", "n1"), NodePlan("n2", "n2", 0.6)),
        submissions=(
            *(calls(f"n{number % 2}", 1.0 + number / 9, *many) for number in range(9)),
            Submission(3.0, "n2", (CallText("play", put("k", "v")),)),
        ),
        is_tight=True,
    )
    result, timeline = record(plan, load_application(ARENA))
    assert result.finding is None
    story = story_of(timeline)
    sequences: dict[str, int] = {}
    known: set[str] = set()
    for node, what, told in story:
        if what == "writes":
            sequence = int(told.split("sequence ")[1].split(":")[0])
            assert sequence == sequences.get(node, 0) + 1
            sequences[node] = sequence
            known.add(told[:8])
        if what in {"reply", "applies"}:
            assert set(re.findall(r"\b[0-9a-f]{8}\b", told)) <= known
    assert min(sequences.values()) >= 1
    assert sum(sequences.values()) == result.deltas
