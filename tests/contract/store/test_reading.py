"""What `Reader` promises: exact rows, in order, within the bounds that were asked for."""

from __future__ import annotations

import pytest

from covey.model import Draft, limits
from covey.model.ids import ContextId
from covey.model.view import KeyPart, Reader, RowKey, ScopedWrites, Table, Write
from covey.store import Store

ALPHA = ContextId(b"a" * 36)
BETA = ContextId(b"b" * 36)
LOW, MIDDLE, HIGH = bytes(32), b"\x7f" * 32, b"\xff" * 32


def fill(store: Store, table: Table, *rows: RowKey) -> Reader:
    """Write rows whose values name them, and read them back through the result."""
    writes = tuple(Write(table, row, repr(row).encode()) for row in rows)
    store.write([ScopedWrites(ALPHA, writes)], durable=False)
    return store.reader(ALPHA)


def keys(reader: Reader, table: Table, prefix: RowKey = (), **bounds: object) -> list[RowKey]:
    return [key for key, _ in reader.scan(table, prefix, **bounds)]  # type: ignore[arg-type]


def test_row_is_read_with_its_value(store: Store) -> None:
    """A value comes back byte for byte, the empty one too, which is not absence."""
    writes = (Write(Table.META, (b"full",), bytes(range(256))), Write(Table.META, (b"",), b""))
    store.write([ScopedWrites(ALPHA, writes)], durable=False)
    reader = store.reader(ALPHA)
    assert reader.get(Table.META, (b"full",)) == bytes(range(256))
    assert reader.get(Table.META, (b"",)) == b""
    assert reader.get(Table.META, (b"other",)) is None


def test_unknown_scope_is_empty(store: Store) -> None:
    """A context nobody wrote to reads as empty instead of failing."""
    assert store.reader(BETA).get(Table.META, (b"x",)) is None
    assert list(store.reader(BETA).scan(Table.META)) == []
    with store.snapshot(BETA) as frozen:
        assert frozen.get(Table.META, (b"x",)) is None
        assert list(frozen.scan(Table.META)) == []


def test_scopes_and_tables_do_not_mix(store: Store) -> None:
    """The same key in two contexts, in the node and in two tables is four rows."""
    store.write(
        [
            ScopedWrites(
                ALPHA, (Write(Table.DELTA, (LOW,), b"1"), Write(Table.HEAD, (LOW,), b"2"))
            ),
            ScopedWrites(BETA, (Write(Table.DELTA, (LOW,), b"3"),)),
            ScopedWrites(None, (Write(Table.DELTA, (LOW,), b"4"),)),
        ],
        durable=False,
    )
    found = [list(store.reader(scope).scan(Table.DELTA)) for scope in (ALPHA, BETA, None)]
    assert found == [[((LOW,), b"1")], [((LOW,), b"3")], [((LOW,), b"4")]]
    assert list(store.reader(ALPHA).scan(Table.HEAD)) == [((LOW,), b"2")]


def test_integers_are_ordered_as_numbers(store: Store) -> None:
    """255 before 256 before 2^64 - 1: the log is read in the order of arrival."""
    numbers = [0, 1, 255, 256, 65_535, 2**32, 2**63, 2**64 - 1]
    reader = fill(store, Table.LOG, *((number,) for number in reversed(numbers)))
    assert keys(reader, Table.LOG) == [(number,) for number in numbers]
    assert keys(reader, Table.LOG, reverse=True) == [(number,) for number in reversed(numbers)]


def test_names_that_begin_one_another_stay_apart(store: Store) -> None:
    """Collections "a" and "a\\0" share no rows, whatever zero bytes their keys hold."""
    rows = [(b"a", b"\x00"), (b"a", b"\x00\x01"), (b"a\x00", b""), (b"a\x00\x01", b""), (b"b", b"")]
    reader = fill(store, Table.ENTRY, *rows)
    assert keys(reader, Table.ENTRY) == rows
    assert keys(reader, Table.ENTRY, (b"a",)) == rows[:2]
    assert keys(reader, Table.ENTRY, (b"a\x00",)) == rows[2:3]


@pytest.mark.parametrize(
    ("start", "after", "reverse", "expected"),
    [
        (b"", None, False, [b"", b"a", b"a\x00", b"a\xff", b"a\xff\xff", b"b", b"\xff"]),
        (b"a", None, False, [b"a", b"a\x00", b"a\xff", b"a\xff\xff"]),
        (b"a\xff", None, False, [b"a\xff", b"a\xff\xff"]),
        (b"\xff", None, True, [b"\xff"]),
        (b"a", None, True, [b"a\xff\xff", b"a\xff", b"a\x00", b"a"]),
        (b"", b"", False, [b"a", b"a\x00", b"a\xff", b"a\xff\xff", b"b", b"\xff"]),
        (b"", b"a", False, [b"a\x00", b"a\xff", b"a\xff\xff", b"b", b"\xff"]),
        (b"", b"a", True, [b""]),
        (b"", b"", True, []),
        (b"a", b"a\x00", False, [b"a\xff", b"a\xff\xff"]),
        (b"a", b"a\xff", True, [b"a\x00", b"a"]),
        (b"a", b"A", False, [b"a", b"a\x00", b"a\xff", b"a\xff\xff"]),
        (b"a", b"b", False, []),
        (b"a", b"A", True, []),
        (b"nothing", None, False, []),
    ],
)
def test_scan_of_names_keeps_its_bounds(
    store: Store, start: bytes, after: bytes | None, reverse: bool, expected: list[bytes]
) -> None:
    """An application's scan sees exactly its range: one row more leaks another user's keys."""
    names = [b"", b"a", b"a\x00", b"a\xff", b"a\xff\xff", b"b", b"\xff"]
    around = [(b"0", b"a"), (b"c\x00", b"a"), (b"d", b"a")]
    reader = fill(store, Table.ENTRY, *around, *((b"c", name) for name in names))
    found = keys(reader, Table.ENTRY, (b"c",), start=start, after=after, reverse=reverse)
    assert found == [(b"c", name) for name in expected]


@pytest.mark.parametrize(
    ("start", "after", "reverse", "expected"),
    [
        (b"", None, True, [HIGH, MIDDLE, LOW]),
        (b"\x7f", None, False, [MIDDLE]),
        (b"\xff", None, False, [HIGH]),
        (b"", LOW, False, [MIDDLE, HIGH]),
        (b"", MIDDLE, True, [LOW]),
        (b"", HIGH, False, []),
        (b"", b"\x7f", False, [MIDDLE, HIGH]),
        (b"", b"\x7f", True, [LOW]),
    ],
)
def test_scan_of_ids_keeps_its_bounds(
    store: Store, start: bytes, after: bytes | None, reverse: bool, expected: list[bytes]
) -> None:
    """Ids of all ones have no successor; pages by `after` must end there all the same."""
    reader = fill(store, Table.HEAD, (LOW,), (MIDDLE,), (HIGH,))
    found = keys(reader, Table.HEAD, start=start, after=after, reverse=reverse)
    assert found == [(name,) for name in expected]


@pytest.mark.parametrize(
    ("after", "reverse", "expected"),
    [
        (None, False, [0, 1, 2, 2**64 - 1]),
        (1, False, [2, 2**64 - 1]),
        (1, True, [0]),
        (0, True, []),
        (2**64 - 1, False, []),
        (2**64 - 1, True, [2, 1, 0]),
    ],
)
def test_scan_after_a_sequence(
    store: Store, after: KeyPart | None, reverse: bool, expected: list[int]
) -> None:
    """A device's chain is read from a sequence on, and never into the next device's."""
    rows = [(MIDDLE, number, LOW) for number in (0, 1, 2, 2**64 - 1)]
    around = [(LOW, 5, LOW), (HIGH, 0, LOW), (HIGH, 5, LOW)]
    reader = fill(store, Table.CHAIN, *rows, *around)
    found = keys(reader, Table.CHAIN, (MIDDLE,), after=after, reverse=reverse)
    assert found == [(MIDDLE, number, LOW) for number in expected]


def test_after_skips_every_row_of_that_part(store: Store) -> None:
    """`after` names one part of the key: all rows that share it are behind."""
    rows = [(LOW, LOW), (LOW, HIGH), (MIDDLE, LOW), (MIDDLE, HIGH), (HIGH, LOW)]
    reader = fill(store, Table.TIP, *rows)
    assert keys(reader, Table.TIP, after=LOW) == rows[2:]
    assert keys(reader, Table.TIP, after=MIDDLE, reverse=True) == [rows[1], rows[0]]


def test_prefix_of_a_whole_key_is_that_row(store: Store) -> None:
    """A prefix may be the whole key; it finds that row alone."""
    reader = fill(store, Table.BRANCH, (LOW, 1), (LOW, 2))
    assert keys(reader, Table.BRANCH, (LOW, 1)) == [(LOW, 1)]
    assert keys(reader, Table.BRANCH, (LOW, 3)) == []


def test_scan_sees_the_rows_as_they_stood(store: Store) -> None:
    """Folding while scanning is common: rows written meanwhile must not appear half-way."""
    reader = fill(store, Table.LOG, *((number,) for number in range(200)))
    scan = reader.scan(Table.LOG)
    first = next(scan)
    removals = tuple(Write(Table.LOG, (number,), None) for number in range(100, 200))
    additions = (Write(Table.LOG, (50,), b"new"), Write(Table.LOG, (500,), b"new"))
    store.write([ScopedWrites(ALPHA, removals + additions)], durable=False)
    rest = [first, *scan]
    assert [key for key, _ in rest] == [(number,) for number in range(200)]
    assert rest[50][1] == b"(50,)"


def test_abandoned_scan_is_released(store: Store) -> None:
    """Whoever has enough closes the generator; the store then closes cleanly too."""
    reader = fill(store, Table.LOG, (1,), (2,), (3,))
    scan = reader.scan(Table.LOG)
    assert next(scan)[0] == (1,)
    scan.close()  # type: ignore[attr-defined]
    assert list(scan) == []
    assert keys(reader, Table.LOG) == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (Table.LOG, (b"bytes",)),
        (Table.LOG, (1, 2)),
        (Table.ENTRY, (b"collection",)),
        (Table.ENTRY, (b"collection", 1)),
        (Table.HEAD, (b"short",)),
        (Table.META, (b"n" * 5_000,)),
        (Table.CHAIN, (LOW, LOW, LOW)),
    ],
)
def test_key_of_the_wrong_shape_is_a_broken_invariant(
    store: Store, table: Table, key: RowKey
) -> None:
    """A key that another shape's reader could misread must never reach the disk."""
    with pytest.raises(AssertionError):
        store.reader(ALPHA).get(table, key)
    with pytest.raises(AssertionError):
        store.write([ScopedWrites(ALPHA, (Write(table, key, b""),))], durable=False)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_integer_beyond_64_bits_is_refused(store: Store, number: int) -> None:
    """Such a number has no place in the order of keys."""
    with pytest.raises(OverflowError):
        store.reader(ALPHA).get(Table.LOG, (number,))


@pytest.mark.parametrize("reverse", [False, True])
def test_a_whole_key_as_prefix_finds_its_one_row(store: Store, reverse: bool) -> None:
    """plyvel's reverse iterator gave nothing where its only row was the start of the range."""
    rows = tuple(Write(Table.LOG, (arrival,), b"x") for arrival in (1, 2, 3))
    store.write([ScopedWrites(None, rows)], durable=False)

    for arrival in (1, 2, 3):
        found = list(store.reader(None).scan(Table.LOG, (arrival,), reverse=reverse))
        assert found == [((arrival,), b"x")]


@pytest.mark.parametrize(
    "bounds",
    [{}, {"start": b"1"}, {"after": b"42"}, {"start": b"1", "after": b"150"}, {"start": b"x"}],
)
@pytest.mark.parametrize("over", ["store", "draft", "written draft"])
def test_pages_hold_what_a_scan_gives(store: Store, over: str, bounds: dict[str, bytes]) -> None:
    """A faster way to the same rows, zero bytes in their keys included."""
    names = [str(n).encode() + b"\x00" * (n % 3) for n in range(200)]
    reader = fill(store, Table.ENTRY, *((b"a", name) for name in names), (b"a\x00", b"1"))
    if over != "store":
        reader = Draft(reader)
        if over == "written draft":
            reader.put(Table.ENTRY, (b"a", b"1x"), b"new")
            reader.delete(Table.ENTRY, (b"a", b"100\x00"))
    rows = [(key[1], value) for key, value in reader.scan(Table.ENTRY, (b"a",), **bounds)]
    pages = list(reader.pages(Table.ENTRY, (b"a",), **bounds))
    assert [row for page in pages for row in page] == rows
    assert all(1 <= len(page) <= limits.STORE_PAGE_ROWS for page in pages)
    hashed = fill(store, Table.DELTA, (LOW,), (HIGH,))
    assert [key for page in hashed.pages(Table.DELTA, ()) for key, _ in page] == [LOW, HIGH]
