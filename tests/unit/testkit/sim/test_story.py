"""What happened is told in the order in which it happened, at equal times too."""

from __future__ import annotations

import html
import re

from covey.testkit.sim import ARENA, load_application
from covey.testkit.sim.explain import render
from covey.testkit.sim.faults import Crash, Jump, ReadErrors
from covey.testkit.sim.plan import CallText, NodePlan, Submission
from covey.testkit.sim.recorder import record
from covey.testkit.sim.timeline import Arrival, Band, Lane, Mark, Timeline, Written
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
        Mark(1.0, "n0", "kill", "killed", 11),
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
        ("n0", "kill", "killed"),
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


def test_page_names_faults_as_the_summary_does() -> None:
    """A clock that is wrong, and a kill, last for no time and were left out."""
    faults = (
        Jump(0.0, "n0", 3.0),
        Jump(3.0, "n1", 40.0),
        Crash(2.0, node="n2", effects_before=0, is_power_cut=True, down_s=1.0),
    )
    plan = small_plan(*faults, submissions=(calls("n0", 1.0, put("a", "1"), put("b", "1")),))
    result, timeline = record(plan, load_application(ARENA))
    page = render(timeline)
    assert result.faults.keys() >= {"clock-skew", "far-clock", "power-cut"}
    told = ", ".join(f"{kind} {count}\u00d7" for kind, count in result.faults.items())
    assert f"{len(result.faults)} kinds of fault: {told}" in page
    for kind in ("clock-skew", "far-clock", "power-cut", "batches of calls"):
        assert f"<span>{kind} <small>" in page
    assert "2 calls, 2 took effect" in page
    (asked,) = [told for _, what, told in story_of(timeline) if what == "calls"]
    assert asked.startswith("2 calls: 1 play {")
    assert "; 2 play {" in asked


def test_node_that_fails_while_it_starts_is_told() -> None:
    """It never came up: a crash of what is down was a riddle."""
    plan = small_plan(
        Crash(2.0, node="n2", effects_before=0, is_power_cut=False, down_s=0.1),
        ReadErrors(1.9, to_s=9.0, node="n2", every=1),
    )
    _, timeline = record(plan, load_application(ARENA))
    assert ("n2", "disk-failure", "tries to start: disk failure") in story_of(timeline)


def test_strip_has_a_short_word_where_the_long_one_has_no_room() -> None:
    """Its kind, at least."""
    timeline = Timeline(1, "small", lanes=[Lane("n0", "founder")], ended_s=100.0)
    timeline.bands = [
        Band("loss", "loss: probability 0.123456", 10.0, 14.0, ("n0",)),
        Band("loss", "loss: probability 0.123456", 20.0, 60.0, ("n0",)),
        Band("partition", "partition: n0 cut off", 70.0, 99.0, ("n0",)),
    ]
    page = render(timeline)
    assert re.findall(r"<text[^>]*data-short=[^>]*>(.*?)</text>", page) == [
        "loss",
        "loss: probability 0.123456",
        "partition: n0 cut off",
    ]
    assert "<title>partition: n0 cut off\n70.000 s to 99.000 s</title>" in page
