"""One context of a node: what is known of it, and what works for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from covey.model import Charter
from covey.node.context import ContextDriver
from covey.node.records import ContextRecord
from covey.sync import Sources

__all__ = ["Held"]


@dataclass(slots=True)
class Held:
    """One context. driver: None while charter, manifest and module are not here.

    problem: why it can not be taken part in, or empty. ready: set with the driver. governing:
    held from a look at who is an admin until what was allowed by it is written.
    """

    record: ContextRecord
    sources: Sources = field(default_factory=Sources)
    charter: Charter | None = None
    driver: ContextDriver | None = None
    problem: str = ""
    ready: trio.Event = field(default_factory=trio.Event)
    governing: trio.Lock = field(default_factory=trio.Lock)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    ended: trio.Event = field(default_factory=trio.Event)
