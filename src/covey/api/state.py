"""What the routes work on, typed."""

from __future__ import annotations

import trio
from litestar.datastructures import State

from covey.node import NodeService

__all__ = ["service_of", "stopping_of"]


def service_of(state: State) -> NodeService:
    """The node."""
    service: NodeService = state["service"]
    return service


def stopping_of(state: State) -> trio.Event:
    """Set when the node stops."""
    stopping: trio.Event = state["stopping"]
    return stopping
