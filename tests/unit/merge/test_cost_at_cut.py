"""What it costs to read the state at an old cut: fuel must pay for it, since everybody has to."""

from __future__ import annotations

from covey.merge import StateAtCut
from covey.merge.entries import Stamp, Version, encode_version
from covey.model import (
    Collection,
    ContextId,
    DeltaId,
    DeviceId,
    Rule,
    ScopedWrites,
    Table,
    Tip,
    Write,
    limits,
    time_at,
)
from covey.rules import Cut
from covey.store import MemoryStore

CONTEXT, DEVICE = ContextId(b"c" * 36), DeviceId(b"a" * 32)
NOTES = Collection("notes", Rule.REGISTER, ())
BEFORE = {DEVICE: (Tip(1, DeltaId(b"x" * 32)),)}
READS = limits.CALL_FUEL_MAX // (limits.HOST_CALL_FUEL + limits.ENTRY_READ_FUEL)
SCANS = limits.CALL_SCANS_MAX


class Counting:
    """A reader that counts the rows it gives."""

    def __init__(self, reader) -> None:
        self._reader = reader
        self.rows = 0

    def get(self, table, key):
        self.rows += 1
        return self._reader.get(table, key)

    def scan(self, *words, **more):
        for row in self._reader.scan(*words, **more):
            self.rows += 1
            yield row


def reader_of(*keys: bytes, versions: int) -> Counting:
    """A store in which a device has written these keys so often, all after the cut."""
    store = MemoryStore()
    writes = []
    for key in keys:
        for number in range(versions):
            tip = Tip(number + 2, DeltaId(number.to_bytes(32, "big")))
            stamp = Stamp(time_at(1_000 + number), tip.id, 0)
            row = encode_version(Version(stamp, b"v", DEVICE, tip))
            writes.append(Write(Table.VERSION, (NOTES.place, key, stamp.time, stamp.delta, 0), row))
    store.write([ScopedWrites(CONTEXT, tuple(writes))], durable=False)
    return Counting(store.reader(CONTEXT))


def test_a_read_at_an_old_cut_costs_what_its_fuel_says():
    """Else one delta with an old cut, which reads a busy entry, outlasts any watchdog."""
    reader = reader_of(b"busy", versions=200)
    state = StateAtCut(reader, (NOTES,), Cut(reader, BEFORE))
    for _ in range(100):
        assert state.get("notes", b"busy") is None
    rows_of_a_delta = reader.rows / 100 * READS
    assert rows_of_a_delta < limits.CALL_FUEL_MAX / limits.SCAN_ENTRY_FUEL


def test_a_scan_at_an_old_cut_costs_what_its_fuel_says():
    """The same with keys: one heavy delta of others behind the cut makes thousands of them."""
    reader = reader_of(*(b"%d" % number for number in range(2_000)), versions=1)
    state = StateAtCut(reader, (NOTES,), Cut(reader, BEFORE))
    for _ in range(SCANS):
        assert list(state.scan("notes", b"", b"")) == []
    rows_of_a_delta = reader.rows
    assert rows_of_a_delta < limits.CALL_FUEL_MAX / limits.SCAN_ENTRY_FUEL
