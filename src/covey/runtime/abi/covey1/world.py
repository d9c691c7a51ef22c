"""All that the code of one call may know and touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from covey.model import (
    AppEvent,
    Collection,
    ContextId,
    DeviceId,
    EntryReader,
    MemberId,
    limits,
)
from covey.runtime.engine import Interrupt
from covey.runtime.overlay import Overlay

__all__ = ["Said", "World"]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a run sees. writes: where effects go, None in a query and in `validate`.

    arguments: what `input` gives. reads: `writes` where there is one. seed: 32 bytes, None where
    `random` is not allowed. roles: those the member holds. time_ms: Unix milliseconds.
    """

    arguments: bytes
    context: ContextId
    member: MemberId
    device: DeviceId
    time_ms: int
    seed: bytes | None
    roles: tuple[str, ...]
    collections: Mapping[str, Collection]
    reads: EntryReader
    writes: Overlay | None
    overlays: tuple[Overlay, ...]
    interrupt: Interrupt


@dataclass(slots=True)
class Said:
    """What a run said, filled while it runs; result: JSON as `output` gave it last."""

    result: bytes = b""
    events: list[AppEvent] = field(default_factory=list)
    event_size_bytes: int = 0
    log: list[str] = field(default_factory=list)

    def has_room_for_log(self) -> bool:
        """Whether another line would be kept."""
        return len(self.log) < limits.CALL_LOG_LINES_MAX

    def note(self, line: str) -> None:
        """Keep a line for the developer, while there is room."""
        if self.has_room_for_log():
            self.log.append(line)
