"""A scan over what was deleted: it finds what is left, costs what it returns, and ends soon."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from covey.merge import StateReader
from covey.merge.entries import Entry, Stamp, encode_entry
from covey.model import Collection, Completed, DeltaId, Rule, limits, time_at
from covey.model.view import ScopedWrites, Table, Write
from covey.runtime import BlockingExecutor
from covey.store import Store, open_level
from tests.contract.runtime.guests import CONTEXT, RELEASE, TIME_MS, Script, batch

_BATCH = 10_000
_ROW = encode_entry(Entry(b'"gone"', Stamp(time_at(TIME_MS), DeltaId(bytes(32)), 0)))
_COLLECTIONS = (Collection("items", Rule.REGISTER, ()),)
_LIVE = (b"zz1", b"zz2", b"zz3")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_level(tmp_path / "store")
    yield opened
    opened.close()


def write(store: Store, keys: Iterator[bytes] | tuple[bytes, ...], row: bytes | None) -> None:
    writes = tuple(Write(Table.ENTRY, (b"items", key), row) for key in keys)
    store.write((ScopedWrites(CONTEXT, writes),), durable=False)


def bury(store: Store, count: int) -> None:
    """Write and delete that many entries before the few that stay."""
    for row in (_ROW, None):
        for first in range(0, count, _BATCH):
            numbers = range(first, min(first + _BATCH, count))
            write(store, (b"a%08d" % number for number in numbers), row)
    write(store, _LIVE, _ROW)


def scan(executor: BlockingExecutor, store: Store) -> tuple[Completed, float]:
    """Run a call that scans all entries; gives how long it took."""
    script = Script()
    module = script.build(script.scan("items") + script.next() + script.emit())
    executor.install(RELEASE, module)
    with store.snapshot(CONTEXT) as reader:
        started = time.perf_counter()
        (outcome,) = executor.run_batch(batch(), StateReader(reader, _COLLECTIONS))
        taken_s = time.perf_counter() - started
    assert isinstance(outcome, Completed), outcome
    return outcome, taken_s


def check(executor: BlockingExecutor, store: Store, count: int, seconds_max: float) -> None:
    write(store, _LIVE, _ROW)
    alone, _ = scan(executor, store)
    bury(store, count)
    outcome, taken_s = scan(executor, store)
    assert all(key in outcome.events[0].data for key in _LIVE)
    # Another node may have pruned them, or never seen them: they cannot be priced.
    assert outcome == alone
    assert taken_s < seconds_max


def test_scan_costs_what_it_returns(executor: BlockingExecutor, store: Store) -> None:
    """Thirty thousand deleted entries are no entry at all."""
    check(executor, store, 30_000, 1.0)


@pytest.mark.slow
def test_million_tombstones_do_not_hold_a_scan_up(executor: BlockingExecutor, store: Store) -> None:
    """Far within what the watchdog allows a batch."""
    check(executor, store, 1_000_000, limits.BATCH_WATCHDOG_S / 2)
