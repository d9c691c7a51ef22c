"""The trace of a run: equal for equal seeds, on every machine and under every hash seed."""

from __future__ import annotations

import hashlib
from collections import deque

from covey.testkit import bounds

__all__ = ["Trace"]


class Trace:
    """A running hash of everything that happened, with the last lines for a person."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.last: deque[str] = deque(maxlen=bounds.SIM_TRACE_LINES)
        self.count = 0

    def note(self, now_s: float, node: str, what: str) -> None:
        """Something happened at a node."""
        line = f"{now_s:.6f} {node} {what}"
        self._hash.update(line.encode() + b"\n")
        self.last.append(line)
        self.count += 1

    def digest(self) -> str:
        """16 hexadecimal digits that stand for the whole run."""
        return self._hash.hexdigest()[:16]
