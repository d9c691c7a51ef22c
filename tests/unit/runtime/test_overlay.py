"""The overlay against the plainest model there is: a dict that is copied."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.codec import effect_size_bytes
from covey.model import Add, Delete, Effect, Put
from covey.runtime import Overlay
from covey.runtime.overlay import EFFECT_OVERHEAD_BYTES, CounterOverflow

# Few keys, so that layers, prefixes and bounds meet.
KEYS = st.sampled_from([b"\x00", b"a", b"a\x00", b"ab", b"a\xff", b"b", b"b\xff", b"\xff\xff"])
VALUES = st.binary(max_size=4)
Model = dict[str, dict[bytes, bytes | int]]


def effects(amount_max: int) -> st.SearchStrategy[Effect]:
    return st.one_of(
        st.builds(Put, st.just("items"), KEYS, VALUES),
        st.builds(Delete, st.just("items"), KEYS),
        st.builds(Add, st.just("sums"), KEYS, st.integers(-amount_max, amount_max)),
    )


def bases(sum_max: int) -> st.SearchStrategy[Model]:
    return st.fixed_dictionaries(
        {
            "items": st.dictionaries(KEYS, VALUES, max_size=6),
            "sums": st.dictionaries(KEYS, st.integers(-sum_max, sum_max), max_size=6),
        }
    )


def read(value: bytes | int) -> bytes:
    if isinstance(value, bytes):
        return value
    return max(-(2**63), min(2**63 - 1, value)).to_bytes(8, "little", signed=True)


class ModelReader:
    """The entries of a model, copied: nothing that happens later moves a scan."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def get(self, collection: str, key: bytes) -> bytes | None:
        value = self.model[collection].get(key)
        return None if value is None else read(value)

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        entries = sorted(self.model[collection].items())
        return iter([(k, read(v)) for k, v in entries if k.startswith(prefix) and k > after])


def copied(model: Model) -> Model:
    return {name: dict(entries) for name, entries in model.items()}


def apply(model: Model, effect: Effect) -> None:
    entries = model[effect.collection]
    match effect:
        case Put(value=value):
            entries[effect.key] = value
        case Delete():
            entries.pop(effect.key, None)
        case Add(amount=amount):
            before = entries.get(effect.key, 0)
            assert isinstance(before, int)
            entries[effect.key] = before + amount


def perform(overlay: Overlay, effect: Effect) -> bool:
    """Whether the overlay took it: a call's sum may overflow."""
    try:
        match effect:
            case Put(collection, key, value):
                overlay.put(collection, key, value)
            case Delete(collection, key):
                overlay.delete(collection, key)
            case Add(collection, key, amount):
                overlay.add(collection, key, amount)
    except CounterOverflow:
        return False
    return True


@given(
    # A layer reads the one below it clamped, so the plain model holds while no sum passes 64 bits.
    bases(2**61),
    st.lists(st.lists(effects(2**57), max_size=8), max_size=4),
    st.tuples(
        st.sampled_from(["items", "sums"]),
        st.sampled_from([b"", b"a", b"b", b"\xff", b"c"]),
        st.just(b"") | KEYS,
    ),
)
def test_overlay_reads_as_a_dict_would(
    base: Model, calls: list[list[Effect]], bounds: tuple[str, bytes, bytes]
) -> None:
    """A call over its delta over the store, at every step, with a scan open across the step."""
    delta, model = Overlay(ModelReader(copied(base))), copied(base)
    for call in calls:
        overlay = Overlay(delta)
        for effect in call:
            open_scan = overlay.scan(*bounds)
            wanted = list(ModelReader(model).scan(*bounds))
            if perform(overlay, effect):
                apply(model, effect)
            assert list(open_scan) == wanted
            assert list(overlay.scan(*bounds)) == list(ModelReader(model).scan(*bounds))
            assert overlay.get(effect.collection, effect.key) == ModelReader(model).get(
                effect.collection, effect.key
            )
        kept = overlay.effects()
        assert overlay.payload_size_bytes >= sum(map(effect_size_bytes, kept))
        delta.absorb(kept)
        assert list(delta.scan(*bounds)) == list(ModelReader(model).scan(*bounds))


@given(bases(2**63 - 1), st.lists(effects(2**62), max_size=20))
def test_effects_say_exactly_what_changed(base: Model, asked: list[Effect]) -> None:
    """One an entry, sorted; applied to the store they give what the call saw."""
    overlay, model = Overlay(ModelReader(base)), copied(base)
    for effect in asked:
        if perform(overlay, effect):
            apply(model, effect)
    found = overlay.effects()
    places = [(effect.collection, effect.key) for effect in found]
    assert places == sorted(set(places))
    replayed = copied(base)
    for effect in found:
        if isinstance(effect, Delete):
            assert effect.key in base[effect.collection]
        apply(replayed, effect)
    assert replayed == model


@given(bases(2**62), st.lists(effects(2**61), max_size=2), st.lists(effects(2**61), max_size=2))
def test_overlay_holds_exactly_what_its_effects_are(
    base: Model, asked: list[Effect], signed: list[Effect]
) -> None:
    """Replay asks it instead of building them: a yes to anything else would let a forgery pass."""
    overlay = Overlay(ModelReader(base))
    overlay.absorb(asked)
    assert overlay.holds_exactly(overlay.effects())
    assert overlay.holds_exactly(tuple(signed)) == (overlay.effects() == tuple(signed))


@pytest.mark.parametrize(
    "signed",
    [
        (Put("items", b"a", b""),),
        (Put("items", b"a", b"1"), Put("items", b"b", b"2")),
        (Put("items", b"b", b"1"),),
        (Put("others", b"a", b"1"),),
        (Delete("items", b"a"),),
        (Add("items", b"a", 1),),
        (),
    ],
)
def test_overlay_with_one_put_holds_no_other(signed: tuple[Effect, ...]) -> None:
    """The short way, which builds nothing, on each thing that a forger could change."""
    overlay = Overlay(ModelReader({"items": {}}))
    overlay.put("items", b"a", b"1")
    assert overlay.holds_exactly((Put("items", b"a", b"1"),))
    assert not overlay.holds_exactly(signed)


def test_scan_snapshot_is_taken_when_it_is_opened() -> None:
    """Also where nothing has been read from it yet."""
    overlay = Overlay(ModelReader({"items": {b"b": b"2"}}))
    overlay.put("items", b"a", b"1")
    scan = overlay.scan("items", b"", b"")
    overlay.put("items", b"a", b"changed")
    overlay.delete("items", b"b")
    overlay.put("items", b"c", b"3")
    assert list(scan) == [(b"a", b"1"), (b"b", b"2")]


def test_scans_share_what_is_touched_until_it_changes() -> None:
    """A call may open hundreds over thousands of entries, which must not be copied for each."""
    overlay = Overlay(ModelReader({"items": {}}))
    for number in range(4_096):
        overlay.put("items", number.to_bytes(2, "big"), b"")
    started = time.process_time()
    scans = [overlay.scan("items", b"", b"") for _ in range(20_000)]
    overlay.delete("items", b"\0\0")
    later = overlay.scan("items", b"", b"")
    assert time.process_time() - started < 3
    assert next(scans[0]) == next(scans[-1]) == (b"\0\0", b"")
    assert next(later) == (b"\0\1", b"")


def test_layer_reads_the_one_below_it_clamped() -> None:
    """As it will once that is stored: a call sees the same in one delta and in two."""
    delta = Overlay(ModelReader({"sums": {b"a": 2**63 - 2}}))
    delta.absorb([Add("sums", b"a", 2)])
    overlay = Overlay(delta)
    overlay.add("sums", b"a", -1)
    assert overlay.get("sums", b"a") == (2**63 - 2).to_bytes(8, "little", signed=True)


def test_closing_a_scan_closes_the_one_below() -> None:
    """Iterators of the store are not left open."""
    closed = []

    class Watched(ModelReader):
        def scan(
            self, collection: str, prefix: bytes, after: bytes
        ) -> Iterator[tuple[bytes, bytes]]:
            try:
                yield from super().scan(collection, prefix, after)
            finally:
                closed.append(True)

    overlay = Overlay(Watched({"items": {b"b": b"2", b"c": b"3"}}))
    overlay.put("items", b"a", b"1")
    scan = overlay.scan("items", b"", b"")
    next(scan)
    scan.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_overflow_leaves_the_counter_as_it_was() -> None:
    """The sum of a call is 64 bits; that of a delta may be more."""
    overlay = Overlay(ModelReader({"sums": {}}))
    overlay.add("sums", b"a", 2**63 - 1)
    with pytest.raises(CounterOverflow):
        overlay.add("sums", b"a", 1)
    assert overlay.effects() == (Add("sums", b"a", 2**63 - 1),)
    delta = Overlay(ModelReader({"sums": {}}))
    for _ in range(3):
        delta.absorb(overlay.effects())
    delta.absorb([Add("sums", b"a", -(2**63))] * 2)
    assert delta.get("sums", b"a") == (2**63 - 3).to_bytes(8, "little", signed=True)


def test_size_follows_what_is_replaced() -> None:
    """Writing one entry again and again costs one entry."""
    overlay = Overlay(ModelReader({"items": {}}))
    for size in (1000, 10, 0):
        overlay.put("items", b"k", bytes(size))
        assert overlay.effect_count == 1
        wanted = EFFECT_OVERHEAD_BYTES + len("items") + len(b"k") + size
        assert overlay.payload_size_bytes == wanted
