"""Routes that look back: what was refused, and audits."""

from __future__ import annotations

from litestar import get, post
from litestar.datastructures import State
from litestar.params import FromPath
from litestar.types import ASGIApp

from covey.api.described import errors, lines
from covey.api.history_schema import AuditLine, ProofReply, RefusedReply, RefusedRow
from covey.api.present import mirrored
from covey.api.schema import PATHS_ROOT, ErrorReply
from covey.api.state import service_of, stopping_of
from covey.api.watch import answer_audit

__all__ = ["ROUTES"]

_PATH = f"{PATHS_ROOT}/contexts"


@get(
    f"{_PATH}/{{name:str}}/refused",
    summary="What was refused",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def list_refused(name: FromPath[str], state: State) -> RefusedReply:
    """What members' devices signed and nobody may apply; of each device the first ones."""
    rows = service_of(state).refused(name)
    return RefusedReply(tuple(mirrored(row, RefusedRow) for row in rows))


@get(
    f"{_PATH}/{{name:str}}/refused/{{delta:str}}",
    summary="A refused delta as it was signed",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def read_proof(name: FromPath[str], delta: FromPath[str], state: State) -> ProofReply:
    """The proof that its author signed it: whoever holds what it follows finds the same."""
    return ProofReply(service_of(state).proof(name, delta).hex())


@post(
    f"{_PATH}/{{name:str}}/audit",
    summary="Verify the whole history from the charter",
    status_code=200,
    responses=errors(404, 409, 507)
    | lines(AuditLine, ErrorReply, description="how far it is, heartbeats, how it ended"),
    sync_to_thread=False,
)
def audit_context(name: FromPath[str], state: State) -> ASGIApp:
    """A stream of lines; the last one says whether everything holds, or what does not first."""
    return answer_audit(service_of(state), name, stopping_of(state))


ROUTES = (list_refused, read_proof, audit_context)
