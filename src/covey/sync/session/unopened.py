"""Batches of deltas as they came, opened no faster than what is in them is dealt with.

Running deltas again takes longer than sending them: what is opened too early would be dropped for
want of room, and sent, opened and checked once more. Source: protocols/session.md, "Credits".
"""

from __future__ import annotations

from collections import deque
from typing import Final

from covey.codec import DigestFrame
from covey.errors import ProtocolViolation
from covey.model import limits

__all__ = ["Unopened"]

_BATCH_BYTES: Final = 128  # of memory that each takes beside its content
# So that the batches of all sources together leave room in the replica's inbox.
_OPEN_DELTAS: Final = limits.INBOX_WHILE_EXECUTING_MAX // (2 * limits.SYNC_SOURCES_MAX)


class Unopened:
    """Of one peer and context, in order.

    size_bytes: in memory. open_count: deltas handed over and not dealt with. digest: came behind
    the last one, and waits.
    """

    __slots__ = ("_batches", "digest", "open_count", "size_bytes")

    def __init__(self) -> None:
        self._batches: deque[bytes] = deque()
        self.size_bytes = 0
        self.open_count = 0
        self.digest: DigestFrame | None = None

    def __bool__(self) -> bool:
        return bool(self._batches)

    @property
    def is_due(self) -> bool:
        """Whether the next batch is to be opened now."""
        return bool(self._batches) and self.open_count < _OPEN_DELTAS

    def add(self, batch: bytes) -> None:
        """Keep a batch for its turn. Raises ProtocolViolation beyond what any credit lets come.

        Small batches may take twice as much as the deltas in them.
        """
        self._batches.append(batch)
        self.size_bytes += len(batch) + _BATCH_BYTES
        if self.size_bytes > 2 * limits.SYNC_CREDIT_BYTES:
            raise ProtocolViolation("wrong-credit", "the peer sent more than it has credit for")

    def take(self) -> bytes:
        """The next batch; there is one."""
        batch = self._batches.popleft()
        self.size_bytes -= len(batch) + _BATCH_BYTES
        return batch

    def take_digest(self) -> DigestFrame | None:
        """The digest that came behind the last batch, once."""
        digest, self.digest = self.digest, None
        return digest
