"""Notices: who watches a context is told of each delta that took effect, in order, gap-free."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import trio

from covey.codec import did_text
from covey.model import Admit, Delta, MemberId, Payload, limits, milliseconds
from covey.node.sentences import deed
from covey.node.views import DeltaRow

__all__ = ["Notices", "delta_row", "iso_time"]


def iso_time(unix_s: float) -> str:
    """A time for people: ISO 8601, UTC, milliseconds."""
    moment = datetime.fromtimestamp(unix_s, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def delta_row(
    delta: Delta, payload: Payload, member: MemberId, *, is_silent: bool = False
) -> DeltaRow:
    """A delta as subscribers and the log show it."""
    core = delta.core
    return DeltaRow(
        delta=delta.id.hex(),
        author=did_text(core.author),
        member=did_text(member),
        sequence=core.sequence,
        time=iso_time(milliseconds(core.time) / 1000),
        calls=len(payload.calls),
        methods=tuple(call.method for call in payload.calls),
        effects=sum(len(effects) for effects in payload.effects),
        events=tuple(
            (event.name, event.data.decode(errors="replace"))
            for events in payload.events
            for event in events
        ),
        admitted=tuple(
            did_text(g.certificate.device) for g in core.governance if isinstance(g, Admit)
        ),
        governance=tuple(deed(effect) for effect in core.governance),
        void=is_silent,
        parents=tuple(p.hex() for p in (core.previous, *core.parents) if p is not None),
    )


class Notices:
    """The watchers of one context; one that does not keep up is cut off, never waited for."""

    def __init__(self) -> None:
        self._watchers: list[trio.MemorySendChannel[tuple[int, DeltaRow]]] = []

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._watchers)

    def tell(self, arrival: int, row: DeltaRow) -> None:
        """Tell every watcher."""
        for watcher in tuple(self._watchers):
            self._tell_one(watcher, (arrival, row))

    def _tell_one(
        self, watcher: trio.MemorySendChannel[tuple[int, DeltaRow]], notice: tuple[int, DeltaRow]
    ) -> None:
        try:
            watcher.send_nowait(notice)
        except (trio.WouldBlock, trio.BrokenResourceError):
            self._watchers.remove(watcher)
            watcher.close()

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[trio.MemoryReceiveChannel[tuple[int, DeltaRow]]]:
        """What takes effect from now on; the channel ends for a watcher that fell behind."""
        send, receive = trio.open_memory_channel[tuple[int, DeltaRow]](limits.WATCH_QUEUE_MAX)
        self._watchers.append(send)
        try:
            async with receive:
                yield receive
        finally:
            if send in self._watchers:
                self._watchers.remove(send)
            send.close()

    def close(self) -> None:
        """End every watch."""
        for watcher in self._watchers:
            watcher.close()
        self._watchers.clear()
