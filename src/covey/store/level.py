"""The store on disk: LevelDB through plyvel, the only file that opens it."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import plyvel

from covey.errors import StoreError
from covey.model import limits
from covey.store import descriptor, keys
from covey.store.engine import Change, PageGenerator, Row, View
from covey.store.failures import corrupt, explained
from covey.store.keys import KeyRange
from covey.store.scoped import ScopedStore

__all__ = ["LevelStore", "SCHEMA_VERSION", "open_level", "repair"]

_FIRST_PAGE_ROWS: Final = 4
"""Most scans look for one row or a few."""

SCHEMA_VERSION: Final = 2
"""Of the tables' rows; another number in a store means another covey wrote it. 1: before rules."""


class LevelStore(ScopedStore):
    """Implements `Store` in a folder of this process alone; made by `open_level`."""


def open_level(path: Path) -> LevelStore:
    """Open the store in a folder, which is made (0700) if missing; blocking.

    A drop that was cut short is finished first. Raises StoreError, its sentence saying what
    to do, when the folder is in use, cannot be written, is on a full disk, is damaged, or was
    written by a newer covey. Nothing is ever repaired unasked.
    """
    with explained(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_files(path)
        engine = _LevelEngine(path)
        store = LevelStore(engine)
        try:
            _check_schema(path, engine)
            store.load()
        except BaseException:
            store.close()
            raise
        return store


def repair(path: Path) -> None:
    """Bring back what LevelDB finds in a damaged store, for a person to judge; blocking.

    Rows may be missing, or old ones have returned: never do it without being asked.
    Raises StoreError when the store is in use.
    """
    with explained(path):
        try:
            # Refused in any case, but only after it took the lock.
            plyvel.DB(str(path), create_if_missing=False, error_if_exists=True)
        except plyvel.IOError:
            raise
        except plyvel.Error:
            plyvel.repair_db(str(path), bloom_filter_bits=limits.STORE_BLOOM_BITS)


def _check_files(path: Path) -> None:
    """Refuse what LevelDB would take for a new or an older store, and then delete."""
    names = sorted(entry.name for entry in path.iterdir())
    if "CURRENT" in names:
        log = descriptor.missing_log(path)
        if log is not None:
            raise corrupt(path, f"its log {log} is missing or its descriptor cut short")
    elif any(name.endswith((".ldb", ".sst", ".log")) for name in names):
        raise corrupt(path, "its file CURRENT is missing")


def _check_schema(path: Path, engine: _LevelEngine) -> None:
    stored = engine.get(keys.SCHEMA_KEY)
    ours = keys.number_bytes(SCHEMA_VERSION)
    if stored is None:
        everything = (b"", b"\xff" * limits.STORE_KEY_BYTES_MAX)
        if next(engine.pages(everything, reverse=False), None) is not None:
            raise StoreError(
                f"the folder {path} holds a LevelDB store that is not covey's:"
                " give the node another home"
            )
        engine.apply([(keys.SCHEMA_KEY, ours)], durable=True)
    elif stored != ours:
        theirs = keys.number_of(stored)
        advice = (
            "upgrade covey"
            if theirs > SCHEMA_VERSION
            else "run it with the covey that wrote it, or give the node another home"
        )
        raise StoreError(
            f"the store {path} was written by another version of covey (its schema is"
            f" {theirs}, this covey knows {SCHEMA_VERSION}): {advice}"
        )


class _LevelView:
    """Rows of a database or of one of its snapshots.

    The lock keeps `close` from taking away what another thread is just reading: LevelDB itself
    would read freed memory. Nobody else waits for it, a snapshot being for one thread.
    """

    def __init__(self, folder: Path, handle: plyvel.DB) -> None:
        self._folder = folder
        self._handle = handle
        self._lock = threading.Lock()
        self._closed: str | None = None

    def get(self, key: bytes) -> bytes | None:
        with self._lock:
            self._check_open()
            try:
                value: bytes | None = self._handle.get(key, verify_checksums=True)
            except plyvel.Error:
                # The context manager costs as much as the read; only the failing path pays it.
                with explained(self._folder):
                    raise
            return value

    def pages(self, keys: KeyRange, *, reverse: bool) -> PageGenerator:
        low, high = keys
        if low >= high:
            return
        with self._lock:
            self._check_open()
            # plyvel's reverse iterator gives nothing where its only row is `start` itself, so a
            # reverse scan has no start and ends at the first row below the range.
            iterator = self._handle.iterator(
                start=None if reverse else low, stop=high, reverse=reverse, verify_checksums=True
            )
        count, is_last = _FIRST_PAGE_ROWS, False
        try:
            while True:
                with self._lock:
                    self._check_open()
                    if is_last:
                        return
                    try:
                        page: list[Row] = list(itertools.islice(iterator, count))
                    except plyvel.Error:
                        with explained(self._folder):
                            raise
                is_last = len(page) < count
                if reverse and page and page[-1][0] < low:
                    page = [row for row in page if row[0] >= low]
                    is_last = True
                if page:
                    yield page
                count = limits.STORE_PAGE_ROWS
        finally:
            # Without the lock: a collected generator may end while its thread holds it.
            iterator.close()

    def close(self, reason: str) -> None:
        """Refuse further reading and release the handle."""
        with self._lock:
            if self._closed is None:
                self._closed = reason
                self._handle.close()

    def _check_open(self) -> None:
        if self._closed is not None:
            raise StoreError(self._closed)


class _LevelEngine(_LevelView):
    """Implements `Engine`."""

    def __init__(self, folder: Path) -> None:
        database = plyvel.DB(
            str(folder),
            create_if_missing=True,
            paranoid_checks=True,
            write_buffer_size=limits.STORE_WRITE_BUFFER_BYTES,
            lru_cache_size=limits.STORE_CACHE_BYTES,
            block_size=limits.STORE_BLOCK_BYTES,
            max_open_files=limits.STORE_OPEN_FILES_MAX,
            bloom_filter_bits=limits.STORE_BLOOM_BITS,
        )
        super().__init__(folder, database)
        self._snapshots: dict[int, _LevelView] = {}  # open ones, by identity
        self._has_volatile = False

    @contextmanager
    def frozen(self) -> Iterator[View]:
        with self._lock:
            self._check_open()
            view = _LevelView(self._folder, self._handle.snapshot())
            self._snapshots[id(view)] = view
        try:
            yield view
        finally:
            self._snapshots.pop(id(view), None)
            view.close("the snapshot is closed")

    def apply(self, changes: Sequence[Change], *, durable: bool) -> None:
        self._check_open()
        with explained(self._folder):
            if durable and self._has_volatile:
                self._sync_logs()
            with self._handle.write_batch(transaction=True, sync=durable) as batch:
                for key, value in changes:
                    if value is None:
                        batch.delete(key)
                    else:
                        batch.put(key, value)
        self._has_volatile = not durable

    def compact(self, keys: KeyRange) -> None:
        self._check_open()
        with explained(self._folder):
            self._handle.compact_range(start=keys[0], stop=keys[1])

    def close(self, reason: str = "the store is closed") -> None:
        for view in tuple(self._snapshots.values()):
            view.close(reason)
        super().close(reason)

    def _sync_logs(self) -> None:
        """Make earlier writes durable before a durable one is made.

        LevelDB syncs only the log it writes to. When that changes between two writes, a loss
        of power could keep the later write and lose the earlier one: a delta without parents.
        """
        for log in sorted(self._folder.glob("*.log")):
            try:
                number = os.open(log, os.O_RDONLY)
            except FileNotFoundError:
                continue  # its rows are in a table by now, and tables are synced
            try:
                os.fsync(number)
            finally:
                os.close(number)
