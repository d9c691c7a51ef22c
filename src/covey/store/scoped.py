"""The store proper: scopes, tables and failed writes, over any engine."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager

from covey.errors import StoreError
from covey.model import limits
from covey.model.ids import ContextId
from covey.model.view import KeyPart, Reader, RowKey, ScopedWrites, Table
from covey.store import keys
from covey.store.engine import Change, Engine, Row, View

__all__ = ["ScopedStore"]


class ScopedStore:
    """Implements `Store`. The directory of contexts is held in memory, about 100 B for each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbers: dict[ContextId | None, int] = {None: keys.NODE_NUMBER}
        self._next_number = keys.FIRST_CONTEXT_NUMBER
        self._writing = threading.Lock()
        self._compacting = threading.Lock()  # taken before `_writing` where both are
        self._failure: str | None = None

    def load(self) -> None:
        """Read the directory of an engine that has been used before, and finish its drops."""
        stored = self._engine.get(keys.COUNTER_KEY)
        if stored is not None:
            self._next_number = keys.number_of(stored)
        for key, number in _rows(self._engine, keys.DIRECTORY_RANGE):
            self._numbers[keys.context_of(key)] = keys.number_of(number)
        unfinished = [key for key, _ in _rows(self._engine, keys.DROPPING_RANGE)]
        for key in unfinished:
            self._remove_rows(keys.dropping_number(key))

    def reader(self, scope: ContextId | None) -> Reader:
        return _Rows(self._engine, self._numbers, scope)

    def snapshot(self, scope: ContextId | None) -> AbstractContextManager[Reader]:
        return self._snapshot(scope)

    @contextmanager
    def _snapshot(self, scope: ContextId | None) -> Iterator[Reader]:
        with self._engine.frozen() as view:
            numbers: dict[ContextId | None, int] = {None: keys.NODE_NUMBER}
            if scope is not None:
                # Looked up in the frozen rows themselves: a drop under way is seen whole or not.
                stored = view.get(keys.directory_key(scope))
                numbers = {} if stored is None else {scope: keys.number_of(stored)}
            yield _Rows(view, numbers, scope)

    def write(self, batch: Sequence[ScopedWrites], *, durable: bool) -> None:
        with self._writing:
            changes: list[Change] = []
            numbered: dict[ContextId | None, int] = {}
            for part in batch:
                if not part.writes:
                    continue
                number = self._numbers.get(part.scope) or numbered.get(part.scope)
                if number is None:
                    number = self._next_number + len(numbered)
                    numbered[part.scope] = number
                for write in part.writes:
                    key = keys.physical_key(number, write.table, write.key)
                    value = write.value
                    changes.append((key, None if value is None else keys.seal_value(key, value)))
            changes += self._registration(numbered)
            self._apply(changes, durable=durable)
            self._numbers.update(numbered)
            self._next_number += len(numbered)

    def drop(self, scope: ContextId) -> None:
        assert scope is not None, "the node's own tables are not dropped"
        with self._writing:
            number = self._numbers.get(scope)
            if number is None:
                return
            mark: list[Change] = [
                (keys.directory_key(scope), None),
                (keys.dropping_key(number), b""),
            ]
            self._apply(mark, durable=True)
            del self._numbers[scope]
        self._remove_rows(number)

    def close(self) -> None:
        with self._compacting, self._writing:
            self._engine.close()

    def _registration(self, numbered: dict[ContextId | None, int]) -> list[Change]:
        """The directory rows of contexts that are written to for the first time."""
        if not numbered:
            return []
        following = self._next_number + len(numbered)
        if following > limits.STORE_CONTEXTS_MAX:
            raise StoreError("the store has no numbers left for new contexts: use a new home")
        changes: list[Change] = [(keys.COUNTER_KEY, keys.number_bytes(following))]
        for scope, number in numbered.items():
            assert scope is not None
            changes.append((keys.directory_key(scope), keys.number_bytes(number)))
        return changes

    def _remove_rows(self, number: int) -> None:
        scope = keys.scope_range(number)
        low, high = scope
        # Rows still in memory are written out first: together with their removals they would
        # end in one table, and stay on the disk.
        self._compact((low, low))
        last = self._remove_some(scope)
        while last is not None:
            # Nobody writes to a dropped number: what was removed is not read through again.
            last = self._remove_some((last, high))
        self._compact(scope)
        with self._writing:
            self._apply([(keys.dropping_key(number), None)], durable=True)

    def _remove_some(self, covered: keys.KeyRange) -> bytes | None:
        """Remove the first rows of a range; the last key among them, or None if there is none."""
        with self._writing:
            with closing(_rows(self._engine, covered)) as rows:
                some = itertools.islice(rows, limits.STORE_DROP_ROWS)
                removals: list[Change] = [(key, None) for key, _ in some]
            if not removals:
                return None
            self._apply(removals, durable=False)
            return removals[-1][0]

    def _compact(self, covered: keys.KeyRange) -> None:
        # Not under the lock of writing: it may take seconds, and other contexts go on.
        with self._compacting:
            self._engine.compact(covered)

    def _apply(self, changes: list[Change], *, durable: bool) -> None:
        if self._failure is not None:
            raise StoreError(
                f"nothing more is written since a write failed: {self._failure};"
                " mend that and start the node again"
            )
        try:
            self._engine.apply(changes, durable=durable)
        except BaseException as failure:
            # Whatever it was, part of the batch may be on the disk: only opening anew tells.
            self._failure = str(failure) or type(failure).__name__
            raise


class _Rows:
    """Implements `Reader`: one scope's rows in a view.

    numbers: looked into at every question, so that a live reader follows its scope.
    """

    def __init__(
        self, view: View, numbers: Mapping[ContextId | None, int], scope: ContextId | None
    ) -> None:
        self._view = view
        self._numbers = numbers
        self._scope = scope

    def get(self, table: Table, key: RowKey) -> bytes | None:
        number = self._numbers.get(self._scope, keys.NO_NUMBER)
        physical = keys.physical_key(number, table, key)
        stored = self._view.get(physical)
        return None if stored is None else keys.open_value(physical, stored)

    def scan(
        self,
        table: Table,
        prefix: RowKey = (),
        *,
        start: bytes = b"",
        after: KeyPart | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[RowKey, bytes]]:
        number = self._numbers.get(self._scope, keys.NO_NUMBER)
        covered, known_bytes = keys.row_range(number, table, prefix, start, after, reverse)
        return self._decoded(table, prefix, known_bytes, covered, reverse)

    def _decoded(
        self, table: Table, prefix: RowKey, known_bytes: int, covered: keys.KeyRange, reverse: bool
    ) -> Iterator[tuple[RowKey, bytes]]:
        with closing(self._view.pages(covered, reverse=reverse)) as pages:
            for page in pages:
                for physical, stored in page:
                    key = keys.row_key(table, physical, prefix, known_bytes)
                    yield key, keys.open_value(physical, stored)

    def pages(
        self, table: Table, prefix: RowKey, *, start: bytes = b"", after: bytes | None = None
    ) -> Iterator[list[tuple[bytes, bytes]]]:
        number = self._numbers.get(self._scope, keys.NO_NUMBER)
        covered, known_bytes = keys.row_range(number, table, prefix, start, after, reverse=False)
        with closing(self._view.pages(covered, reverse=False)) as pages:
            for page in pages:
                yield keys.last_parts(table, page, prefix, known_bytes)


def _rows(view: View, covered: keys.KeyRange) -> Generator[Row, None, None]:
    """The rows of a range, one by one."""
    with closing(view.pages(covered, reverse=False)) as pages:
        for page in pages:
            yield from page
