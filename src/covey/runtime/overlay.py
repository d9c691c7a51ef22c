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

    __slots__ = ("_below", "_keys", "_layers", "effect_count", "payload_size_bytes")

    def __init__(self, below: EntryReader) -> None:
        self._below = below
        self._layers: dict[str, dict[bytes, _State]] = {}  # touched entries by collection
        self._keys: dict[str, list[bytes]] = {}  # in order, of collections that a scan asked for
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
        own = self._range(collection, prefix, after)
        return _merge(own, below) if own else below

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

    def _sum(self, collection: str, key: bytes) -> int:
        layer = self._layers.get(collection)
        state = layer.get(key, 0) if layer else 0
        assert isinstance(state, int)
        return state

    def _range(self, collection: str, prefix: bytes, after: bytes) -> list[tuple[bytes, _State]]:
        """A copy of the touched entries with that prefix after that key, in order."""
        layer = self._layers.get(collection)
        if layer is None:
            return []
        keys = self._keys.get(collection)
        if keys is None:
            keys = self._keys[collection] = sorted(layer)
        found = []
        for key in keys[max(bisect_left(keys, prefix), bisect_right(keys, after)) :]:
            if not key.startswith(prefix):
                break
            found.append((key, layer[key]))
        return found


def _size(state: _State) -> int:
    return len(state) if isinstance(state, bytes) else COUNTER_SIZE_BYTES


def _counter(below: bytes | None, amount: int) -> bytes:
    base = int.from_bytes(below, "little", signed=True) if below else 0
    total = max(ADD_MIN, min(ADD_MAX, base + amount))
    return total.to_bytes(COUNTER_SIZE_BYTES, "little", signed=True)


def _merge(
    own: list[tuple[bytes, _State]], below: Iterator[tuple[bytes, bytes]]
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
