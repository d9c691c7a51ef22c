"""All that the code of one call may know and touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from covey.model import (
    AppEvent,
    Collection,
    ContextId,
    DeviceId,
    EntryReader,
    MemberId,
    Rule,
    limits,
)
from covey.runtime.engine import Interrupt
from covey.runtime.overlay import Overlay

__all__ = ["Place", "Scene", "World"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What all calls of a batch see, or a query; time_ms: Unix milliseconds.

    roles: those the member holds.
    """

    context: ContextId
    member: MemberId
    device: DeviceId
    time_ms: int
    roles: tuple[str, ...]
    interrupt: Interrupt


class World:
    """What runs see besides their scene, one after the other, and what this one said so far.

    arguments: what `input` gives. writes: where effects go, None in a query. reads: `writes` where
    there is one. overlays: what a scan has to remember. seed: gives 32 bytes; None where `random`
    is not allowed. result: JSON as `output` gave it last.
    """

    __slots__ = (
        "arguments",
        "event_size_bytes",
        "events",
        "log",
        "overlays",
        "reads",
        "result",
        "scene",
        "seed",
        "writes",
    )

    def __init__(
        self,
        scene: Scene,
        reads: EntryReader,
        writes: Overlay | None = None,
        overlays: tuple[Overlay, ...] = (),
        seed: Callable[[], bytes] | None = None,
    ) -> None:
        self.scene = scene
        self.reads = reads
        self.writes = writes
        self.overlays = overlays
        self.seed = seed
        self.begin(b"")

    def begin(self, arguments: bytes) -> None:
        """Set what the run that comes is given; it has said nothing yet."""
        self.arguments = arguments
        self.result = b""
        self.events: list[AppEvent] = []
        self.event_size_bytes = 0
        self.log: list[str] = []

    def has_room_for_log(self) -> bool:
        """Whether another line would be kept."""
        return len(self.log) < limits.CALL_LOG_LINES_MAX

    def note(self, line: str) -> None:
        """Keep a line for the developer, while there is room."""
        if self.has_room_for_log():
            self.log.append(line)


class Place:
    """A declared collection, with what the fast path asks of it.

    is_open: a put or delete of any member, to any key of a permitted size, is allowed.
    """

    __slots__ = ("collection", "is_open", "name")

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.name = collection.name
        self.is_open = collection.rule is Rule.REGISTER and not collection.roles
