"""Counters at a cut: the same as added up one by one, for what is paid for them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from covey.crypto import LtHash
from covey.merge import Origin, StateAtCut, StateReader, Sum, clamped, encode_sum, fold_effect
from covey.merge import counters as counters_at_cut
from covey.merge.counters import CountersAtCut
from covey.merge.fold import refold
from covey.model import (
    Add,
    Collection,
    ContextId,
    DeltaId,
    DeviceId,
    Draft,
    Frontier,
    HybridTime,
    Reader,
    RowKey,
    Rule,
    ScopedWrites,
    Table,
    Tip,
    Write,
)
from covey.rules import Cut, record_position, set_silent
from covey.rules.cut import maximal_tips
from covey.store import MemoryStore

CONTEXT = ContextId(b"c" * 36)
LIKES = Collection("likes", Rule.COUNTER, ())
KEYS = (b"a", b"b", b"c")
AMOUNTS = (1, -1, 3, -3, 2**63 - 1, -(2**63))


@dataclass(frozen=True)
class Told:
    """A delta as the naive reading knows it: what it follows on its chain, itself included."""

    device: DeviceId
    tip: Tip
    chain: frozenset[Tip]
    adds: tuple[Add, ...]


@dataclass
class World:
    """Rows of some devices, of which some forked, and some have deltas that are silent now."""

    draft: Draft
    deltas: list[Told] = field(default_factory=list)

    def naive(self, key: bytes, frontier: Frontier, silent: Hushed | None) -> int | None:
        """The sum by the words of the specification: each add of each delta, in the cut or not."""
        amounts = [
            add.amount
            for delta in self.deltas
            for add in delta.adds
            if add.key == key
            and any(delta.tip in self.chain(tip) for tip in frontier.get(delta.device, ()))
            and (silent is None or delta.tip not in silent.tips)
        ]
        return sum(amounts) if amounts else None

    def chain(self, tip: Tip) -> frozenset[Tip]:
        """A delta and what it follows."""
        return next(delta.chain for delta in self.deltas if delta.tip == tip)


class Hushed:
    """What is silent at a cut."""

    def __init__(self, deltas: list[Told]) -> None:
        self.tips = {delta.tip for delta in deltas}
        self.devices = {delta.device for delta in deltas}

    def touches(self, device: DeviceId) -> bool:
        """As `SilentAt.touches`."""
        return device in self.devices

    def is_silent(self, device: DeviceId, tip: Tip) -> bool:
        """As `SilentAt.is_silent`."""
        return device in self.devices and tip in self.tips


def drawn(rng: random.Random, device_count: int = 8) -> World:
    world = World(Draft(MemoryStore().reader(CONTEXT)))
    for number in range(device_count):
        edge = rng.choice((b"\x00", b"\xff", rng.randbytes(1)))
        _write(rng, world, DeviceId(edge * 31 + bytes((number,))))
    silent = [delta for delta in world.deltas if rng.random() < 0.1 * rng.randrange(3)]
    for delta in silent:
        set_silent(world.draft, delta.device, delta.tip, silent=True)
    for key in KEYS:
        refold(world.draft, LtHash(), LIKES, key)
    return world


def _write(rng: random.Random, world: World, device: DeviceId) -> None:
    own: list[Told] = []
    for _ in range(rng.randrange(6)):
        past = rng.choice(own) if own and rng.random() < 0.3 else own[-1] if own else None
        previous = None if past is None else past.tip
        tip = Tip(1 if previous is None else previous.sequence + 1, DeltaId(rng.randbytes(32)))
        adds = tuple(
            Add("likes", rng.choice(KEYS), rng.choice(AMOUNTS)) for _ in range(rng.randrange(3))
        )
        arrival = len(world.deltas) + 1
        position = record_position(world.draft, device, tip, previous, arrival)
        if previous is not None:
            world.draft.delete(Table.TIP, (device, previous.id))
        world.draft.put(Table.TIP, (device, tip.id), b"")
        origin = Origin(position, tip, previous, HybridTime(arrival))
        for index, add in enumerate(adds):
            fold_effect(world.draft, LtHash(), LIKES, origin, index, add)
        chain = frozenset((tip,)) if past is None else past.chain | {tip}
        told = Told(device, tip, chain, adds)
        own.append(told)
        world.deltas.append(told)


def some_cut(rng: random.Random, world: World) -> Frontier:
    by_device: dict[DeviceId, list[Tip]] = {}
    for delta in world.deltas:
        by_device.setdefault(delta.device, []).append(delta.tip)
    how_much = rng.random()
    return {
        device: maximal_tips(
            world.draft, device, tuple(tips if rng.random() < how_much else rng.sample(tips, 1))
        )
        for device, tips in by_device.items()
        if rng.random() < 0.8 or how_much > 0.8
    }


@pytest.mark.parametrize("walked_max", [-1, 2, 8])
def test_sum_is_that_of_all_adds_in_the_cut(walked_max: int, monkeypatch: pytest.MonkeyPatch):
    """Whatever forked, is silent now or at the cut, adds up to nothing or to more than 64 bits."""
    monkeypatch.setattr(counters_at_cut, "_WALKED_MAX", walked_max)
    seen: list[int | None] = []
    for seed in range(150):
        rng = random.Random(seed)
        world = drawn(rng)
        for _ in range(4):
            frontier = some_cut(rng, world)
            hushed = [delta for delta in world.deltas if rng.random() < 0.15]
            silent = rng.choice((None, Hushed(hushed)))
            counters = CountersAtCut(world.draft, Cut(world.draft, frontier), silent)
            for key in KEYS:
                total = counters.total((LIKES.place, key))
                assert total == world.naive(key, frontier, silent), (seed, key)
                seen.append(total)
    assert None in seen
    assert 0 in seen
    assert max(total or 0 for total in seen) > 2**64


class Asked:
    """A reader that counts what it is asked for, and the rows it gives."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.count = 0

    def get(self, table: Table, key: RowKey) -> bytes | None:
        self.count += 1
        return self._reader.get(table, key)

    def scan(self, *args: object, **kwargs: object) -> Iterator[tuple[RowKey, bytes]]:
        self.count += 1
        for row in self._reader.scan(*args, **kwargs):  # type: ignore[arg-type]
            self.count += 1
            yield row


DEVICES = [DeviceId(number.to_bytes(2, "big") * 16) for number in range(1_000)]
CUT = {device: (Tip(1, DeltaId(device)),) for device in DEVICES}


def crowd(later: int) -> Asked:
    """A thousand devices wrote once each, so many of them again since.

    All touched each counter that begins with a; one alone touched each that begins with b.
    """
    store, writes = MemoryStore(), []
    for number, device in enumerate(DEVICES):
        tip = Tip(2, DeltaId(b"later" + device[5:])) if number < later else CUT[device][0]
        writes.append(Write(Table.TIP, (device, tip.id), b""))
        for n in range(4):
            for sequence in range(1, tip.sequence + 1):
                delta = tip.id if sequence == tip.sequence else CUT[device][0].id
                row = (LIKES.place, b"a%d" % n, device, sequence, delta)
                writes.append(Write(Table.SUM, row, encode_sum(Sum(1, sequence))))
    for n in range(4):
        total = len(DEVICES) + later
        writes.append(Write(Table.ENTRY, (LIKES.place, b"a%d" % n), encode_sum(Sum(total, total))))
        row = (LIKES.place, b"b%d" % n, DEVICES[-1], 1, CUT[DEVICES[-1]][0].id)
        writes.append(Write(Table.SUM, row, encode_sum(Sum(7, 7))))
        writes.append(Write(Table.ENTRY, (LIKES.place, b"b%d" % n), encode_sum(Sum(7, 7))))
    store.write([ScopedWrites(CONTEXT, tuple(writes))], durable=False)
    return Asked(store.reader(CONTEXT))


def test_counter_costs_the_devices_that_touched_it_not_those_of_the_cut():
    """A call paid for one read, and everybody who verified it made a thousand."""
    reader = crowd(later=0)
    state = StateAtCut(reader, (LIKES,), Cut(reader, CUT))
    for n in range(4):
        assert state.get("likes", b"b%d" % n) == clamped(7)
    assert reader.count < 4 * 10


def test_counter_that_all_touched_costs_those_that_touched_it_since():
    """What everybody likes is what is read most; who is apart is found out once."""
    reader = crowd(later=3)
    state = StateAtCut(reader, (LIKES,), Cut(reader, CUT))
    assert state.get("likes", b"a0") == clamped(1_000)
    reader.count = 0
    values = [value for _, value in state.scan("likes", b"a", b"")]
    assert values == [clamped(1_000)] * 4
    assert reader.count < 4 * 30


def test_counter_of_a_cut_that_all_are_apart_from_costs_few_rows_for_each():
    """The dearest there is: its writers paid for each of these rows."""
    reader = crowd(later=1_000)
    state = StateAtCut(reader, (LIKES,), Cut(reader, CUT))
    assert state.get("likes", b"a0") == clamped(1_000)
    reader.count = 0
    assert state.get("likes", b"a1") == clamped(1_000)
    assert reader.count < 10 * len(DEVICES)
    assert StateReader(reader, (LIKES,)).get("likes", b"a1") == clamped(2_000)
