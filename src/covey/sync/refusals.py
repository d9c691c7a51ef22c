"""What members' devices signed and nobody may apply: kept as the proof of it, within bounds.

A refused delta is its own proof: whoever holds what it follows finds the same. Of each device the
first ones are kept, so that a flood of later ones hides nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from covey.codec import pack, shape, unpack
from covey.model import Delta, DeltaId, Denied, DeviceId, Draft, Reader, Table, limits

__all__ = ["Refusal", "Refusals", "refusals_of"]

_NOT_ITS_OWN = ("follows-refused", "not-admitted")
"""Codes that say nothing against the author: it built on another's, or is nobody here."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused delta. frame: as it was signed; empty where there was no room to keep it."""

    author: DeviceId
    delta: DeltaId
    code: str
    reason: str
    frame: bytes


class Refusals:
    """Counts what is kept, so that bounds cost no look at the store."""

    def __init__(self, reader: Reader) -> None:
        self._of_device: Counter[DeviceId] = Counter()
        self._size_bytes = 0
        self._kept: set[DeltaId] = set()
        for refusal in refusals_of(reader):
            self._count(refusal.author, refusal.delta, len(refusal.frame))

    def note(self, draft: Draft, delta: Delta, denied: Denied) -> None:
        """Keep a refused delta, if it speaks against its author and there is room."""
        author = delta.core.author
        place = self._of_device[author]
        if (
            denied.code in _NOT_ITS_OWN
            or delta.id in self._kept
            or place >= limits.REFUSALS_PER_DEVICE_MAX
            or len(self._kept) >= limits.REFUSALS_KEPT_MAX
        ):
            return
        has_room = self._size_bytes + len(delta.frame) <= limits.REFUSALS_KEPT_BYTES
        frame = delta.frame if has_room else b""
        row = pack((delta.id, denied.code, denied.reason[: limits.REASON_CHARS_MAX], frame))
        draft.put(Table.REFUSAL, (author, place), row)
        self._count(author, delta.id, len(frame))

    def _count(self, author: DeviceId, delta: DeltaId, size_bytes: int) -> None:
        self._of_device[author] += 1
        self._kept.add(delta)
        self._size_bytes += size_bytes


def refusals_of(reader: Reader) -> list[Refusal]:
    """What is kept, by device in the order of arrival."""
    found = []
    for key, row in reader.scan(Table.REFUSAL):
        delta, code, reason, frame = shape.fields(unpack(row, len(row)), 4, "refusal row")
        author = key[0]
        assert isinstance(author, bytes)
        found.append(
            Refusal(
                DeviceId(author),
                DeltaId(shape.exactly(delta, 32, "delta")),
                shape.text(code, 64, "code"),
                shape.text(reason, 4 * limits.REASON_CHARS_MAX, "reason"),
                shape.blob(frame, limits.DELTA_SIZE_BYTES_MAX, "frame"),
            )
        )
    return found
