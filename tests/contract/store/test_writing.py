"""What `write` and `snapshot` promise: all or nothing, and a view that does not move."""

from __future__ import annotations

import threading

import pytest

from covey.errors import StoreError
from covey.model.ids import ContextId
from covey.model.view import ScopedWrites, Table, Write
from covey.store import Store

ALPHA = ContextId(b"a" * 36)
BETA = ContextId(b"b" * 36)


def put(store: Store, scope: ContextId | None, number: int, value: bytes | None) -> None:
    store.write([ScopedWrites(scope, (Write(Table.LOG, (number,), value),))], durable=False)


def test_last_write_of_a_key_wins(store: Store) -> None:
    """Within a batch order counts, removal included."""
    writes = (
        Write(Table.LOG, (1,), b"first"),
        Write(Table.LOG, (1,), b"second"),
        Write(Table.LOG, (2,), b"gone"),
        Write(Table.LOG, (2,), None),
        Write(Table.LOG, (3,), None),
        Write(Table.LOG, (3,), b"back"),
    )
    store.write([ScopedWrites(ALPHA, writes[:3]), ScopedWrites(ALPHA, writes[3:])], durable=True)
    expected = [((1,), b"second"), ((3,), b"back")]
    assert list(store.reader(ALPHA).scan(Table.LOG)) == expected


def test_removing_what_is_not_there_is_nothing(store: Store) -> None:
    """A fold may remove a row twice."""
    put(store, ALPHA, 1, None)
    assert list(store.reader(ALPHA).scan(Table.LOG)) == []


def test_bad_row_leaves_the_whole_batch_unwritten(store: Store) -> None:
    """A batch with one impossible key changes nothing in any scope, and the store goes on."""
    good = ScopedWrites(ALPHA, (Write(Table.LOG, (1,), b"x"),))
    bad = ScopedWrites(BETA, (Write(Table.LOG, (b"no integer",), b"x"),))
    with pytest.raises(AssertionError):
        store.write([good, bad], durable=True)
    assert list(store.reader(ALPHA).scan(Table.LOG)) == []
    put(store, ALPHA, 2, b"y")
    assert list(store.reader(ALPHA).scan(Table.LOG)) == [((2,), b"y")]


def test_value_that_is_no_bytes_is_a_broken_invariant(store: Store) -> None:
    """Caught before anything is written, and the store goes on."""
    wrong = Write(Table.LOG, (2,), "text")  # type: ignore[arg-type]
    writes = (Write(Table.LOG, (1,), b"x"), wrong)
    with pytest.raises(AssertionError):
        store.write([ScopedWrites(ALPHA, writes)], durable=True)
    assert list(store.reader(ALPHA).scan(Table.LOG)) == []
    put(store, ALPHA, 3, b"y")


def test_empty_batch_writes_nothing(store: Store) -> None:
    """A commit without rows is legal, and a durable one is a barrier."""
    store.write([], durable=True)
    store.write([ScopedWrites(ALPHA, ())], durable=False)
    assert list(store.reader(ALPHA).scan(Table.LOG)) == []


def test_live_reader_follows_writes(store: Store) -> None:
    """A reader made before the context's first write sees it afterwards."""
    reader = store.reader(ALPHA)
    assert reader.get(Table.LOG, (1,)) is None
    put(store, ALPHA, 1, b"now")
    assert reader.get(Table.LOG, (1,)) == b"now"


def test_snapshot_does_not_move(store: Store) -> None:
    """A batch of calls reads one state, whatever arrives meanwhile."""
    for number in range(150):
        put(store, ALPHA, number, b"old")
    with store.snapshot(ALPHA) as frozen:
        put(store, ALPHA, 0, None)
        put(store, ALPHA, 70, b"new")
        put(store, ALPHA, 70, b"newer")
        put(store, ALPHA, 149, None)
        put(store, ALPHA, 150, b"new")
        before = [((number,), b"old") for number in range(150)]
        assert list(frozen.scan(Table.LOG)) == before
        assert list(frozen.scan(Table.LOG, reverse=True)) == before[::-1]
        assert frozen.get(Table.LOG, (70,)) == b"old"
        assert frozen.get(Table.LOG, (0,)) == b"old"
        assert frozen.get(Table.LOG, (150,)) is None
        with store.snapshot(ALPHA) as later:
            assert later.get(Table.LOG, (70,)) == b"newer"
            assert len(list(later.scan(Table.LOG))) == 149


def test_snapshot_of_a_context_yet_unwritten_stays_empty(store: Store) -> None:
    """The scope's first write comes after the snapshot: not seen, though it gets its number."""
    with store.snapshot(ALPHA) as frozen:
        put(store, ALPHA, 1, b"x")
        assert frozen.get(Table.LOG, (1,)) is None
        assert list(frozen.scan(Table.LOG)) == []


def test_snapshot_is_closed_after_its_block(store: Store) -> None:
    """A view kept too long fails loudly instead of reading what is freed."""
    put(store, ALPHA, 1, b"x")
    with store.snapshot(ALPHA) as frozen:
        scan = frozen.scan(Table.LOG)
    with pytest.raises(StoreError, match="snapshot is closed"):
        frozen.get(Table.LOG, (1,))
    with pytest.raises(StoreError, match="snapshot is closed"):
        next(scan)


def test_snapshot_is_read_in_another_thread_while_writing(store: Store) -> None:
    """The engine's thread reads its snapshot while the loop commits: each sees only its own."""
    for number in range(300):
        put(store, ALPHA, number, b"old")
    seen: list[tuple[int, set[bytes]]] = []

    def read() -> None:
        for _ in range(20):
            rows = list(frozen.scan(Table.LOG))
            seen.append((len(rows), {value for _, value in rows}))

    with store.snapshot(ALPHA) as frozen:
        thread = threading.Thread(target=read)
        thread.start()
        for number in range(600):
            put(store, ALPHA, number, b"new" if number % 3 else None)
        thread.join()
    assert seen == [(300, {b"old"})] * 20


def test_batches_are_seen_whole_by_other_threads(store: Store) -> None:
    """A snapshot never falls between the scopes of one batch, nor between its rows."""
    torn: list[tuple[bytes | None, bytes | None]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with store.snapshot(ALPHA) as frozen:
                pair = frozen.get(Table.LOG, (1,)), frozen.get(Table.LOG, (2,))
                if pair[0] != pair[1]:
                    torn.append(pair)

    thread = threading.Thread(target=read)
    thread.start()
    for round_number in range(500):
        value = b"%d" % round_number
        writes = (Write(Table.LOG, (1,), value), Write(Table.LOG, (2,), value))
        store.write([ScopedWrites(ALPHA, writes)], durable=False)
    done.set()
    thread.join()
    assert torn == []


def test_closed_store_refuses_everything(store: Store) -> None:
    """After `close` no answer is given, so none can be taken for an empty store."""
    put(store, ALPHA, 1, b"x")
    reader = store.reader(ALPHA)
    scan = reader.scan(Table.LOG)
    next(scan)
    held = store.snapshot(ALPHA)
    frozen = held.__enter__()
    store.close()
    store.close()
    for attempt in (
        lambda: reader.get(Table.LOG, (1,)),
        lambda: store.reader(BETA).get(Table.LOG, (1,)),
        lambda: next(scan),
        lambda: list(reader.scan(Table.LOG)),
        lambda: frozen.get(Table.LOG, (1,)),
        lambda: put(store, ALPHA, 2, b"y"),
        lambda: store.snapshot(ALPHA).__enter__(),
        lambda: store.drop(ALPHA),
    ):
        with pytest.raises(StoreError, match="closed"):
            attempt()
    held.__exit__(None, None, None)


def test_drop_forgets_one_context_and_nothing_else(store: Store) -> None:
    """Leaving a context takes all its tables, and not one row of another or of the node."""
    for scope in (ALPHA, BETA, None):
        store.write(
            [
                ScopedWrites(
                    scope,
                    (
                        *(Write(Table.LOG, (number,), b"x") for number in range(2_500)),
                        Write(Table.META, (b"m",), b"x"),
                        Write(Table.TIP, (b"\xff" * 32, b"\xff" * 32), b"x"),
                    ),
                )
            ],
            durable=False,
        )
    store.drop(ALPHA)
    gone, kept, node = (store.reader(scope) for scope in (ALPHA, BETA, None))
    assert [list(gone.scan(table)) for table in Table] == [[] for _ in Table]
    for reader in (kept, node):
        assert len(list(reader.scan(Table.LOG))) == 2_500
        assert reader.get(Table.META, (b"m",)) == b"x"
        assert len(list(reader.scan(Table.TIP))) == 1


def test_dropped_context_can_begin_again(store: Store) -> None:
    """Joining again starts empty; what the first time left is not seen."""
    put(store, ALPHA, 1, b"old")
    reader = store.reader(ALPHA)
    store.drop(ALPHA)
    store.drop(ALPHA)
    assert reader.get(Table.LOG, (1,)) is None
    put(store, ALPHA, 2, b"new")
    assert list(reader.scan(Table.LOG)) == [((2,), b"new")]


def test_snapshot_outlives_a_drop(store: Store) -> None:
    """A query that runs while its context is left finishes on what it began with."""
    put(store, ALPHA, 1, b"x")
    with store.snapshot(ALPHA) as frozen:
        store.drop(ALPHA)
        assert list(frozen.scan(Table.LOG)) == [((1,), b"x")]


def test_dropping_an_unknown_context_is_nothing(store: Store) -> None:
    """`leave` may be asked twice."""
    store.drop(BETA)
    assert list(store.reader(BETA).scan(Table.LOG)) == []
