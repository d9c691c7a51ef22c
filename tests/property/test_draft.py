"""A draft over rows is a sorted dict: what it holds comes before what is below it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from covey.codec import cid_of
from covey.model import ContextId, Draft, ScopedWrites, Table, Write
from covey.store import MemoryStore

CONTEXT = ContextId(cid_of(b"drafts"))
PARTS = st.sampled_from((b"", b"\x00", b"\x00\x01", b"a", b"ab", b"b", b"\xff", b"\xff\xff"))
KEYS = st.tuples(PARTS, PARTS)
VALUES = st.binary(max_size=2)
ROWS = st.dictionaries(KEYS, VALUES, max_size=12)
WRITES = st.lists(st.tuples(KEYS, st.none() | VALUES), max_size=12)
TABLE = Table.ENTRY


def drafted(below: dict, writes: list) -> tuple[Draft, dict]:
    """A draft over a store with some rows, after some writes; and what it should hold."""
    store = MemoryStore()
    rows = tuple(Write(TABLE, key, value) for key, value in below.items())
    store.write((ScopedWrites(CONTEXT, rows),), durable=False)
    draft, model = Draft(store.reader(CONTEXT)), dict(below)
    for key, value in writes:
        if value is None:
            draft.delete(TABLE, key)
            model.pop(key, None)
        else:
            draft.put(TABLE, key, value)
            model[key] = value
    return draft, model


def scanned(model: dict, prefix, start: bytes, after, reverse: bool) -> list:
    """The rows that a scan with these options should show, in order."""
    place = len(prefix)
    found = []
    for key in sorted(model, reverse=reverse):
        part = key[place] if place < len(key) else b""
        if key[:place] != prefix or not part.startswith(start):
            continue
        if after is not None and not (part < after if reverse else part > after):
            continue
        found.append((key, model[key]))
    return found


@given(ROWS, WRITES, KEYS)
def test_get_is_that_of_a_dict(below, writes, key):
    """Put, deleted, or as below."""
    draft, model = drafted(below, writes)
    assert draft.get(TABLE, key) == model.get(key)
    assert draft.get(Table.HEAD, (bytes(32),)) is None


@given(ROWS, WRITES, st.none() | PARTS, PARTS, st.none() | PARTS, st.booleans())
def test_scan_is_that_of_a_sorted_dict(below, writes, first, start, after, reverse):
    """With every option, over rows below and over none."""
    prefix = () if first is None else (first,)
    for rows in (below, {}):
        draft, model = drafted(rows, writes)
        found = draft.scan(TABLE, prefix, start=start, after=after, reverse=reverse)
        assert list(found) == scanned(model, prefix, start, after, reverse)


@given(ROWS, WRITES)
def test_writes_carried_out_below_make_the_same_rows(below, writes):
    """What is committed is what was read before."""
    draft, model = drafted(below, writes)
    store = MemoryStore()
    rows = tuple(Write(TABLE, key, value) for key, value in below.items())
    store.write((ScopedWrites(CONTEXT, rows),), durable=False)
    store.write((ScopedWrites(CONTEXT, draft.writes()),), durable=True)
    assert dict(store.reader(CONTEXT).scan(TABLE)) == model
    assert list(draft.scan(TABLE)) == sorted(model.items())
