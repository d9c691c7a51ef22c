"""The keys, charter and collections of a simulated context."""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import charter_id, cid_of, encode_charter, make_certificate, make_join
from covey.crypto import Signer, exchange_public_key, sha256
from covey.model import (
    EXECUTION_METERED,
    Admission,
    ApplicationId,
    Certificate,
    Charter,
    Collection,
    ContextId,
    DeviceId,
    Encryption,
    Join,
    PeerId,
    ReleaseId,
    Rule,
    Verification,
)
from tests.simulation.sim.plan import Plan

__all__ = ["COLLECTIONS", "RELEASE", "Founding", "Identity", "found"]

RELEASE = ReleaseId(cid_of(b"simulated"))

COLLECTIONS = (
    Collection("cards", Rule.OWNED, ()),
    Collection("counts", Rule.COUNTER, ()),
    Collection("notes", Rule.REGISTER, ()),
    Collection("rulings", Rule.REGISTER, ("admin",)),
    Collection("stamps", Rule.FROZEN, ()),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """One node's keys."""

    peer: PeerId
    device: Signer
    certificate: Certificate
    join: Join


@dataclass(frozen=True, slots=True)
class Founding:
    """A context at its beginning, and who may come to it."""

    context: ContextId
    charter: Charter
    identities: dict[str, Identity]


def found(plan: Plan) -> Founding:
    """Make the context of a plan."""
    certificates = {}
    devices = {}
    for node in plan.nodes:
        owner = plan.nodes[0] if node in plan.companions else node
        member = Signer.from_seed(_secret(plan, owner, "member"))
        devices[node] = Signer.from_seed(_secret(plan, node, "device"))
        exchange = exchange_public_key(_secret(plan, node, "exchange"))
        device = DeviceId(devices[node].public)
        certificates[node] = make_certificate(member, device, exchange)
    charter = Charter(
        application=ApplicationId(sha256(b"simulated application")),
        release=RELEASE,
        admins=tuple(certificates[node] for node in plan.nodes[: plan.founders]),
        admission=Admission.OPEN,
        roles=(),
        verification=Verification.SIGNATURE,
        encryption=Encryption.NONE,
        constraints=(),
        admin_quorum=0,
        snapshot_witnesses=0,
        idle_limit_ms=0,
        fuel_budget=0,
        module_size_bytes_max=2**20,
        execution=EXECUTION_METERED,
        nonce=_secret(plan, "", "nonce"),
    )
    context = charter_id(encode_charter(charter))
    identities = {
        node: Identity(
            PeerId(node),
            devices[node],
            certificates[node],
            make_join(devices[node], context, certificates[node]),
        )
        for node in plan.nodes
    }
    return Founding(context, charter, identities)


def _secret(plan: Plan, node: str, purpose: str) -> bytes:
    return sha256(f"{plan.seed}/{node}/{purpose}".encode())
