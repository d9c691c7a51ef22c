"""What the node asks of a store: rows by scope, atomic writes, frozen views."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeAlias

from covey.model.ids import ContextId
from covey.model.view import Reader, ScopedWrites

__all__ = ["Scope", "Store"]

Scope: TypeAlias = ContextId | None
"""Whose rows: of one context, or (None) the node's own."""


class Store(Protocol):
    """Tables of many contexts on one disk. Every method may be called from any thread.

    All of them raise StoreError when the disk fails or the store is closed. After a failed
    write every later write is refused until the store is opened anew: what the disk holds is
    then known again. A key of the wrong shape is a broken invariant (AssertionError).
    """

    def reader(self, scope: ContextId | None) -> Reader:
        """A live view: each `get` sees every finished write, each scan the rows at its first."""
        ...

    def snapshot(self, scope: ContextId | None) -> AbstractContextManager[Reader]:
        """A view frozen at entry, for any one thread; after exit it is closed (StoreError)."""
        ...

    def write(self, batch: Sequence[ScopedWrites], *, durable: bool) -> None:
        """Set and remove rows of any scopes: all or none, the last of one key winning.

        durable: on the disk before return, together with all earlier writes; otherwise it
        survives the end of the process but perhaps not the loss of power. Blocking.
        """
        ...

    def drop(self, scope: ContextId) -> None:
        """Forget a context: gone for new readers at once, its rows removed in bounded writes.

        A drop cut short is finished when the store is next opened. Blocking, perhaps for long.
        """
        ...

    def close(self) -> None:
        """Release everything, open snapshots too; a write under way is finished first."""
        ...
