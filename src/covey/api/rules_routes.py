"""Routes about the rules of a context: read them, and govern by them."""

from __future__ import annotations

import msgspec
from litestar import get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, RawBody

from covey.api.described import errors
from covey.api.present import mirrored
from covey.api.rules_schema import (
    CertificateReply,
    ConstraintForm,
    GovernReply,
    GovernRequest,
    RehearsalReply,
    RehearseRequest,
    RulesForm,
    RulesReply,
    RulesRequest,
)
from covey.api.schema import PATHS_ROOT
from covey.api.state import service_of
from covey.node import ConstraintRow, Rulebook, Wish

__all__ = ["ROUTES", "rulebook_of"]

_PATH = f"{PATHS_ROOT}/contexts"


def rulebook_of(form: RulesForm) -> Rulebook:
    """The rules that a founder chose."""
    code = tuple(_constraint(constraint) for constraint in form.code)
    return Rulebook(
        form.roles, code, form.admins, form.admin_quorum, form.verification, form.fuel_budget
    )


def _constraint(form: ConstraintForm) -> ConstraintRow:
    return ConstraintRow(form.constraint, form.k, form.keys, form.notice_s)


@get(
    f"{_PATH}/{{name:str}}/rules",
    summary="The rules of a context",
    responses=errors(404, 409, 507),
    sync_to_thread=False,
)
def read_rules(name: FromPath[str], state: State) -> RulesReply:
    """What can and what can never happen there."""
    return mirrored(service_of(state).rules(name), RulesReply)


@post(
    f"{PATHS_ROOT}/rules",
    summary="The rules of a context that is not joined",
    status_code=200,
    responses=errors(404, 409, 502, 503, 507),
)
async def ask_rules(data: JSONBody[RulesRequest], state: State) -> RulesReply:
    """What its charter says, asked of peers; nothing is joined or kept. Answers within 30 s."""
    return mirrored(await service_of(state).rules_of(data.target), RulesReply)


@post(
    f"{_PATH}/{{name:str}}/govern",
    summary="Govern a context",
    status_code=200,
    responses=errors(404, 409, 507),
)
async def govern(
    name: FromPath[str], data: JSONBody[GovernRequest], body: RawBody, state: State
) -> GovernReply:
    """Remove, give or take a role, tighten, vote, approve, upgrade; or why the rules forbid it."""
    # The framework takes "3" for 3; a slip must not become a rule.
    msgspec.json.decode(body, type=GovernRequest)
    wish = Wish(
        action=data.action,
        who=data.who,
        role=data.role,
        release=data.release,
        migration=data.migration,
        constraint=None if data.constraint is None else _constraint(data.constraint),
        abandons=data.abandon,
    )
    return GovernReply(delta=await service_of(state).govern(name, wish))


@post(
    f"{_PATH}/{{name:str}}/rehearse",
    summary="Try an upgrade",
    status_code=200,
    responses=errors(404, 409, 507),
)
async def rehearse(
    name: FromPath[str], data: JSONBody[RehearseRequest], body: RawBody, state: State
) -> RehearsalReply:
    """What an upgrade and its migration would do now, on a copy; nothing is written or sent."""
    msgspec.json.decode(body, type=RehearseRequest)  # As above: nothing but what was meant.
    row = await service_of(state).rehearse(name, data.release, data.migration)
    return mirrored(row, RehearsalReply)


@get(
    f"{PATHS_ROOT}/node/certificate",
    summary="This device's certificate",
    responses=errors(507),
    sync_to_thread=False,
)
def read_certificate(state: State) -> CertificateReply:
    """For the charter of a context that names this device an admin."""
    return CertificateReply(certificate=service_of(state).certificate())


ROUTES = (read_rules, ask_rules, govern, rehearse, read_certificate)
