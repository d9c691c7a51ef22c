"""Effects that are not stored yet, laid over the entries below them.

A call runs on an overlay over its delta's overlay over the store; each layer is an `EntryReader`
to the one above it. A layer that is thrown away leaves no trace.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from covey.model import Add, Delete, Effect, EntryReader, Put
from covey.rules import ADD_MAX, ADD_MIN

__all__ = [
    "COUNTER_SIZE_BYTES",
    "EFFECT_OVERHEAD_BYTES",
    "CounterOverflow",
    "Overlay",
]

COUNTER_SIZE_BYTES: Final = 8
EFFECT_OVERHEAD_BYTES: Final = 24
"""The most that the encoding of an effect adds to its collection, key and value."""

_State: TypeAlias = bytes | int | None
"""Of one entry: the value put, the sum added, or None where deleted."""


class CounterOverflow(ArithmeticError):
    """The adds of one call to one entry do not sum up within 64 bits."""


class Overlay:
    """Effects over a reader; rules are the caller's to check before.

    Counters are exact as long as the reader below gives an unclamped sum. payload_size_bytes:
    what the effects will take in a delta, at most.
    """

    __slots__ = ("_below", "_keys", "_layers", "_shared", "effect_count", "payload_size_bytes")

    def __init__(self, below: EntryReader) -> None:
        self._below = below
        self._layers: dict[str, dict[bytes, _State]] = {}  # touched entries by collection
        self._keys: dict[str, list[bytes]] = {}  # in order, of collections that a scan asked for
        self._shared: dict[str, _Touched] = {}  # what open scans share, until an effect comes
        self.effect_count = 0
        self.payload_size_bytes = 0

    def get(self, collection: str, key: bytes) -> bytes | None:
        """The value of a live entry, as `EntryReader`."""
        layer = self._layers.get(collection)
        if layer is None or key not in layer:
            return self._below.get(collection, key)
        state = layer[key]
        if isinstance(state, int):
            return _counter(self._below.get(collection, key), state)
        return state

    def scan(self, collection: str, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Live entries as they are now, as `EntryReader`; later effects do not move the scan."""
        below = self._below.scan(collection, prefix, after)
        touched = self._touched(collection)
        if touched is None:
            return below
        first, end = touched.bounds(prefix, after)
        return _merge(touched.between(first, end), below) if first < end else below

    def touched(self, collection: str) -> int:
        """How many entries of a collection a scan of it has to remember."""
        return len(self._layers.get(collection, ()))

    def put(self, collection: str, key: bytes, value: bytes) -> None:
        """Set an entry."""
        self._set(collection, key, value, len(value))

    def delete(self, collection: str, key: bytes) -> None:
        """Remove an entry, if there is one."""
        self._set(collection, key, None, COUNTER_SIZE_BYTES)

    def add(self, collection: str, key: bytes, amount: int) -> None:
        """Add to a counter. Raises CounterOverflow, leaving it as it was."""
        total = self._sum(collection, key) + amount
        if not ADD_MIN <= total <= ADD_MAX:
            raise CounterOverflow
        self._set(collection, key, total, COUNTER_SIZE_BYTES)

    def clear(self) -> None:
        """Forget every effect."""
        self._layers.clear()
        self._keys.clear()
        self._shared.clear()
        self.effect_count = self.payload_size_bytes = 0

    def absorb(self, effects: Iterable[Effect]) -> None:
        """Take over the effects of a call that is kept; sums of several calls are unbounded."""
        for effect in effects:
            collection, key = effect.collection, effect.key
            if isinstance(effect, Put):
                self._set(collection, key, effect.value, len(effect.value))
            elif isinstance(effect, Delete):
                self._set(collection, key, None, COUNTER_SIZE_BYTES)
            else:
                total = self._sum(collection, key) + effect.amount
                self._set(collection, key, total, COUNTER_SIZE_BYTES)

    def effects(self) -> tuple[Effect, ...]:
        """What the overlay holds: at most one effect an entry, sorted by (collection, key).

        A delete of what is absent below leaves none; an add leaves one even where it sums to 0.
        """
        found: list[Effect] = []
        layers = self._layers
        # Most calls touch one entry; sorting one takes as long as making its effect.
        for collection in sorted(layers) if len(layers) > 1 else layers:
            layer = layers[collection]
            for key in sorted(layer) if len(layer) > 1 else layer:
                state = layer[key]
                if isinstance(state, bytes):
                    found.append(Put(collection, key, state))
                elif state is not None:
                    found.append(Add(collection, key, state))
                elif self._below.get(collection, key) is not None:
                    found.append(Delete(collection, key))
        return tuple(found)

    def holds_exactly(self, effects: tuple[Effect, ...]) -> bool:
        """Whether `effects` gives these; one put, which most calls make, is not even built."""
        if len(effects) == 1 == self.effect_count:
            (effect,) = effects
            if isinstance(effect, Put):
                layer = self._layers.get(effect.collection)
                return layer is not None and layer.get(effect.key) == effect.value
        return self.effects() == effects

    def _set(self, collection: str, key: bytes, state: _State, size_bytes: int) -> None:
        layer = self._layers.get(collection)
        if layer is None:
            layer = self._layers[collection] = {}
        if key in layer:
            self.payload_size_bytes += size_bytes - _size(layer[key])
        else:
            self.effect_count += 1
            self.payload_size_bytes += (
                EFFECT_OVERHEAD_BYTES + len(collection) + len(key) + size_bytes
            )
            if collection in self._keys:
                insort(self._keys[collection], key)
        layer[key] = state
        if self._shared:
            self._shared.pop(collection, None)

    def _sum(self, collection: str, key: bytes) -> int:
        layer = self._layers.get(collection)
        state = layer.get(key, 0) if layer else 0
        assert isinstance(state, int)
        return state

    def _touched(self, collection: str) -> _Touched | None:
        """The touched entries as they are now; copied once for all scans until one changes."""
        found = self._shared.get(collection)
        if found is None:
            layer = self._layers.get(collection)
            if layer is None:
                return None
            keys = self._keys.get(collection)
            if keys is None:
                keys = self._keys[collection] = sorted(layer)
            found = _Touched(keys.copy(), list(map(layer.__getitem__, keys)))
            self._shared[collection] = found
        return found


class _Touched:
    """Keys in order and what became of them; it never changes."""

    __slots__ = ("_keys", "_states")

    def __init__(self, keys: list[bytes], states: list[_State]) -> None:
        self._keys = keys
        self._states = states

    def bounds(self, prefix: bytes, after: bytes) -> tuple[int, int]:
        """Places of the keys with that prefix after that key: the first, and where they end."""
        keys = self._keys
        first = max(bisect_left(keys, prefix), bisect_right(keys, after))
        # The least key that is greater than all with this prefix, if there is one.
        stem = prefix.rstrip(b"\xff")
        if not stem:
            return first, len(keys)
        return first, bisect_left(keys, stem[:-1] + bytes((stem[-1] + 1,)))

    def between(self, first: int, end: int) -> Iterator[tuple[bytes, _State]]:
        """The entries at these places."""
        keys, states = self._keys, self._states
        return ((keys[place], states[place]) for place in range(first, end))


def _size(state: _State) -> int:
    return len(state) if isinstance(state, bytes) else COUNTER_SIZE_BYTES


def _counter(below: bytes | None, amount: int) -> bytes:
    base = int.from_bytes(below, "little", signed=True) if below else 0
    total = max(ADD_MIN, min(ADD_MAX, base + amount))
    return total.to_bytes(COUNTER_SIZE_BYTES, "little", signed=True)


def _merge(
    own: Iterator[tuple[bytes, _State]], below: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes]]:
    """Both in key order; where both have a key, `own` decides. Closes `below`."""
    try:
        entry = next(below, None)
        for key, state in own:
            while entry is not None and entry[0] < key:
                yield entry
                entry = next(below, None)
            under = None
            if entry is not None and entry[0] == key:
                under = entry[1]
                entry = next(below, None)
            if isinstance(state, int):
                yield key, _counter(under, state)
            elif state is not None:
                yield key, state
        while entry is not None:
            yield entry
            entry = next(below, None)
    finally:
        close = getattr(below, "close", None)
        if close is not None:
            close()
