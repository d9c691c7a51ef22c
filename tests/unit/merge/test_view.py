"""Reading the state: now, and at a cut, with every option of a scan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from covey.merge import StateAtCut, StateReader, clamped
from covey.model import Add, Delete, HybridTime, Put, Reader, RowKey, limits
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


class Counted:
    """A reader that counts the rows it gives."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.rows = reader, 0
        self.get = reader.get
        self.pages = reader.pages

    def scan(self, *args: object, **kwargs: object) -> Iterator[tuple[RowKey, bytes]]:
        for row in self.reader.scan(*args, **kwargs):  # type: ignore[arg-type]
            self.rows += 1
            yield row


def rewritten(times: int) -> tuple[Counted, Cut, HybridTime]:
    """An entry and a sum that were changed often since a cut, and a time between."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    deltas = [history.write(ANN, (), [Put("notes", b"k", b"old")], [Add("likes", b"k", 1)])]
    for n in range(times):
        put, add = Put("notes", b"k", b"%d" % n), Add("likes", b"k", 1)
        deltas.append(history.write(BEN, (deltas[-1].id,), [put], [add]))
    stage.receive(*deltas)
    counted = Counted(stage.replica.ledger.view)
    return counted, Cut(counted, cut_of(counted, deltas[1].id)), deltas[1].core.time


def test_what_came_since_a_cut_is_met_once():
    """A call may read an entry thousands of times, for the price of an entry that is there."""
    counted, cut, _ = rewritten(50)
    reader = StateAtCut(counted, FOUNDING.collections, cut)
    values = [(reader.get("notes", b"k"), reader.get("notes", b"absent")) for _ in range(100)]
    assert set(values) == {(b"old", None)}
    assert counted.rows == 51
    assert list(reader.scan("notes", b"", b"")) == [(b"k", b"old")]
    assert counted.rows < 60


def test_what_is_later_than_a_cut_is_not_met_where_its_time_is_known():
    """A device that was away for long does not make everybody read what was written meanwhile."""
    counted, cut, time = rewritten(50)
    reader = StateAtCut(counted, FOUNDING.collections, cut, None, time)
    assert reader.get("notes", b"k") == b"old"
    assert reader.get("likes", b"k") == (1).to_bytes(8, "little")
    assert counted.rows < 10


def test_entries_of_a_past_state_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch):
    """What is forgotten is read again."""
    monkeypatch.setattr(limits, "PAST_ENTRIES_BYTES_MAX", 3 * limits.PAST_ENTRY_BYTES)
    counted, cut, _ = rewritten(1)
    reader, sizes = StateAtCut(counted, FOUNDING.collections, cut), []
    for n in range(100):
        assert reader.get("notes", b"%d" % n) is None
        assert len(reader._known) < 3
        sizes.append(len(reader._known))
    assert max(sizes[50:]) == 2
    assert reader.get("notes", b"k") == b"old"


def unseen(times: int) -> StateAtCut:
    """A past state between two keys of which as many were written since."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    deltas = [history.write(ANN, (), [Put("notes", b"0", b"old"), Put("notes", b"z", b"old")])]
    for n in range(times):
        put = Put("notes", b"k%03d" % n, b"")
        deltas.append(history.write(BEN, (deltas[-1].id,), [put]))
    stage.receive(*deltas)
    counted = Counted(stage.replica.ledger.view)
    return StateAtCut(counted, FOUNDING.collections, Cut(counted, cut_of(counted, deltas[1].id)))


def test_what_came_since_a_cut_is_walked_by_one_scan_alone():
    """A call may open thousands of scans for the price of what they give, wherever they begin."""
    reader, times = unseen(100), 100
    for n in range(times):
        assert list(reader.scan("notes", b"", b"0")) == [(b"z", b"old")]
        assert list(reader.scan("notes", b"k", b"")) == []
        assert list(reader.scan("notes", b"", b"k%03d" % n)) == [(b"z", b"old")]
    assert reader._reader.rows < times * times


def test_scan_of_a_past_state_finds_the_same_again():
    """What it remembers depends on the prefix, and is the next live key whatever came before."""
    reader = unseen(100)
    for _ in range(2):
        for prefix in (b"", b"k", b"k0", b"z", b"0"):
            for after in (b"", b"0", b"k", b"k000", b"k063", b"k064", b"k099", b"z"):
                live = [k for k in (b"0", b"z") if k.startswith(prefix) and k > after]
                assert [key for key, _ in reader.scan("notes", prefix, after)] == live
