"""The rules a context is founded with, as its founder says them, and as the charter has them."""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import did_text, is_certificate_valid, parse_certificate, parse_did
from covey.errors import ConfigError
from covey.model import (
    ADMIN_ROLE,
    EXECUTION_METERED,
    Admission,
    ApplicationId,
    Certificate,
    Charter,
    Constraint,
    Encryption,
    MemberId,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
    Verification,
    limits,
)

__all__ = [
    "NO_RULES",
    "ConstraintRow",
    "Rulebook",
    "constraint_of_row",
    "constraint_row",
    "founded",
]

_ROLE_BYTES_MAX = 64
_IDLE_LIMIT_MS = 30 * 24 * 3600 * 1000
_NOTICE_S_MAX = 10 * 366 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ConstraintRow:
    """One constraint: `never`, `publisher` or `quorum`; keys as did:key, notice in seconds."""

    constraint: str
    k: int = 0
    keys: tuple[str, ...] = ()
    notice_s: int = 0


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What a founder may choose; admins: certificates of further founders, in rank order.

    verification: `replay` or `signature`. fuel_budget: of a device for a minute; 0: no bound.
    """

    roles: tuple[str, ...] = ()
    code: tuple[ConstraintRow, ...] = ()
    admins: tuple[str, ...] = ()
    admin_quorum: int = 0
    verification: str = Verification.REPLAY.value
    fuel_budget: int = 0


NO_RULES = Rulebook()
"""An open context whose admins decide on releases alone, and whose calls all nodes run again."""


def founded(
    application: ApplicationId,
    release: ReleaseId,
    founder: Certificate,
    nonce: bytes,
    rules: Rulebook,
) -> Charter:
    """The charter of a new context; its first admin is the founder. Raises ConfigError."""
    admins = (founder, *(_admin(text) for text in rules.admins))
    if len({admin.device for admin in admins}) != len(admins):
        raise ConfigError("admins: one device stands there twice")
    if len(admins) > limits.CHARTER_ADMINS_MAX:
        raise ConfigError(f"admins: at most {limits.CHARTER_ADMINS_MAX}")
    members = len({admin.member for admin in admins})
    if rules.admin_quorum and not 2 <= rules.admin_quorum <= members:
        raise ConfigError(f"admin_quorum: from 2 to {members}, the members who are admins")
    if len(rules.code) > limits.CHARTER_CONSTRAINTS_MAX:
        raise ConfigError(f"code: at most {limits.CHARTER_CONSTRAINTS_MAX} constraints")
    constraints = tuple(constraint_of_row(row) for row in rules.code)
    if len(set(constraints)) != len(constraints):
        raise ConfigError("code: a constraint stands there twice")
    return Charter(
        application=application,
        release=release,
        admins=admins,
        admission=Admission.OPEN,
        roles=_roles(rules.roles),
        verification=_verification(rules.verification),
        encryption=Encryption.NONE,
        constraints=constraints,
        admin_quorum=rules.admin_quorum,
        snapshot_witnesses=0,
        idle_limit_ms=_IDLE_LIMIT_MS,
        fuel_budget=_budget(rules.fuel_budget),
        module_size_bytes_max=limits.MODULE_SIZE_BYTES_MAX,
        execution=EXECUTION_METERED,
        nonce=nonce,
    )


def _verification(text: str) -> Verification:
    known = {choice.value: choice for choice in Verification}
    if text not in known:
        raise ConfigError(f"verification {text[:32]!r}: one of {', '.join(sorted(known))}")
    return known[text]


def _budget(fuel: int) -> int:
    if fuel and not limits.BUDGET_MIN <= fuel <= limits.SEQUENCE_MAX:
        least = limits.BUDGET_MIN
        raise ConfigError(f"fuel_budget: 0, or at least {least}, which one delta may need")
    return fuel


def _admin(text: str) -> Certificate:
    certificate = parse_certificate(text)
    if not is_certificate_valid(certificate):
        raise ConfigError("admins: a certificate does not verify")
    return certificate


def _roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    for role in roles:
        if not role or len(role.encode()) > _ROLE_BYTES_MAX or not role.isprintable():
            raise ConfigError(f"roles: {role[:32]!r} is no name of 1 to {_ROLE_BYTES_MAX} bytes")
        if role == ADMIN_ROLE:
            raise ConfigError(f"roles: every context has {ADMIN_ROLE!r} already")
    if len(set(roles)) != len(roles) or len(roles) > limits.CHARTER_ROLES_MAX:
        raise ConfigError(f"roles: at most {limits.CHARTER_ROLES_MAX}, each once")
    return roles


def constraint_of_row(row: ConstraintRow) -> Constraint:
    """The constraint that a row says. Raises ConfigError."""
    if row.constraint != "quorum" and (row.k or row.keys or row.notice_s):
        raise ConfigError(f"{row.constraint}: k, keys and notice belong to a quorum")
    match row.constraint:
        case "never":
            return Never()
        case "publisher":
            return Publisher()
        case "quorum":
            keys = tuple(MemberId(parse_did(key)) for key in row.keys)
            if len(set(keys)) != len(keys) or not 1 <= len(keys) <= limits.CHARTER_ADMINS_MAX:
                raise ConfigError(f"keys: 1 to {limits.CHARTER_ADMINS_MAX} members, each once")
            if not 1 <= row.k <= len(keys):
                raise ConfigError(f"k: from 1 to the number of keys, {len(keys)}")
            if not 0 <= row.notice_s <= _NOTICE_S_MAX:
                raise ConfigError("notice: from nothing to ten years")
            return Quorum(row.k, keys, row.notice_s * 1_000)
    raise ConfigError(f"constraint {row.constraint[:32]!r}: one of never, publisher, quorum")


def constraint_row(constraint: Constraint) -> ConstraintRow:
    """A constraint as people read it."""
    match constraint:
        case Never():
            return ConstraintRow("never")
        case Publisher():
            return ConstraintRow("publisher")
        case Quorum(k, keys, notice_ms):
            dids = tuple(did_text(key) for key in keys)
            return ConstraintRow("quorum", k, dids, -(-notice_ms // 1_000))
