"""Charters: encoding; the id of a context is the CID of these bytes.

Source: protocols/charter.md.
"""

from __future__ import annotations

import enum
from typing import TypeVar

from covey.codec import shape
from covey.codec.certificate import certificate_of, certificate_packed, is_certificate_valid
from covey.codec.cid import cid_of, is_cid
from covey.codec.constraint import constraint_of, constraint_packed
from covey.codec.packing import Packed, pack
from covey.errors import ProtocolViolation
from covey.model import (
    Admission,
    ApplicationId,
    Charter,
    ContextId,
    Encryption,
    ReleaseId,
    Verification,
    limits,
)

__all__ = ["charter_id", "decode_charter", "encode_charter"]

_VERSION = 1
_I63 = 2**63 - 1
_Choice = TypeVar("_Choice", bound=enum.Enum)


def charter_id(packed: bytes) -> ContextId:
    """The context id of an encoded charter."""
    return ContextId(cid_of(packed))


def encode_charter(charter: Charter) -> bytes:
    """The one encoding of a charter."""
    return pack(
        (
            _VERSION,
            charter.application,
            charter.release,
            tuple(certificate_packed(admin) for admin in charter.admins),
            charter.admission.value,
            charter.roles,
            charter.verification.value,
            charter.encryption.value,
            tuple(constraint_packed(c) for c in charter.constraints),
            charter.admin_quorum,
            charter.snapshot_witnesses,
            charter.idle_limit_ms,
            charter.fuel_budget,
            charter.module_size_bytes_max,
            charter.execution,
            charter.nonce,
        )
    )


def decode_charter(packed: bytes) -> Charter:
    """The charter in some bytes; the admins' certificates are checked.

    Raises ProtocolViolation.
    """
    parts = shape.versioned(
        packed, _VERSION, "charter", limits.CHARTER_SIZE_BYTES_MAX, limits.ELEMENTS_MAX
    )
    (_, application, release, admins, admission, roles, verification, encryption, constraints,
     quorum, witnesses, idle, budget, module_size, execution, nonce) = shape.fields(
        parts, 16, "charter")  # fmt: skip
    charter = Charter(
        application=ApplicationId(shape.exactly(application, 32, "application")),
        release=ReleaseId(shape.exactly(release, 36, "release")),
        admins=tuple(
            certificate_of(a) for a in shape.array(admins, limits.CHARTER_ADMINS_MAX, "admins")
        ),
        admission=_choice(Admission, admission, "admission"),
        roles=tuple(
            shape.text(r, 64, "role") for r in shape.array(roles, limits.CHARTER_ROLES_MAX, "roles")
        ),
        verification=_choice(Verification, verification, "verification"),
        encryption=_choice(Encryption, encryption, "encryption"),
        constraints=tuple(
            constraint_of(c)
            for c in shape.array(constraints, limits.CHARTER_CONSTRAINTS_MAX, "constraints")
        ),
        admin_quorum=shape.integer(quorum, 0, limits.CHARTER_ADMINS_MAX, "admin quorum"),
        snapshot_witnesses=shape.integer(witnesses, 0, 1024, "snapshot witnesses"),
        idle_limit_ms=shape.integer(idle, 0, _I63, "idle limit"),
        fuel_budget=shape.integer(budget, 0, _I63, "fuel budget"),
        module_size_bytes_max=shape.integer(
            module_size, 1, 4 * limits.MODULE_SIZE_BYTES_MAX, "module size"
        ),
        execution=shape.text(execution, 64, "execution"),
        nonce=shape.exactly(nonce, 32, "nonce"),
    )
    _check(charter)
    return charter


def _check(charter: Charter) -> None:
    if not is_cid(charter.release):
        raise ProtocolViolation("wrong-shape", "release is not a content address")
    if not charter.admins:
        raise ProtocolViolation("wrong-shape", "a charter has at least one admin")
    devices = [admin.device for admin in charter.admins]
    if len(set(devices)) != len(devices):
        raise ProtocolViolation("wrong-shape", "two admins share a device")
    if not all(is_certificate_valid(admin) for admin in charter.admins):
        raise ProtocolViolation("bad-certificate", "an admin's certificate does not verify")


def _choice(kind: type[_Choice], value: Packed, name: str) -> _Choice:
    try:
        return kind(shape.text(value, 32, name))
    except ValueError:
        raise ProtocolViolation(
            "unknown-version", f"{name} {value!r} is not known: upgrade needed"
        ) from None
