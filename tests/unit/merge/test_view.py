"""Reading the state: now, and at a cut, with every option of a scan."""

from __future__ import annotations

import pytest

from covey.merge import StateAtCut, StateReader, clamped
from covey.model import Add, Delete, Put
from covey.rules import Cut, cut_of
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN, BEN)
KEYS = (b"a", b"a\x00", b"ab", b"abc", b"b", b"\xff", b"\xff\xff")


@pytest.fixture
def readers() -> list[StateReader | StateAtCut]:
    """The same state read as it is, and at a cut beyond which everything was changed again."""
    history = History(FOUNDING)
    first = history.write(ANN, (), [Put("notes", k, b"old " + k) for k in sorted(KEYS)])
    gone = history.write(BEN, (first.id,), [Delete("notes", b"ab")], [Add("likes", b"x", 2)])
    seen = history.write(ANN, (gone.id,), [Put("notes", b"a", b"new a")], [Add("likes", b"x", 3)])
    before, after = Stage(FOUNDING, BEN), Stage(FOUNDING, BEN)
    before.receive(first, gone, seen)
    last = history.write(BEN, (seen.id,), [Put("notes", k, b"later") for k in sorted(KEYS)])
    more = history.write(ANN, (last.id,), [Add("likes", b"x", 9), Put("notes", b"zz", b"later")])
    after.receive(first, gone, seen, last, more)
    now, then = before.replica.ledger.view, after.replica.ledger.view
    cut = Cut(then, cut_of(then, last.id))
    return [
        StateReader(now, FOUNDING.collections),
        StateAtCut(then, FOUNDING.collections, cut),
    ]


def test_values_are_those_that_won(readers):
    """A later value, a deleted one, one never written, a sum."""
    for reader in readers:
        assert reader.get("notes", b"a") == b"new a"
        assert reader.get("notes", b"abc") == b"old abc"
        assert reader.get("notes", b"ab") is None
        assert reader.get("notes", b"zz") is None
        assert reader.get("likes", b"x") == (5).to_bytes(8, "little")
        assert reader.get("likes", b"y") is None
        assert list(reader.scan("posts", b"", b"")) == []


@pytest.mark.parametrize("prefix", [b"", b"a", b"ab", b"\xff", b"c"])
@pytest.mark.parametrize("after", [b"", b"a", b"aa", b"ab", b"\xff", b"\xff\xff"])
def test_scan_shows_live_entries_of_a_prefix_after_a_key(readers, prefix: bytes, after: bytes):
    """In key order; what was deleted is not there."""
    live = [key for key in KEYS if key != b"ab"]
    expected = [key for key in live if key.startswith(prefix) and key > after]
    for reader in readers:
        assert [key for key, _ in reader.scan("notes", prefix, after)] == expected


@pytest.mark.parametrize(
    ("total", "read"),
    [(0, 0), (-1, -1), (2**63 - 1, 2**63 - 1), (2**63, 2**63 - 1), (-(2**90), -(2**63))],
)
def test_counters_are_clamped_only_when_read(total: int, read: int):
    """Saturating adds would depend on their order."""
    assert clamped(total) == read.to_bytes(8, "little", signed=True)


def test_counter_that_left_64_bits_comes_back():
    """The sum is exact all the time."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    top = 2**63 - 1
    first = history.write(ANN, (), [Add("likes", b"x", top)], [Add("likes", b"x", top)])
    stage.receive(first)
    reader = StateReader(stage.replica.ledger.view, FOUNDING.collections)
    assert reader.get("likes", b"x") == clamped(top)
    stage.receive(history.write(BEN, (), [Add("likes", b"x", -top)]))
    stage.receive(history.write(ANN, (first.id,), [Add("likes", b"x", -top + 7)]))
    assert stage.replica.ledger.view is not None
    reader = StateReader(stage.replica.ledger.view, FOUNDING.collections)
    assert reader.get("likes", b"x") == clamped(7)
