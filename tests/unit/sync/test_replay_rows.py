"""Which deltas the engine is asked about at once: those of which it is certain what they see."""

from __future__ import annotations

import pytest

from covey.model import (
    Delta,
    Denied,
    HybridTime,
    Put,
    ReleaseId,
    limits,
)
from covey.sync import (
    ASK,
    Misbehaved,
    TimerFired,
    Verified,
)
from covey.testkit.history import History
from covey.testkit.identities import Identity
from covey.testkit.playbook import Stage
from tests.unit.sync.replayed import (
    AGREES,
    ANN,
    BEN,
    CARA,
    EVE,
    FAULT,
    FOUNDING,
    NOTE,
    applied,
    is_asked,
    places,
    row,
)


class Rows:
    """A replica that has a delta of ben's with the engine, so that all others are held back."""

    def __init__(self) -> None:
        self.history = History(FOUNDING)
        self.stage = Stage(FOUNDING, ANN)

    def apply(self, *deltas: Delta) -> None:
        for delta in deltas:
            if is_asked(self.stage.receive(delta)):
                self.stage.handle(AGREES)
            assert self.stage.replica.ledger.is_applied(delta.id)

    def asked(self, door: Delta, *deltas: Delta) -> list[tuple[bytes, int]]:
        """What is asked about together once the door, which is not counted, was run."""
        assert is_asked(self.stage.receive(door))
        assert self.stage.receive(*deltas) == []
        return row(self.stage.handle(AGREES))

    def door(self) -> Delta:
        return self.history.write(BEN, (), [Put("notes", b"door", b"")])

    def write(self, author: Identity, *after: Delta, **wrong: object) -> Delta:
        return self.history.write(author, [d.id for d in after], NOTE, **wrong)  # type: ignore[arg-type]


def test_deltas_that_follow_one_another_are_asked_about_together():
    """Whoever wrote them: each one's cut is the first one's, and those before it."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    two = rows.write(CARA, one)
    three = rows.write(CARA, two)
    four = rows.write(BEN, three)
    assert rows.asked(door, one, two, three, four) == places(one, two, three, four)


def test_words_on_a_row_apply_it_without_another_question():
    """What has no word yet is the first of the next row."""
    rows = Rows()
    door = rows.door()
    deltas = [rows.write(BEN, door)]
    for _ in range(5):
        deltas.append(rows.write(CARA, deltas[-1]))
    rows.asked(door, *deltas)
    effects = rows.stage.handle(Verified((None, None, None)))
    assert applied(effects) == deltas[:3]
    assert row(effects) == places(*deltas[3:])
    effects = rows.stage.handle(Verified((None, Denied("wrong-fuel", "it uses more"))))
    assert applied(effects) == deltas[3:4]
    assert [e.code for e in effects if isinstance(e, Misbehaved)] == [
        "wrong-fuel", "follows-refused",
    ]  # fmt: skip


@pytest.mark.parametrize("author", [BEN, CARA])
def test_fault_within_a_row_keeps_the_words_before_it(author: Identity):
    """The delta with the fault waits, and what follows it with it."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    two = rows.write(author, one)
    three = rows.write(BEN, two)
    rows.asked(door, one, two, three)
    effects = rows.stage.handle(Verified((None, *FAULT.words)))
    assert applied(effects) == [one]
    assert not is_asked(effects)
    rows.stage.now += limits.REPLAY_AGAIN_S
    assert row(rows.stage.handle(TimerFired(ASK))) == places(two)


def test_row_on_everything_may_begin_with_several_heads():
    """What comes behind follows them through the first one."""
    rows = Rows()
    door, other = rows.door(), rows.write(CARA)
    rows.apply(other)
    one = rows.write(BEN, door, other)
    two = rows.write(CARA, one)
    assert rows.asked(door, one, two) == places(one, two)


def test_row_on_less_than_everything_is_one_chain():
    """What another device follows may hold more than the first one's cut."""
    rows = Rows()
    door, other = rows.door(), rows.write(CARA)
    rows.apply(other)
    one = rows.write(BEN, door)  # It does not know of cara's.
    two = rows.write(BEN, one)
    three = rows.write(BEN, two)
    assert rows.asked(door, one, two, three) == places(one, two, three)
    again = Rows()
    again.history = rows.history
    again.apply(other)
    joined = again.write(BEN, one, other)
    crossed = again.write(CARA, one, other)
    assert again.asked(door, one, joined, crossed) == places(one)


def wrong(change: str, rows: Rows, one: Delta) -> Delta:
    """A delta of cara's that follows another as it should, but for one thing."""
    changes: dict[str, dict[str, object]] = {
        "gov_parents": {"gov_parents": (one.id,)},
        "release": {"release": ReleaseId(bytes(36))},
        "same time": {"time": one.core.time},
        "earlier": {"time": HybridTime(one.core.time - 1)},
        "other's chain": {"previous": one.id, "parents": (), "sequence": 2},
        "unknown parent": {"parents": tuple(sorted((one.id, type(one.id)(bytes(32)))))},
        "more fuel entries": {"fuel": (1, 1)},
        "no fuel": {"fuel": ()},
        "too much fuel": {"fuel": (limits.CALL_FUEL_MAX + 1,)},
        "odd payload": {"payload": b"\xc0"},
        "governance": {"governance": (EVE.admit(FOUNDING.context),)},
    }
    return rows.write(CARA, one, **changes[change])


@pytest.mark.parametrize(
    "change",
    [
        "gov_parents", "release", "same time", "earlier", "other's chain",
        "unknown parent", "more fuel entries", "no fuel", "too much fuel", "odd payload",
        "governance",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_no_part_of_a_row(change: str):
    """Else a word on another state than its own would be remembered."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    assert rows.asked(door, one, wrong(change, rows, one), rows.write(BEN, one)) == [
        *places(one), (BEN.device, 3),
    ]  # fmt: skip


def test_delta_without_calls_is_no_part_of_a_row():
    """There is nothing to ask."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    empty = rows.history.write(CARA, [one.id])
    assert rows.asked(door, one, empty) == places(one)


def test_stranger_is_no_part_of_a_row():
    """It has no member and no roles there."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    assert rows.asked(door, one, rows.write(EVE, one)) == places(one)


def test_row_is_taken_in_the_order_of_arrival():
    """One that came before what it follows is judged in its turn."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    two = rows.write(BEN, one)
    three = rows.write(BEN, two)
    assert rows.asked(door, one, three, one, two) == places(one, two)


def test_branches_are_no_row():
    """Of two that follow the same, the second sees nothing of the first; nor its followers."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    two = rows.write(CARA, one)
    beside = rows.write(BEN, one, time=HybridTime(two.core.time + 1))
    joined = rows.write(BEN, beside, two)
    assert rows.asked(door, one, two, beside, joined) == places(one, two)


@pytest.mark.parametrize("is_known", [True, False])
def test_fork_is_no_part_of_a_row(*, is_known: bool):
    """It changes who counts; where one is known every delta is asked about by itself."""
    rows = Rows()
    door = rows.door()
    if is_known:
        rows.apply(rows.write(CARA, keep=False), rows.write(CARA, keep=False, fuel=(2,)))
    one = rows.write(BEN, door)
    again = rows.write(BEN, one, previous=door.id, sequence=2, parents=(one.id,))
    two = rows.write(BEN, one)
    assert rows.asked(door, one, again, two) == (places(one) if is_known else places(one, two))


def test_payload_that_was_read_for_a_row_is_let_go_where_the_delta_is_refused():
    """It may be of 4 MiB, and was kept until 32 others had been read."""
    rows = Rows()
    door = rows.door()
    one = rows.write(BEN, door)
    two = rows.write(BEN, one, epochs=(bytes(32),))
    assert rows.asked(door, one, two) == places(one, two)
    rows.stage.handle(Verified((None, None)))
    assert rows.stage.replica.judge.refusal(two.id) is not None
    assert not rows.stage.replica.judge._payloads


@pytest.mark.parametrize(
    ("name", "value", "length"),
    [
        ("REPLAY_ROW_MAX", 3, 3),
        ("REPLAY_ROW_BYTES", 1, 1),
        ("REPLAY_ROW_FUEL", 2, 2),
    ],
)
def test_row_is_bounded(name: str, value: int, length: int, monkeypatch: pytest.MonkeyPatch):
    """Calls of this node wait for it, and a watchdog looks at all of it at once."""
    monkeypatch.setattr(limits, name, value)
    rows = Rows()
    door = rows.door()
    deltas = [rows.write(BEN, door)]
    for _ in range(5):
        deltas.append(rows.write(BEN, deltas[-1]))
    assert rows.asked(door, *deltas) == places(*deltas[:length])
