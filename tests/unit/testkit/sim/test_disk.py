"""The disk of a simulated node: what it may lose and what never, and how it fails."""

from __future__ import annotations

import random

import pytest

from covey.errors import StoreError
from covey.model import Table, Write
from covey.testkit.identities import found, identity
from covey.testkit.sim.disk import Disk, Survived

CONTEXT = found(identity("ann")).context
ROWS = tuple((name,) for name in (b"a", b"b", b"c"))
SEEDS = range(300)


def put(key: bytes, value: bytes | None) -> Write:
    """A change of one row."""
    return Write(Table.META, (key,), value)


def rows_of(disk: Disk) -> dict[bytes, bytes]:
    """What a process reads."""
    return {bytes(key[0]): row for key, row in disk.reader.scan(Table.META)}


def write_many(disk: Disk, seed: int, *, durable_at: int) -> list[dict[bytes, bytes]]:
    """Write rows, over and over and away again; the states after each write, the empty one first.

    durable_at: the only write that is durable.
    """
    rng = random.Random(seed)
    states: list[dict[bytes, bytes]] = [{}]
    for number in range(1, 13):
        rows = dict(states[-1])
        changes = []
        for (key,) in rng.sample(ROWS, rng.randint(1, 3)):
            value = b"%d of %d" % (number, seed) if rng.random() < 0.7 else None
            changes.append(put(key, value))
            rows.pop(key, None)
            rows.update({} if value is None else {key: value})
        disk.write(tuple(changes), durable=number == durable_at)
        states.append(rows)
    return states


def crashed(seed: int, *, is_power_cut: bool) -> tuple[Disk, list[dict[bytes, bytes]], Survived]:
    """A disk after a crash, with 5 of 12 writes durable; the states it went through."""
    disk = Disk(CONTEXT)
    states = write_many(disk, seed, durable_at=5)
    survived = disk.crash(random.Random(seed), is_power_cut=is_power_cut)
    return disk, states, survived


def test_power_cut_loses_the_last_writes_and_nothing_else() -> None:
    """A state that never was would be blamed on the node; what was durable is always there."""
    losses = set()
    for seed in SEEDS:
        disk, states, survived = crashed(seed, is_power_cut=True)
        assert 0 <= survived.lost <= 7
        assert rows_of(disk) == states[12 - survived.lost], f"seed {seed}"
        losses.add(survived.lost)
    assert losses == set(range(8))


def test_power_cut_tears_some_writes_and_none_is_seen_in_part() -> None:
    """A store that opens half of a write has none of the atomic writes it promises."""
    torn = {crashed(seed, is_power_cut=True)[2].is_torn for seed in SEEDS}
    assert torn == {True, False}
    for seed in SEEDS:
        disk = Disk(CONTEXT)
        disk.write((put(b"a", b"x" * 50), put(b"b", b"y" * 50)), durable=False)
        disk.crash(random.Random(seed), is_power_cut=True)
        assert set(rows_of(disk)) in (set(), {b"a", b"b"})


def test_end_of_the_process_loses_nothing() -> None:
    """What was handed to the operating system survives a kill, synced or not."""
    for seed in SEEDS:
        disk, states, survived = crashed(seed, is_power_cut=False)
        assert (survived.lost, survived.is_torn) == (0, False)
        assert rows_of(disk) == states[-1]


def test_durable_write_takes_those_before_it_along() -> None:
    """One log: what is synced later cannot be there without what was written earlier."""
    disk = Disk(CONTEXT)
    disk.write((put(b"a", b"1"),), durable=False)
    assert not disk.is_safe(Table.META, (b"a",))
    disk.write((put(b"b", b"2"),), durable=True)
    assert disk.is_safe(Table.META, (b"a",))
    assert disk.is_safe(Table.META, (b"b",))
    assert not disk.is_safe(Table.META, (b"c",))
    disk.crash(random.Random(1), is_power_cut=True)
    assert rows_of(disk) == {b"a": b"1", b"b": b"2"}


def test_disk_of_a_new_process_goes_on_where_the_old_one_ended() -> None:
    """A second crash must not bring back what the first one lost."""
    for seed in SEEDS[:50]:
        disk, states, survived = crashed(seed, is_power_cut=True)
        before = states[12 - survived.lost]
        disk.write((put(b"d", b"later"),), durable=True)
        disk.crash(random.Random(seed), is_power_cut=True)
        assert rows_of(disk) == {**before, b"d": b"later"}


def test_full_disk_refuses_and_leaves_a_torn_record() -> None:
    """The half of a write that found room is dropped by whoever opens the store again."""
    disk = Disk(CONTEXT)
    met: list[str] = []
    disk.hurt.met = met.append
    disk.write((put(b"a", b"1"),), durable=False)
    disk.hurt.is_full = True
    with pytest.raises(StoreError, match="full"):
        disk.write((put(b"b", b"2"),), durable=True)
    assert met == ["full-disk"]
    assert rows_of(disk) == {b"a": b"1"}
    assert not disk.is_safe(Table.META, (b"a",))
    survived = disk.crash(random.Random(1), is_power_cut=False)
    assert (survived.lost, survived.is_torn) == (0, True)
    assert rows_of(disk) == {b"a": b"1"}


def test_mended_disk_takes_writes_again() -> None:
    """Somebody makes room, and the node is started."""
    disk = Disk(CONTEXT)
    disk.hurt.is_full = True
    with pytest.raises(StoreError):
        disk.write((put(b"a", b"1"),), durable=True)
    disk.crash(random.Random(1), is_power_cut=False)
    disk.hurt.is_full = False
    disk.write((put(b"a", b"2"),), durable=True)
    assert rows_of(disk) == {b"a": b"2"}


def test_read_that_is_so_many_away_fails_once() -> None:
    """It ends the process; the next one reads another copy of the block."""
    disk = Disk(CONTEXT)
    met: list[str] = []
    disk.hurt.met = met.append
    disk.write((put(b"a", b"1"),), durable=True)
    disk.hurt.reads_left = 2
    reader = disk.reader
    assert [reader.get(Table.META, (b"a",)) for _ in range(2)] == [b"1", b"1"]
    with pytest.raises(StoreError, match="cannot be read"):
        reader.get(Table.META, (b"a",))
    assert met == ["read-error"]
    assert reader.get(Table.META, (b"a",)) == b"1"


def test_scan_may_fail_as_a_read_does() -> None:
    """A node reads most of its rows by scanning."""
    disk = Disk(CONTEXT)
    disk.write((put(b"a", b"1"),), durable=True)
    disk.hurt.reads_left = 0
    with pytest.raises(StoreError, match="cannot be read"):
        rows_of(disk)
    assert rows_of(disk) == {b"a": b"1"}


def test_whoever_looks_from_outside_reads_without_faults() -> None:
    """A checker that used up the node's reads would change what it checks."""
    disk = Disk(CONTEXT)
    disk.write((put(b"a", b"1"),), durable=True)
    disk.hurt.reads_left = 0
    with disk.unhurt():
        assert rows_of(disk) == {b"a": b"1"}
    assert disk.hurt.reads_left == 0
