"""Routes that run methods of applications."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from litestar import Request, post
from litestar.datastructures import State
from litestar.openapi.spec import (
    OpenAPIMediaType,
    Operation,
    Reference,
    RequestBody,
)
from litestar.params import FromPath, JSONBody, RawBody
from litestar.types import ASGIApp

from covey.api.batch import answer_batch
from covey.api.described import errors, lines
from covey.api.present import call_reply, query_reply
from covey.api.schema import (
    PATHS_ROOT,
    BatchReply,
    CallReply,
    CallRequest,
    ErrorReply,
    QueryReply,
)
from covey.api.state import service_of
from covey.api.streams import LINES_TYPE, until_left
from covey.errors import NodeError, PeerUnavailable
from covey.model import limits

__all__ = ["ROUTES"]

_PATH = f"{PATHS_ROOT}/contexts/{{name:str}}"
_decode = msgspec.json.Decoder(CallRequest).decode


class _CallBody(Request[object, object, State]):
    """A request whose arguments stay the bytes they came as."""

    async def json(self) -> CallRequest:
        """The call in the body; msgspec.DecodeError where there is none."""
        return _decode(await self.body())


def _lines_body() -> RequestBody:
    line = Reference(ref="#/components/schemas/CallRequest")
    return RequestBody(
        content={LINES_TYPE: OpenAPIMediaType(schema=line)},
        required=True,
        description=f"one call a line, at most {limits.API_BATCH_BYTES_MAX} bytes",
    )


@dataclass
class _BatchOperation(Operation):
    """A request whose body is lines of calls."""

    def __post_init__(self) -> None:
        """The framework sees a raw body and describes none."""
        self.request_body = _lines_body()


@post(
    f"{_PATH}/call",
    summary="Call a method",
    status_code=200,
    request_class=_CallBody,
    responses=errors(404, 409, 413, 507),
)
async def call_method(name: FromPath[str], data: JSONBody[CallRequest], state: State) -> CallReply:
    """Run a method that may write; answers when what it changed is durable.

    Calls that wait together are committed together. Before admission it waits up to 10 s.
    """
    return call_reply(await service_of(state).call(name, data.method, bytes(data.args)))


@post(
    f"{_PATH}/query",
    summary="Query a method",
    status_code=200,
    request_class=_CallBody,
    responses=errors(404, 409, 413, 507),
)
async def query_method(
    name: FromPath[str],
    data: JSONBody[CallRequest],
    state: State,
    request: Request[object, object, State],
) -> QueryReply:
    """Run a method that reads; it ends when its client leaves."""
    outcome: QueryReply | NodeError = PeerUnavailable("the client left")
    async with until_left(request.receive):
        try:
            row = await service_of(state).query(name, data.method, bytes(data.args))
            outcome = query_reply(row)
        except NodeError as error:
            outcome = error  # Raised below: a group of tasks would wrap it.
    if isinstance(outcome, NodeError):
        raise outcome
    return outcome


@post(
    f"{_PATH}/batch",
    summary="Call many methods",
    status_code=200,
    operation_class=_BatchOperation,
    responses=errors(404, 409, 413, 507)
    | lines(BatchReply, ErrorReply, description="one line for each of the request, in order"),
)
async def call_batch(name: FromPath[str], body: RawBody, state: State) -> ASGIApp:
    """Run calls in order, in as few deltas as the limits allow; a call that fails stops no other.

    The request is read whole, then the reply streams as calls take effect.
    """
    return answer_batch(service_of(state), name, body)


ROUTES = (call_method, query_method, call_batch)
