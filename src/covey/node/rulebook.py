"""The rules a context is founded with, as its founder says them, and as the charter has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from covey.codec import did_text, is_certificate_valid, parse_certificate, parse_did
from covey.crypto import is_usable_key
from covey.errors import ConfigError
from covey.model import (
    ADMIN_ROLE,
    EXECUTION_METERED,
    Admission,
    ApplicationId,
    Certificate,
    Charter,
    Constraint,
    DeviceId,
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
    "WrongRule",
    "check_rulebook",
    "constraint_of_row",
    "constraint_row",
    "founded",
    "require_members",
]

_ROLE: Final = re.compile(r"[a-z][a-z0-9_-]*")  # what applications can name, application.md
_ROLE_BYTES_MAX = 64
_IDLE_LIMIT_MS = 30 * 24 * 3600 * 1000
_NOTICE_S_MAX = 10 * 366 * 24 * 3600


class WrongRule(ConfigError):
    """A rule that makes no sense, and where it is said.

    field: its name in a file of rules. number: of which constraint, from 0, or None where it is of
    no constraint. value: the text there that is meant, or empty.
    """

    def __init__(self, field: str, why: str, *, value: str = "", number: int | None = None) -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.field = field
        self.why = why
        self.value = value
        self.number = number


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
    """The charter of a new context; its first admin is the founder. Raises WrongRule."""
    check_rulebook(rules, founder)
    return Charter(
        application=application,
        release=release,
        admins=(founder, *(_admin(text) for text in rules.admins)),
        admission=Admission.OPEN,
        roles=rules.roles,
        verification=Verification(rules.verification),
        encryption=Encryption.NONE,
        constraints=tuple(constraint_of_row(row) for row in rules.code),
        admin_quorum=rules.admin_quorum,
        snapshot_witnesses=0,
        idle_limit_ms=_IDLE_LIMIT_MS,
        fuel_budget=rules.fuel_budget,
        module_size_bytes_max=limits.MODULE_SIZE_BYTES_MAX,
        execution=EXECUTION_METERED,
        nonce=nonce,
    )


def check_rulebook(rules: Rulebook, founder: Certificate | None = None) -> None:
    """Whether a context can be founded with these rules. Raises WrongRule.

    founder: who founds it; without it all is checked that does not depend on who that is.
    """
    _check_roles(rules.roles)
    members = _check_admins(rules.admins, founder)
    if rules.admin_quorum and not 2 <= rules.admin_quorum <= members:
        why = f"{rules.admin_quorum}: from 2 to {members}, the founding members"
        if members == 1:
            why = f"{rules.admin_quorum} takes further founders: `admins` has to name them"
        raise WrongRule("admin_quorum", why)
    known = [choice.value for choice in Verification]
    if rules.verification not in known:
        given = rules.verification
        raise WrongRule("verification", f"{given[:32]!r}: one of {', '.join(sorted(known))}")
    least = limits.BUDGET_MIN
    if rules.fuel_budget and not least <= rules.fuel_budget <= limits.SEQUENCE_MAX:
        raise WrongRule("fuel_budget", f"0, or at least {least:_}, which one delta may need")
    named = [_admin(text) for text in rules.admins] + ([] if founder is None else [founder])
    _check_code(rules.code, {each.device: each.member for each in named})


def _check_roles(roles: tuple[str, ...]) -> None:
    for role in roles:
        if not _ROLE.fullmatch(role) or len(role) > _ROLE_BYTES_MAX:
            why = (
                f"{role[:32]!r}: no application could name it; say a-z, then a-z, 0-9, _ and -, "
                f"at most {_ROLE_BYTES_MAX} of them"
            )
            raise WrongRule("roles", why, value=role)
        if role == ADMIN_ROLE:
            raise WrongRule("roles", f"every context has {ADMIN_ROLE!r} already", value=role)
        if roles.count(role) > 1:
            raise WrongRule("roles", f"{role!r} stands there twice", value=role)
    if len(roles) > limits.CHARTER_ROLES_MAX:
        raise WrongRule("roles", f"at most {limits.CHARTER_ROLES_MAX}")


def _check_admins(texts: tuple[str, ...], founder: Certificate | None) -> int:
    """How many members found the context; 1 more than are named while the founder is not known."""
    named: dict[bytes, None] = {} if founder is None else {founder.device: None}
    members: set[bytes] = set() if founder is None else {founder.member}
    for text in texts:
        admin = _admin(text)
        if founder is not None and admin.device == founder.device:
            why = "this node founds the context, and is its first admin anyway: leave it out"
            raise WrongRule("admins", f"{text[:24]}… is this node's own: {why}", value=text)
        if admin.device in named:
            raise WrongRule("admins", f"{text[:24]}… stands there twice", value=text)
        named[admin.device] = None
        members.add(admin.member)
    count = len(texts) + 1
    if count > limits.CHARTER_ADMINS_MAX:
        raise WrongRule("admins", f"at most {limits.CHARTER_ADMINS_MAX - 1} beside the founder")
    return len(members) if founder is not None else len(members) + 1


def _admin(text: str) -> Certificate:
    try:
        certificate = parse_certificate(text)
    except ConfigError as error:
        raise WrongRule("admins", str(error), value=text) from error
    if not is_certificate_valid(certificate):
        raise WrongRule("admins", f"{text[:24]}… does not verify: copy it again", value=text)
    return certificate


def _check_code(rows: Sequence[ConstraintRow], owners: Mapping[DeviceId, MemberId]) -> None:
    if len(rows) > limits.CHARTER_CONSTRAINTS_MAX:
        raise WrongRule("code", f"at most {limits.CHARTER_CONSTRAINTS_MAX} constraints")
    known: dict[Constraint, None] = {}
    for number, row in enumerate(rows):
        try:
            constraint = constraint_of_row(row)
            require_members(row, owners)
        except WrongRule as wrong:
            raise WrongRule(wrong.field, wrong.why, value=wrong.value, number=number) from wrong
        if constraint in known:
            raise WrongRule("constraint", "the same stands there twice", number=number)
        known[constraint] = None


def constraint_of_row(row: ConstraintRow) -> Constraint:
    """The constraint that a row says. Raises WrongRule."""
    if row.constraint != "quorum" and (row.k or row.keys or row.notice_s):
        kind = row.constraint[:32]
        raise WrongRule("constraint", f"{kind!r} has no k, keys or notice: they are of a quorum")
    match row.constraint:
        case "never":
            return Never()
        case "publisher":
            return Publisher()
        case "quorum":
            keys = _keys(row.keys)
            if row.k == 0:
                raise WrongRule("k", f"missing, or 0: from 1 to {len(keys)}, the number of keys")
            if not 1 <= row.k <= len(keys):
                raise WrongRule("k", f"{row.k}: from 1 to the number of keys, {len(keys)}")
            if not 0 <= row.notice_s <= _NOTICE_S_MAX:
                raise WrongRule("notice", "from nothing to ten years")
            return Quorum(row.k, keys, row.notice_s * 1_000)
    raise WrongRule("constraint", f"{row.constraint[:32]!r}: one of never, publisher, quorum")


def _keys(texts: tuple[str, ...]) -> tuple[MemberId, ...]:
    """The members of a quorum: keys that somebody can sign with."""
    most = limits.CHARTER_ADMINS_MAX
    if not 1 <= len(texts) <= most:
        raise WrongRule("keys", f"{len(texts)} are given: 1 to {most} members")
    keys: dict[MemberId, None] = {}
    for text in texts:
        try:
            key = MemberId(parse_did(text))
        except ConfigError as error:
            raise WrongRule("keys", str(error), value=text) from error
        if not is_usable_key(key):
            raise WrongRule("keys", f"nobody can have the key {text}: copy it again", value=text)
        if key in keys:
            raise WrongRule("keys", f"{text} stands there twice", value=text)
        keys[key] = None
    return tuple(keys)


def require_members(row: ConstraintRow, owners: Mapping[DeviceId, MemberId]) -> None:
    """Refuse a quorum with the key of a device: members approve, and a device never can.

    row: one that says a constraint. owners: of the devices that are known. Raises WrongRule.
    """
    members = frozenset(owners.values())
    for text in row.keys:
        key = parse_did(text)
        member = owners.get(DeviceId(key))
        if member is not None and key not in members:
            why = f"{text} is a device, not a member: its member is {did_text(member)}"
            raise WrongRule("keys", why, value=text)


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
