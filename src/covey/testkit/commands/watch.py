"""How far the seeds are, for whoever waits; and what is done, for whoever does not."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from covey.cli.bar import Bar
from covey.cli.output import say
from covey.testkit.commands.tables import counted

__all__ = ["Watch"]

_LINE_EVERY_S: Final = 60.0  # where standard error is no terminal


class Watch:
    """On a terminal a line that is drawn again; elsewhere a line a minute, unless `is_quiet`.

    is_kept: results go into a file, so that the same command goes on.
    """

    def __init__(self, seeds_count: int, *, is_kept: bool, is_quiet: bool) -> None:
        self.bar = Bar()
        self._count = seeds_count
        self._done = self._findings = 0
        self._is_kept = is_kept
        self._tells_lines = not (is_quiet or sys.stderr.isatty())
        self._next_s = time.monotonic() + _LINE_EVERY_S

    def done(self, findings: int) -> None:
        """One more seed. findings: so far."""
        self._done, self._findings = self._done + 1, findings
        self._tell("")

    def within(self, seed: int, now_s: float, steps: int) -> None:
        """A seed is under way. now_s: virtual."""
        self._tell(f"seed {seed} at {now_s:.1f} virtual seconds, {steps:,} steps")

    def _tell(self, note: str) -> None:
        found = counted(self._findings, "finding")
        self.bar.show("seeds", self._done, self._count, ", ".join(filter(None, [found, note])))
        now_s = time.monotonic()
        if self._tells_lines and now_s >= self._next_s:
            self._next_s = now_s + _LINE_EVERY_S
            parts = [f"{self._done} of {counted(self._count, 'seed')}", found, note]
            say(", ".join(filter(None, parts)))

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Around the seeds: Ctrl-C says what is done, and how to go on."""
        try:
            yield
        except KeyboardInterrupt:
            self.bar.clear()
            more = "the same command goes on" if self._is_kept else "--results would let it go on"
            done = f"{self._done} of {counted(self._count, 'seed')}"
            say(f"stopped after {done}, {counted(self._findings, 'finding')}; {more}")
            raise
