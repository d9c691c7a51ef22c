"""What the store does when its engine fails in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from covey.errors import StoreError
from covey.model import limits
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store.engine import Change, View
from covey.store.memory import MemoryEngine
from covey.store.scoped import ScopedStore

ALPHA = ContextId(b"a" * 36)
BETA = ContextId(b"b" * 36)


class FailingEngine(MemoryEngine):
    """An engine whose disk fails at the write with a chosen number, once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.fails_at: int | None = None
        self.sizes: list[int] = []

    def apply(self, changes: Sequence[Change], *, durable: bool) -> None:
        self.writes += 1
        if self.writes == self.fails_at:
            raise StoreError("the disk is full")
        self.sizes.append(len(changes))
        super().apply(changes, durable=durable)


def put(store: ScopedStore, scope: ContextId, *numbers: int) -> None:
    writes = tuple(Write(Table.LOG, (number,), b"x") for number in numbers)
    store.write([ScopedWrites(scope, writes)], durable=True)


def reopened(engine: MemoryEngine) -> ScopedStore:
    """The next process on the same rows."""
    store = ScopedStore(engine)
    store.load()
    return store


def test_failed_write_stops_all_writing() -> None:
    """What a failed write left on the disk is unknown: nothing is built on it."""
    engine = FailingEngine()
    store = ScopedStore(engine)
    put(store, ALPHA, 1)
    engine.fails_at = 2
    with pytest.raises(StoreError, match=r"^the disk is full$"):
        put(store, ALPHA, 2)
    with pytest.raises(StoreError, match="a write failed: the disk is full"):
        put(store, BETA, 3)
    with pytest.raises(StoreError, match="a write failed: the disk is full"):
        store.drop(ALPHA)
    assert engine.writes == 2
    assert [key for key, _ in store.reader(ALPHA).scan(Table.LOG)] == [(1,)]


def test_failed_first_write_gives_no_number_away() -> None:
    """A context whose first write failed is unknown again, also after opening anew."""
    engine = FailingEngine()
    engine.fails_at = 1
    with pytest.raises(StoreError):
        put(ScopedStore(engine), ALPHA, 1)
    store = reopened(engine)
    put(store, BETA, 2)
    assert list(store.reader(ALPHA).scan(Table.LOG)) == []
    assert [key for key, _ in store.reader(BETA).scan(Table.LOG)] == [(2,)]


def test_numbers_survive_opening_anew() -> None:
    """Contexts find their rows again, and a new one gets none of theirs."""
    engine = MemoryEngine()
    store = ScopedStore(engine)
    store.write(
        [
            ScopedWrites(ALPHA, (Write(Table.LOG, (1,), b"x"),)),
            ScopedWrites(BETA, (Write(Table.LOG, (2,), b"x"),)),
        ],
        durable=True,
    )
    store = reopened(engine)
    third = ContextId(b"c" * 36)
    put(store, third, 3)
    found = [list(store.reader(scope).scan(Table.LOG)) for scope in (ALPHA, BETA, third)]
    assert found == [[((number,), b"x")] for number in (1, 2, 3)]


def test_number_of_a_dropped_context_is_not_given_again() -> None:
    """Were it reused, rows that a drop had yet to remove would appear in another context."""
    engine = MemoryEngine()
    store = ScopedStore(engine)
    put(store, ALPHA, 1)
    store.drop(ALPHA)
    store = reopened(engine)
    put(store, BETA, 2)
    (page,) = engine.pages((b"\0\0\0\2", b"\xff"), reverse=False)
    assert [key[:4] for key, _ in page] == [b"\0\0\0\3"]


class InterruptedEngine(MemoryEngine):
    """An engine in which something happens right after a frozen view was made."""

    def __init__(self) -> None:
        super().__init__()
        self.interruption: Callable[[], None] | None = None

    @contextmanager
    def frozen(self) -> Iterator[View]:
        with super().frozen() as view:
            happens, self.interruption = self.interruption, None
            if happens is not None:
                happens()
            yield view


def test_snapshot_taken_as_a_drop_begins_is_whole() -> None:
    """Whichever comes first, a query sees all of a context or nothing."""
    engine = InterruptedEngine()
    store = ScopedStore(engine)
    put(store, ALPHA, 1, 2, 3)
    engine.interruption = lambda: store.drop(ALPHA)
    with store.snapshot(ALPHA) as frozen:
        assert [key for key, _ in frozen.scan(Table.LOG)] == [(1,), (2,), (3,)]
    with store.snapshot(ALPHA) as frozen:
        assert list(frozen.scan(Table.LOG)) == []


def test_drop_writes_in_bounded_batches() -> None:
    """A context of a million rows must not become one write of a million removals."""
    engine = FailingEngine()
    store = ScopedStore(engine)
    put(store, ALPHA, *range(3 * limits.STORE_DROP_ROWS + 5))
    engine.sizes.clear()
    store.drop(ALPHA)
    assert engine.sizes == [2, *[limits.STORE_DROP_ROWS] * 3, 5, 1]


@pytest.mark.parametrize("fails_at", [2, 3, 4, 5, 6])
def test_drop_cut_short_is_finished_at_the_next_start(fails_at: int) -> None:
    """Wherever a drop stops, the context is whole or gone, and its rows go in the end."""
    engine = FailingEngine()
    store = ScopedStore(engine)
    count = 2 * limits.STORE_DROP_ROWS + 5
    put(store, ALPHA, *range(count))
    engine.fails_at = fails_at
    with pytest.raises(StoreError):
        store.drop(ALPHA)
    store = reopened(engine)
    left = list(store.reader(ALPHA).scan(Table.LOG))
    if fails_at == 2:
        assert len(left) == count
    else:
        assert left == []
        assert list(engine.pages((b"\0\0\0\2", b"\xff"), reverse=False)) == []
        assert list(engine.pages((b"\0\0\0\0\2", b"\0\0\0\1"), reverse=False)) == []
