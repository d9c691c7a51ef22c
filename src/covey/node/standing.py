"""Whether this node's device may write in a context, for who waits for that."""

from __future__ import annotations

import trio

__all__ = ["Standing"]


class Standing:
    """admitted: set while the device may write. turned: set, once, when that or a removal changes.

    Both are other events after a change: read them again to wait again.
    """

    def __init__(self) -> None:
        self.admitted = trio.Event()
        self.turned = trio.Event()
        self._last = (False, False)

    def note(self, *, is_admitted: bool, is_removed: bool) -> None:
        """What it is now."""
        if (is_admitted, is_removed) == self._last:
            return
        self._last = (is_admitted, is_removed)
        if is_admitted:
            self.admitted.set()
        elif self.admitted.is_set():
            self.admitted = trio.Event()
        self.turned.set()
        self.turned = trio.Event()
