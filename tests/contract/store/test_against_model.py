"""Both stores against the plainest model there is: a dict, sorted when asked."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.model.ids import ContextId
from covey.model.view import KeyPart, RowKey, ScopedWrites, Table, Write
from covey.store import MemoryStore, Store, open_level

SCOPES = (None, ContextId(b"a" * 36), ContextId(b"a" * 35 + b"b"))
NAMES = st.binary(max_size=3) | st.sampled_from([b"\x00", b"\x00\xff", b"\xff\xff", b"\x00\x01"])
NUMBERS = st.sampled_from([0, 1, 2, 255, 256, 2**64 - 2, 2**64 - 1])
HASHES = st.sampled_from([bytes(32), b"\x00" * 31 + b"\x01", b"\xff" * 32, b"\xff" * 31 + b"\xfe"])
KEYS: dict[Table, st.SearchStrategy[RowKey]] = {
    Table.LOG: st.tuples(NUMBERS),
    Table.ENTRY: st.tuples(NAMES, NAMES),
    Table.CHAIN: st.tuples(HASHES, NUMBERS, HASHES),
    Table.VERSION: st.tuples(NAMES, NAMES, NUMBERS, HASHES, NUMBERS),
}
TABLES = st.sampled_from(list(KEYS))
Model = dict[tuple[ContextId | None, Table], dict[RowKey, bytes]]


@st.composite
def batches(draw: st.DrawFn) -> list[ScopedWrites]:
    """A few writes to a few scopes."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        writes = []
        for _ in range(draw(st.integers(0, 6))):
            table = draw(TABLES)
            value = draw(st.none() | st.binary(max_size=3))
            writes.append(Write(table, draw(KEYS[table]), value))
        parts.append(ScopedWrites(draw(st.sampled_from(SCOPES)), tuple(writes)))
    return parts


@st.composite
def questions(draw: st.DrawFn) -> tuple[Table, RowKey, bytes, KeyPart | None, bool]:
    """Any scan that a caller may ask for."""
    table = draw(TABLES)
    key = draw(KEYS[table])
    count = draw(st.integers(0, len(key)))
    start, after = b"", None
    if count < len(key):
        following = key[count]
        after = draw(st.sampled_from([None, following]))
        if isinstance(following, bytes):
            start = following[: draw(st.integers(0, len(following)))]
    return table, key[:count], start, after, draw(st.booleans())


def expected(
    rows: dict[RowKey, bytes], prefix: RowKey, start: bytes, after: KeyPart | None, reverse: bool
) -> list[tuple[RowKey, bytes]]:
    """The docstring of `Reader.scan`, word for word."""
    found = []
    for key, value in sorted(rows.items(), reverse=reverse):
        if key[: len(prefix)] != prefix:
            continue
        part = key[len(prefix)] if len(key) > len(prefix) else None
        if start and not (isinstance(part, bytes) and part.startswith(start)):
            continue
        if after is not None:
            low, high = (part, after) if reverse else (after, part)
            if not low < high:  # type: ignore[operator]
                continue
        found.append((key, value))
    return found


@pytest.mark.parametrize("kind", ["level", "memory"])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    written=st.lists(batches(), max_size=4),
    later=batches(),
    asked=st.lists(questions(), min_size=1, max_size=8),
    dropped=st.none() | st.sampled_from(SCOPES[1:]),
)
def test_store_answers_as_a_sorted_dict(
    kind: str,
    written: list[list[ScopedWrites]],
    later: list[ScopedWrites],
    asked: list[tuple[Table, RowKey, bytes, KeyPart | None, bool]],
    dropped: ContextId | None,
) -> None:
    """Any writes, any scan, live and frozen: the same rows as the model, in the same order."""
    with ExitStack() as resources:
        if kind == "memory":
            store: Store = MemoryStore()
        else:
            folder = resources.enter_context(tempfile.TemporaryDirectory())
            store = open_level(Path(folder) / "store")
        resources.callback(store.close)
        model: Model = {}
        for batch in written:
            store.write(batch, durable=False)
            follow(model, batch)
        frozen = [resources.enter_context(store.snapshot(scope)) for scope in SCOPES]
        before = {place: dict(rows) for place, rows in model.items()}
        store.write(later, durable=False)
        follow(model, later)
        if dropped is not None:
            store.drop(dropped)
            model = {place: rows for place, rows in model.items() if place[0] != dropped}
        for scope, view in zip(SCOPES, frozen, strict=True):
            for table, prefix, start, after, reverse in asked:
                for reader, rows in ((view, before), (store.reader(scope), model)):
                    answer = reader.scan(table, prefix, start=start, after=after, reverse=reverse)
                    held = rows.get((scope, table), {})
                    assert list(answer) == expected(held, prefix, start, after, reverse)
                    assert all(reader.get(table, key) == value for key, value in held.items())


def follow(model: Model, batch: list[ScopedWrites]) -> None:
    """Make a batch's changes in the model."""
    for part in batch:
        for write in part.writes:
            rows = model.setdefault((part.scope, write.table), {})
            if write.value is None:
                rows.pop(write.key, None)
            else:
                rows[write.key] = write.value
