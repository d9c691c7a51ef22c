"""Routes about contexts: found, join, look at, set, leave, forget."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import delete, get, patch, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter, RawBody
from litestar.types import ASGIApp

from covey.api.context_schema import ContextList, ContextReply
from covey.api.described import errors, lines
from covey.api.present import applied_row, context_reply, mirrored
from covey.api.rules_routes import rulebook_of
from covey.api.rules_schema import LeaveReply, LeaveRequest
from covey.api.schema import (
    PATHS_ROOT,
    AppliedRow,
    CreateRequest,
    ErrorReply,
    JoinReply,
    JoinRequest,
    LogReply,
    SettingsReply,
    SettingsRequest,
    TicketReply,
)
from covey.api.state import service_of, stopping_of
from covey.api.waits_schema import WaitsReply
from covey.api.watch import answer_watch
from covey.model import limits
from covey.node import SettingsChange

__all__ = ["ROUTES"]

_PATH = f"{PATHS_ROOT}/contexts"
_After = Annotated[int, QueryParameter(ge=0, description="the arrival number to go on after")]
_Since = Annotated[
    int | None,
    QueryParameter(ge=0, description="the arrival number to go on after; without it, from now on"),
]
_Abandon = Annotated[
    bool,
    QueryParameter(description="whether to do it also where nobody who stays is an admin"),
]
_Limit = Annotated[
    int, QueryParameter(ge=1, le=limits.API_LOG_ROWS_MAX, description="rows at most")
]


@get(_PATH, summary="The contexts of this node", responses=errors(507), sync_to_thread=False)
def list_contexts(state: State) -> ContextList:
    """Every context this node holds, admitted to it or not."""
    return ContextList(contexts=tuple(context_reply(r) for r in service_of(state).contexts()))


@post(_PATH, summary="Found a context", status_code=200, responses=errors(404, 507))
async def create_context(
    data: JSONBody[CreateRequest], body: RawBody, state: State
) -> ContextReply:
    """Found a context of an installed application; this node is its first member."""
    # The framework takes "3" for 3; a slip must not become a rule, which is for ever.
    msgspec.json.decode(body, type=CreateRequest)
    rules = rulebook_of(data.rules)
    row = await service_of(state).create_context(data.application, data.name, rules)
    return context_reply(row)


@post(
    f"{PATHS_ROOT}/join",
    summary="Join a context",
    status_code=200,
    responses=errors(404, 409, 502, 503, 507),
)
async def join_context(data: JSONBody[JoinRequest], state: State) -> JoinReply:
    """Fetch and check charter, manifest and module, then ask to be admitted.

    Answers within 30 s; where `admitted` is false the node keeps trying, and `why` says what is
    in the way. 409 where it can never be joined like this.
    """
    return mirrored(await service_of(state).join(data.target, data.name), JoinReply)


@get(
    f"{_PATH}/{{name:str}}",
    summary="One context",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def read_context(name: FromPath[str], state: State) -> ContextReply:
    """name: id, local name or unique prefix."""
    return context_reply(service_of(state).context(name))


@get(
    f"{_PATH}/{{name:str}}/settings",
    summary="The network settings of a context",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def read_settings(name: FromPath[str], state: State) -> SettingsReply:
    """How this node takes part in its network."""
    return mirrored(service_of(state).settings(name), SettingsReply)


@patch(
    f"{_PATH}/{{name:str}}/settings",
    summary="Change the network settings of a context",
    responses=errors(404, 507),
)
async def change_settings(
    name: FromPath[str], data: JSONBody[SettingsRequest], body: RawBody, state: State
) -> SettingsReply:
    """It holds at once, also for connected peers, and over restarts; all of it or nothing."""
    # The framework takes "3" for 3 and "true" for true; a slip must not become a setting.
    msgspec.json.decode(body, type=SettingsRequest)
    change = SettingsChange(
        degree=data.degree,
        peers_max=data.max_peers,
        allow=data.allow,
        deny=data.deny,
        static=data.static,
        role=data.role,
        is_announced=data.announce,
        is_reset=data.reset,
    )
    return mirrored(await service_of(state).change_settings(name, change), SettingsReply)


@delete(
    f"{_PATH}/{{name:str}}",
    summary="Forget a context",
    status_code=204,
    responses=errors(404, 409, 507),
)
async def forget_context(name: FromPath[str], state: State, abandon: _Abandon = False) -> None:
    """Stop and forget it on this node; the other members keep it, and are told nothing.

    This device stays a member there and is never used there again: who joins again has another.
    """
    await service_of(state).forget(name, abandons=abandon)


@post(
    f"{_PATH}/{{name:str}}/leave",
    summary="Leave a context for good",
    status_code=200,
    responses=errors(404, 409, 507),
)
async def leave_context(
    name: FromPath[str], data: JSONBody[LeaveRequest], body: RawBody, state: State
) -> LeaveReply:
    """Close this device there, give the others some seconds to learn of it, then forget it here."""
    # The framework takes "true" for true; a slip must not become a decision.
    msgspec.json.decode(body, type=LeaveRequest)
    return mirrored(await service_of(state).leave(name, abandons=data.abandon), LeaveReply)


@get(
    f"{_PATH}/{{name:str}}/waits",
    summary="What a context waits for",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def read_waits(name: FromPath[str], state: State) -> WaitsReply:
    """What joins and calls of it wait for now: a member, code, or the fuel budget."""
    return WaitsReply(service_of(state).waits_for(name))


@post(
    f"{_PATH}/{{name:str}}/ticket",
    summary="A ticket to join by",
    status_code=200,
    responses=errors(404),
    sync_to_thread=False,
)
def make_ticket(name: FromPath[str], state: State) -> TicketReply:
    """The context's id and addresses where it can be found."""
    return TicketReply(ticket=service_of(state).ticket(name))


@get(
    f"{_PATH}/{{name:str}}/log",
    summary="The applied deltas, in order of arrival",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def read_log(name: FromPath[str], state: State, after: _After = 0, limit: _Limit = 100) -> LogReply:
    """One page, which may be shorter than `limit`; `next` is the `after` of the following one."""
    rows = service_of(state).log(name, after, limit)
    is_full = len(rows) == min(limit, limits.LOG_PAGE_ROWS)
    return LogReply(
        rows=tuple(applied_row(*row) for row in rows), next=rows[-1][0] if is_full else None
    )


@get(
    f"{_PATH}/{{name:str}}/watch",
    summary="Applied deltas as they come",
    responses=errors(404, 507)
    | lines(AppliedRow, ErrorReply, description="rows, heartbeats, a last error"),
    sync_to_thread=False,
)
def watch_context(name: FromPath[str], state: State, after: _Since = None) -> ASGIApp:
    """A stream of lines. After its first line, which is empty, nothing is missed.

    A watcher that does not keep up is cut off with a last line `{"error": …}`.
    """
    return answer_watch(service_of(state), name, after, stopping_of(state))


ROUTES = (
    list_contexts,
    create_context,
    join_context,
    read_context,
    read_settings,
    change_settings,
    forget_context,
    leave_context,
    read_waits,
    make_ticket,
    read_log,
    watch_context,
)
