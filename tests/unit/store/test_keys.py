"""Physical keys: their order is that of row keys, and nothing is lost in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.model.ids import ContextId
from covey.model.view import RowKey, Table
from covey.store import keys

ZEROS_AND_ONES = st.lists(st.sampled_from([0, 1, 2, 0x61, 0xFE, 0xFF]), max_size=5).map(bytes)
NUMBERS = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 255, 256, 2**32, 2**64 - 1])


def part_of(kind: int) -> st.SearchStrategy[bytes | int]:
    if kind == keys.INT:
        return NUMBERS
    if kind == keys.NAME:
        return ZEROS_AND_ONES | st.binary(max_size=8)
    filler = st.sampled_from([0, 1, 0xFF])
    return st.builds(
        lambda byte, last: bytes((byte,)) * (kind - 1) + bytes((last,)), filler, filler
    )


@st.composite
def table_and_keys(draw: st.DrawFn, count: int) -> tuple[Table, list[RowKey]]:
    table = draw(st.sampled_from(list(Table)))
    key = st.tuples(*(part_of(kind) for kind in keys.SHAPES[table]))
    return table, draw(st.lists(key, min_size=count, max_size=count))


@given(table_and_keys(1), st.integers(0, 2**31 - 1))
def test_key_is_read_back(drawn: tuple[Table, list[RowKey]], number: int) -> None:
    """decode(encode(k)) == k for every table, whatever bytes the names hold."""
    table, (key,) = drawn
    physical = keys.physical_key(number, table, key)
    assert keys.row_key(table, physical) == key
    assert keys.number_of(physical[:4]) == number


@given(table_and_keys(2))
def test_physical_order_is_row_order(drawn: tuple[Table, list[RowKey]]) -> None:
    """Bytewise order of physical keys is the order of tuples, element by element."""
    table, (left, right) = drawn
    physical = [keys.physical_key(7, table, key) for key in (left, right)]
    assert (physical[0] < physical[1]) == (left < right)
    assert (physical[0] == physical[1]) == (left == right)


@given(table_and_keys(2), st.data())
def test_range_of_a_prefix_holds_exactly_its_rows(
    drawn: tuple[Table, list[RowKey]], data: st.DataObject
) -> None:
    """A row lies in the range of a prefix if and only if its key begins with it."""
    table, (key, other) = drawn
    prefix = key[: data.draw(st.integers(0, len(key)))]
    (low, high), known_bytes = keys.row_range(3, table, prefix, b"", None, False)
    for row in (key, other):
        physical = keys.physical_key(3, table, row)
        assert (low <= physical < high) == (row[: len(prefix)] == prefix)
    physical = keys.physical_key(3, table, key)
    assert keys.row_key(table, physical, prefix, known_bytes) == key


@given(table_and_keys(1), st.integers(1, 2**31 - 2))
def test_scopes_lie_apart(drawn: tuple[Table, list[RowKey]], number: int) -> None:
    """Dropping the range of one scope cannot touch the next one's rows."""
    table, (key,) = drawn
    low, high = keys.scope_range(number)
    inside = [
        low <= keys.physical_key(near, table, key) < high
        for near in (number - 1, number, number + 1)
    ]
    assert inside == [False, True, False]


def test_every_table_has_a_shape() -> None:
    """A table without a shape could not be written to at all."""
    assert set(keys.SHAPES) == set(Table)


def test_layout_is_the_documented_one() -> None:
    """Stored bytes do not change without a new schema version."""
    entry = keys.physical_key(2, Table.ENTRY, (b"n\x00tes", b"\xff"))
    assert entry == b"\x00\x00\x00\x02\x08n\x00\xfftes\x00\x01\xff\x00\x01"
    chain = keys.physical_key(258, Table.CHAIN, (b"d" * 32, 1, b"i" * 32))
    assert chain == b"\x00\x00\x01\x02\x04" + b"d" * 32 + bytes(7) + b"\x01" + b"i" * 32
    assert keys.SCHEMA_KEY == b"\x00\x00\x00\x00\x00schema"
    assert keys.directory_key(ContextId(b"c" * 36)) == b"\x00\x00\x00\x00\x02" + b"c" * 36


def test_values_pass_unchanged() -> None:
    """Nothing is encrypted at rest in this schema version."""
    assert keys.open_value(b"k", keys.seal_value(b"k", b"value")) == b"value"


@pytest.mark.parametrize(
    ("table", "prefix", "start", "after"),
    [
        (Table.LOG, (), b"\x00", None),
        (Table.LOG, (), b"", b"\x00"),
        (Table.HEAD, (), b"", b"x" * 33),
        (Table.ENTRY, (b"c",), b"", 1),
        (Table.ENTRY, (b"c", b"k", b"more"), b"", None),
    ],
)
def test_bound_of_the_wrong_kind_is_a_broken_invariant(
    table: Table, prefix: RowKey, start: bytes, after: bytes | int | None
) -> None:
    """A bound that means nothing must not quietly mean something else."""
    with pytest.raises(AssertionError):
        keys.row_range(2, table, prefix, start, after, False)
