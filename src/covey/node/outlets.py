"""Where what a context asks for goes, outside its own driver."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from covey.model import DeltaId, Interface, PeerId, ReleaseId

__all__ = ["Outlets"]


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a context's effects go outside its own driver."""

    publish: Callable[[str, bytes], Awaitable[None]]
    ask: Callable[[PeerId | None, tuple[DeltaId, ...]], None]
    record_sequence: Callable[[int], None]
    misbehaved: Callable[[PeerId, str], None]
    provide: Callable[[ReleaseId, bytes], Awaitable[Interface]]
