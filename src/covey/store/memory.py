"""The store in memory: for simulations, and to check that both implementations mean the same."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from covey.errors import StoreError
from covey.model import limits
from covey.store.engine import Change, PageGenerator, View
from covey.store.keys import KeyRange
from covey.store.scoped import ScopedStore

__all__ = ["MemoryEngine", "MemoryStore"]


class MemoryEngine:
    """A sorted list of keys beside a dict; adding a key costs O(n) moves of one pointer.

    A frozen view costs nothing to make: from then on every change first hands it the old value.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: list[bytes] = []
        self._values: dict[bytes, bytes] = {}
        self._views: dict[int, _FrozenView] = {}  # open ones, by identity
        self._closed = False

    def get(self, key: bytes) -> bytes | None:
        with self._lock:
            self._check_open()
            return self._values.get(key)

    def pages(self, keys: KeyRange, *, reverse: bool) -> PageGenerator:
        with self.frozen() as view:
            yield from view.pages(keys, reverse=reverse)

    @contextmanager
    def frozen(self) -> Iterator[View]:
        view = _FrozenView(self)
        with self._lock:
            self._check_open()
            self._views[id(view)] = view
        try:
            yield view
        finally:
            # One dict operation and no lock: a collected generator may end inside our own lock.
            self._views.pop(id(view), None)

    def apply(self, changes: Sequence[Change], *, durable: bool) -> None:
        assert isinstance(durable, bool)
        with self._lock:
            self._check_open()
            for key, value in changes:
                before = self._values.get(key)
                for view in tuple(self._views.values()):
                    view.replaced.setdefault(key, before)
                if value is not None:
                    if before is None:
                        insort(self._order, key)
                    self._values[key] = value
                elif before is not None:
                    del self._order[bisect_left(self._order, key)]
                    del self._values[key]

    def compact(self, keys: KeyRange) -> None:
        """Nothing to do: a removed row is gone."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._views.clear()

    def frozen_get(self, view: _FrozenView, key: bytes) -> bytes | None:
        """The value of a row in an open view."""
        with self._lock:
            self._check_open(view)
            if key in view.replaced:
                return view.replaced[key]
            return self._values.get(key)

    def frozen_page(
        self, view: _FrozenView, low: bytes, high: bytes, reverse: bool
    ) -> list[Change]:
        """The next rows of an open view in order; None for one that it does not have.

        Empty only at the end of the range.
        """
        with self._lock:
            self._check_open(view)
            first, last = bisect_left(self._order, low), bisect_left(self._order, high)
            if reverse:
                first = max(first, last - limits.STORE_PAGE_ROWS)
            else:
                last = min(last, first + limits.STORE_PAGE_ROWS)
            # A page of the live rows and all replaced ones: what is cut off is beyond the page.
            found = set(self._order[first:last])
            found.update(key for key in view.replaced if low <= key < high)
            page = sorted(found, reverse=reverse)[: limits.STORE_PAGE_ROWS]
            values, replaced = self._values, view.replaced
            return [(key, replaced[key] if key in replaced else values[key]) for key in page]

    def _check_open(self, view: _FrozenView | None = None) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        if view is not None and id(view) not in self._views:
            raise StoreError("the snapshot is closed")


class _FrozenView:
    """Rows as they were: those replaced since, and for the rest the live ones."""

    def __init__(self, engine: MemoryEngine) -> None:
        self._engine = engine
        self.replaced: dict[bytes, bytes | None] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._engine.frozen_get(self, key)

    def pages(self, keys: KeyRange, *, reverse: bool) -> PageGenerator:
        low, high = keys
        while low < high:
            page = self._engine.frozen_page(self, low, high, reverse)
            if not page:
                return
            rows = [(key, value) for key, value in page if value is not None]
            if rows:
                yield rows
            if reverse:
                high = page[-1][0]
            else:
                low = page[-1][0] + b"\x00"


class MemoryStore(ScopedStore):
    """Implements `Store` without a disk; nothing survives it."""

    def __init__(self) -> None:
        super().__init__(MemoryEngine())
