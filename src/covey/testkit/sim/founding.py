"""The keys, charter and context of a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from covey.crypto import sha256
from covey.model import Constraint, Never, Publisher, Quorum, Verification
from covey.testkit.identities import Founding, Identity, found, identity
from covey.testkit.sim.application import Application
from covey.testkit.sim.plan import CodePlan, Plan
from covey.testkit.sim.releases import library_of

__all__ = ["Ground", "lay"]


@dataclass(frozen=True, slots=True)
class Ground:
    """A context at its beginning, and who may come to it by the names of their nodes."""

    founding: Founding
    identities: dict[str, Identity]


def lay(plan: Plan, application: Application) -> Ground:
    """Make the context of a plan. Each seed has a context of its own, the keys are by name."""
    identities = {node.name: _identity(node.owner, node.name) for node in plan.nodes}
    admins = [identities[node.name] for node in plan.founders]
    plain = found(*admins, collections=application.collections)
    nonce = sha256(f"{plan.scenario}/{plan.seed}".encode())
    verification = Verification.REPLAY if plan.is_verified else Verification.SIGNATURE
    founding = plain.again(
        release=application.release,
        nonce=nonce,
        verification=verification,
        fuel_budget=plan.fuel_budget,
    )
    if plan.code is not None:
        library = library_of(application)
        constraints = _constraints(plan.code, identities)
        founding = founding.again(
            application=library.application, release=library.first.id, constraints=constraints
        )
    return Ground(founding, identities)


def _constraints(code: CodePlan, identities: dict[str, Identity]) -> tuple[Constraint, ...]:
    quorums = []
    for quorum in code.quorums:
        keys = {identities[name].member_id for name in quorum.keys}
        quorums.append(Quorum(quorum.k, tuple(sorted(keys)), quorum.notice_ms))
    locked: tuple[Constraint, ...] = (Never(),) if code.is_locked else ()
    published: tuple[Constraint, ...] = (Publisher(),) if code.is_published else ()
    return (*locked, *published, *dict.fromkeys(quorums))


@lru_cache(maxsize=2_048)
def _identity(owner: str, name: str) -> Identity:
    return identity(owner, name)
