"""Routes about the node itself."""

from __future__ import annotations

from litestar import get, post
from litestar.datastructures import State

from covey.api.described import errors
from covey.api.present import mirrored
from covey.api.schema import PATHS_ROOT, PeerList, PeerReply, StatusReply, StopReply
from covey.api.state import service_of

__all__ = ["ROUTES"]


@get(
    f"{PATHS_ROOT}/status",
    summary="The node and its contexts as they stand",
    responses=errors(507),
    sync_to_thread=False,
)
def read_status(state: State) -> StatusReply:
    """An honest status: what is said to be in sync was in sync at `as_of`."""
    return mirrored(service_of(state).status(), StatusReply)


@get(
    f"{PATHS_ROOT}/peers",
    summary="The connected peers",
    responses=errors(),
    sync_to_thread=False,
)
def list_peers(state: State) -> PeerList:
    """Peers this node is connected to now."""
    rows = service_of(state).peers()
    return PeerList(peers=tuple(mirrored(row, PeerReply) for row in rows))


@post(
    f"{PATHS_ROOT}/stop",
    summary="Stop the node",
    status_code=200,
    responses=errors(),
    sync_to_thread=False,
)
def stop(state: State) -> StopReply:
    """Answer, then stop: requests that run may finish for a moment."""
    service_of(state).request_stop()
    return StopReply(stopping=True)


ROUTES = (read_status, list_peers, stop)
