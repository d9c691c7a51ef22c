"""How far a command is that takes longer than a second: a line on a terminal, else one word."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType

from covey.cli.output import say

__all__ = ["Bar"]

_PATIENCE_S = 1.0
_REDRAW_S = 0.2
_BAR_CHARS = 30
_ERASE_LINE = "\r\x1b[K"


class Bar:
    """A line that is drawn again and again, and taken away at the end."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._began_s = time.monotonic()
        self._next_s = self._began_s + _PATIENCE_S

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def show(self, what: str, done: int, total: int, note: str = "") -> None:
        """Draw the line again, if it is time to. total: 0 where nobody knows."""
        now = time.monotonic()
        if now < self._next_s:
            return
        if not self._is_shown:
            self._next_s = math.inf
            say(f"{what} {done} so far …")
            return
        self._next_s = now + _REDRAW_S
        line = f"{what} {done}"
        if total:
            full = _BAR_CHARS * min(done, total) // total
            line = f"{what} {done} of {total} [{'#' * full}{'.' * (_BAR_CHARS - full)}]"
            if done:  # else nobody knows
                left_s = (now - self._began_s) / done * max(0, total - done)
                line = f"{line} {left_s:.0f} s left"
        sys.stderr.write(_ERASE_LINE + ", ".join(part for part in (line, note) if part))
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()
