"""The mirror's edits, read by a model of the application, give the text of the replay."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.testkit.trace import (
    Mirror,
    Patch,
    Transaction,
    expected_text,
    invent_trace,
    load_trace,
)
from covey.testkit.trace.format import checked_trace

DATA = Path(__file__).parents[4] / "data" / "friendsforever.json.gz"


def member(agent: int) -> bytes:
    return bytes([agent + 1]) * 32


def members(count: int) -> list[bytes]:
    return [member(agent) for agent in range(count)]


class Application:
    """A model of apps/text: elements by id, read as a tree from the start, without recursion."""

    def __init__(self) -> None:
        self.elements: dict[tuple[str, int], tuple[tuple[str, int] | None, str]] = {}
        self.gone: set[tuple[str, int]] = set()

    def edit(self, caller: bytes, args) -> None:
        for kind, *rest in args["ops"]:
            if kind == "d":
                (name, counter), count = self.element(caller, rest[0]), rest[1]
                self.gone.update((name, counter + offset) for offset in range(count))
                continue
            counter, origin, text = rest[0], self.element(caller, rest[1]), rest[2]
            assert origin is None or origin[1] < counter
            for offset, character in enumerate(text):
                item = (caller.hex(), counter + offset)
                assert item not in self.elements
                self.elements[item] = (origin, character)
                origin = item

    @staticmethod
    def element(caller: bytes, value) -> tuple[str, int] | None:
        if value == 0:
            return None
        return (caller.hex(), value) if isinstance(value, int) else tuple(value)

    def text(self) -> str:
        children: dict[tuple[str, int] | None, list[tuple[str, int]]] = {}
        for item, (origin, _) in self.elements.items():
            children.setdefault(origin, []).append(item)
        for siblings in children.values():
            siblings.sort(key=lambda item: (item[1], item[0]))
        ahead, found = list(children.get(None, [])), []
        while ahead:
            item = ahead.pop()
            if item not in self.gone:
                found.append(self.elements[item][1])
            ahead.extend(children.get(item, []))
        assert self.gone <= self.elements.keys()
        return "".join(found)


def causal_order(trace, rng: random.Random, count: int) -> list[int]:
    """The first `count` transactions, shuffled, each after its parents."""
    children: list[list[int]] = [[] for _ in range(count)]
    missing = [len(trace.transactions[index].parents) for index in range(count)]
    for index in range(count):
        for parent in trace.transactions[index].parents:
            children[parent].append(index)
    ready = [index for index in range(count) if not missing[index]]
    order: list[int] = []
    while ready:
        at = rng.randrange(len(ready))
        ready[at], ready[-1] = ready[-1], ready[at]
        order.append(ready.pop())
        for child in children[order[-1]]:
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    return order


@pytest.fixture(scope="module")
def recorded():
    return load_trace(DATA)


def test_recorded_session_gives_the_published_document_in_any_causal_order(recorded):
    """The whole loop of the demo without nodes: positions to elements, elements to text."""
    edits = list(Mirror(recorded, members(2)).edits())
    assert [edit.index for edit in edits] == list(range(len(recorded.transactions)))
    for order in (
        range(len(edits)),
        causal_order(recorded, random.Random(1), len(edits)),
        causal_order(recorded, random.Random(2), len(edits)),
    ):
        application = Application()
        for index in order:
            application.edit(member(edits[index].agent), edits[index].args)
        assert application.text() == recorded.end_text


def test_prefix_of_the_recorded_session_agrees_with_the_replay(recorded):
    application = Application()
    for edit in Mirror(recorded, members(2)).edits(3_000):
        application.edit(member(edit.agent), edit.args)
    assert application.text() == expected_text(recorded, 3_000)


@pytest.mark.parametrize("seed", range(12))
def test_invented_session_gives_its_text_in_any_causal_order(seed):
    """Several agents, patches, pastes, deletes across others' text, inserts at one place."""
    rng = random.Random(seed)
    trace = invent_trace(rng, agents=rng.randint(1, 5), transactions=60)
    mirror = Mirror(trace, members(trace.agents))
    edits = list(mirror.edits())
    for index in range(4):
        application = Application()
        for at in causal_order(trace, random.Random(index), 60):
            application.edit(member(edits[at].agent), edits[at].args)
        assert application.text() == trace.end_text
    assert mirror.text(trace.transactions[-1].agent) == trace.end_text


def test_counters_are_greater_than_all_the_agent_had_seen(recorded):
    """Else a sibling that was typed later could stand on the wrong side."""
    edits = list(Mirror(recorded, members(2)).edits(5_000))
    greatest: list[int] = []
    for edit in edits:
        seen = max((greatest[p] for p in recorded.transactions[edit.index].parents), default=0)
        for kind, *rest in edit.args["ops"]:
            if kind == "i":
                assert rest[0] > seen
                seen = rest[0] + len(rest[2]) - 1
        greatest.append(seen)


def edits_of(agents: int, *transactions: tuple) -> list:
    made = tuple(
        Transaction(tuple(parents), agent, tuple(Patch(*patch) for patch in patches))
        for parents, agent, *patches in transactions
    )
    mirror = Mirror(checked_trace(agents, made, ""), members(agents))
    return [edit.args["ops"] for edit in mirror.edits()]


def test_elements_are_named_briefly_where_they_are_the_callers_own():
    other = member(0).hex()
    assert edits_of(
        2,
        ([], 0, (0, 0, "abc")),
        ([0], 0, (3, 0, "d")),
        ([1], 1, (2, 0, "x"), (3, 0, "y")),
    ) == [
        [("i", 1, 0, "abc")],
        [("i", 4, 3, "d")],
        [("i", 5, (other, 2), "x"), ("i", 6, 5, "y")],
    ]


def test_delete_across_runs_names_spans_of_successive_counters():
    other = member(0).hex()
    assert edits_of(
        2,
        ([], 0, (0, 0, "abcd")),
        ([0], 1, (2, 0, "xy")),
        ([1], 1, (1, 4, "-")),
    )[2] == [("d", (other, 2), 1), ("d", 5, 2), ("d", (other, 3), 1), ("i", 7, (other, 1), "-")]


def test_very_long_inserts_and_deletes_become_several_operations():
    """The application bounds one operation; a transaction stays one call."""
    first, second = edits_of(1, ([], 0, (0, 0, "x" * 70_000)), ([0], 0, (0, 70_000, "")))
    assert [(op[1], op[2], len(op[3])) for op in first] == [
        (1, 0, 65_536),
        (65_537, 65_536, 4_464),
    ]
    assert second == [("d", 1, 65_536), ("d", 65_537, 4_464)]


def test_mirror_goes_on_where_it_stopped(recorded):
    mirror = Mirror(recorded, members(2))
    pieces = [*mirror.edits(10), *mirror.edits(25)]
    assert pieces == list(Mirror(recorded, members(2)).edits(25))


def test_empty_trace_has_no_edits():
    assert list(Mirror(checked_trace(1, (), ""), members(1)).edits()) == []


@pytest.mark.parametrize("wrong", [[], members(1), members(3), [member(0), member(0)]])
def test_wrong_members_are_refused(recorded, wrong):
    with pytest.raises(ConfigError, match="2 different members"):
        Mirror(recorded, wrong)


def test_edit_beyond_the_document_is_refused():
    with pytest.raises(ConfigError, match="transaction 1 of the trace cannot apply"):
        edits_of(1, ([], 0, (0, 0, "a")), ([0], 0, (5, 0, "b")))
