"""From what a commander wants to governance effects, and what of the rules it is told.

Source: protocols/governance.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from covey.codec import cid_text, did_text, parse_cid, parse_did
from covey.errors import ConfigError, NotFound, Refused
from covey.governance import CodeRule, approvers, devices, named_member, notices_of, voters
from covey.model import (
    ADMIN_ROLE,
    Approve,
    Call,
    Charter,
    Close,
    Demote,
    Denied,
    DeviceId,
    Governance,
    MemberId,
    Never,
    Promote,
    Quorum,
    ReleaseId,
    Tighten,
    Upgrade,
    Vote,
)
from covey.node.foresight import RuleForbids
from covey.node.notices import iso_time
from covey.node.records import Application, Records
from covey.node.rulebook import ConstraintRow, constraint_of_row, constraint_row
from covey.node.sentences import Present, sentences
from covey.node.views import ApprovalRow, MemberRow, VoteRow
from covey.sync import Ledger

__all__ = [
    "RulesRow",
    "Wish",
    "charter_rules",
    "effects_of",
    "ledger_rules",
    "member_rows",
    "migration_of",
]

_Installed: TypeAlias = Callable[[ReleaseId], Application | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done. action: remove, leave, give, take, tighten, vote, approve or upgrade.

    who: a member or a device as did:key. role: with give and take. release: with approve and
    upgrade. migration: the arguments of `migrate`, as JSON, or None where it is not to be called.
    abandons: also where nobody who stays is an admin.
    """

    action: str
    who: str = ""
    role: str = ""
    release: str = ""
    migration: str | None = None
    constraint: ConstraintRow | None = None
    abandons: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesRow:
    """The rules of a context. constraints: all that bind now, the charter's first.

    package: empty where the charter's release is not installed here. fuel_budget: of a device for
    a minute; 0: no bound. number, release, version: what is in force. members: those with a role.
    votes: to remove founders who are there. approvals: of what may come next, for each quorum.
    is_current: whether this is what holds now, or only what the charter said at the beginning.
    """

    id: str
    is_current: bool
    package: str
    admission: str
    verification: str
    encryption: str
    roles: tuple[str, ...]
    admin_quorum: int
    fuel_budget: int
    constraints: tuple[ConstraintRow, ...]
    number: int
    release: str
    version: str
    members: tuple[MemberRow, ...]
    votes: tuple[VoteRow, ...]
    approvals: tuple[ApprovalRow, ...]
    can: tuple[str, ...]
    never: tuple[str, ...]
    unpromised: tuple[str, ...]


def effects_of(
    ledger: Ledger, own: DeviceId, wish: Wish, records: Records
) -> tuple[Governance, ...]:
    """The effects that do what is wished. Raises ConfigError, NotFound and Refused."""
    known = (ADMIN_ROLE, *ledger.charter.roles)
    if wish.action in ("give", "take") and wish.role not in known:
        why = f"this context has no role {wish.role[:64]!r}: it has {', '.join(known)}"
        raise RuleForbids(Denied("unknown-role", why))
    if wish.migration is not None and wish.action != "upgrade":
        raise ConfigError("only an upgrade can run a migration: leave it out")
    match wish.action:
        case "leave":
            return (Close(own, ()),)
        case "remove":
            return tuple(Close(device, ()) for device in _devices(ledger, wish.who))
        case "give":
            return tuple(
                Promote(device, wish.role)
                for device in _devices(ledger, wish.who)
                if wish.role not in ledger.authority.roles(device)
            ) or _nothing(f"held-already: {wish.who} has the role {wish.role}")
        case "take":
            return tuple(
                Demote(device, wish.role, ())
                for device in _devices(ledger, wish.who)
                if wish.role in ledger.authority.roles(device)
            ) or _nothing(f"{wish.who} does not have the role {wish.role}")
        case "vote":
            found = _devices(ledger, wish.who)
            founders = [device for device in found if ledger.authority.is_founder(device)]
            member, given = ledger.authority.member(own), voters(ledger.authority)
            return tuple(
                Vote(device)
                for device in founders or found
                if member not in given.get(device, frozenset())
            ) or _forbidden(Denied("voted-already", f"this member votes to remove {wish.who}"))
        case "tighten":
            if wish.constraint is None:
                raise ConfigError("what is to be added is missing: give a constraint")
            return (Tighten(constraint_of_row(wish.constraint)),)
        case "upgrade":
            return (Upgrade(1, records.manifest(ReleaseId(parse_cid(wish.release))), ()),)
        case "approve":
            return (Approve(1, ReleaseId(parse_cid(wish.release))),)
    raise ConfigError(f"action {wish.action[:32]!r} is not known")


def migration_of(wish: Wish) -> Call | None:
    """The call that an upgrade runs, if it is to run one."""
    return None if wish.migration is None else Call("migrate", wish.migration.encode())


def _nothing(why: str) -> tuple[Governance, ...]:
    raise Refused(why)


def _forbidden(denied: Denied) -> tuple[Governance, ...]:
    raise RuleForbids(denied)


def _devices(ledger: Ledger, who: str) -> list[DeviceId]:
    """The devices of a member, or the one device, that a did:key names."""
    key = parse_did(who)
    known = dict(devices(ledger.authority))
    if key in known:
        return [DeviceId(key)]
    found = [device for device, member in known.items() if member == key]
    if not found:
        was = named_member(ledger.authority, DeviceId(key)) is not None
        why = "was removed already" if was else "is neither a member nor a member's device here"
        raise NotFound(f"{who} {why}")
    return found


def member_rows(ledger: Ledger) -> tuple[MemberRow, ...]:
    """Every device that may write now, founders first, and the roles it holds."""
    return tuple(
        MemberRow(did_text(member), did_text(device), tuple(sorted(ledger.authority.roles(device))))
        for device, member in devices(ledger.authority)
    )


def ledger_rules(ledger: Ledger, installed: _Installed = lambda _: None) -> RulesRow:
    """The rules as they are now. installed: a release, where it is here."""
    rule = ledger.governor.rule(ledger.authority)
    terms = ledger.governor.terms(rule.release)
    said = sentences(ledger.charter, rule.constraints, terms.collections, _present(ledger))
    members = tuple(row for row in member_rows(ledger) if row.roles)
    return replace(
        charter_rules(cid_text(ledger.context), ledger.charter, installed),
        is_current=True,
        constraints=tuple(constraint_row(constraint) for constraint in rule.constraints),
        number=rule.number,
        release=cid_text(rule.release),
        version=terms.version,
        members=members,
        votes=_votes(ledger),
        approvals=_approvals(ledger, rule, installed),
        can=said.can,
        never=said.never,
        unpromised=said.unpromised,
    )


def _present(ledger: Ledger) -> Present:
    authority, there = ledger.authority, devices(ledger.authority)
    admins = {device for device, _ in there if ADMIN_ROLE in authority.roles(device)}
    return Present(
        frozenset(role for device, _ in there for role in authority.roles(device)),
        len({member for _, member in there}),
        len({m for device, m in there if device in admins and authority.is_founder(device)}),
    )


def _votes(ledger: Ledger) -> tuple[VoteRow, ...]:
    authority, needed = ledger.authority, ledger.charter.admin_quorum
    return tuple(
        VoteRow(did_text(member), did_text(device), len(members), needed)
        for device, members in sorted(voters(authority).items())
        if (member := authority.member(device)) is not None
    )


def _approvals(ledger: Ledger, rule: CodeRule, installed: _Installed) -> tuple[ApprovalRow, ...]:
    quorums = [each for each in rule.constraints if isinstance(each, Quorum)]
    return tuple(
        row
        for release, members in sorted(approvers(ledger.authority, rule.number + 1).items())
        for row in _approvals_of(ledger, rule, release, members, quorums, installed(release))
    )


def _approvals_of(
    ledger: Ledger,
    rule: CodeRule,
    release: ReleaseId,
    members: frozenset[MemberId],
    quorums: list[Quorum],
    application: Application | None,
) -> Iterator[ApprovalRow]:
    """For each quorum how far one release is. application: the release, where it is here."""
    runs = {
        notice.quorum: notice
        for notice in notices_of(ledger.governor, ledger.authority, rule.number + 1, release)
        if Never() not in rule.constraints  # Nothing waits for it any more.
    }
    for quorum in quorums:
        run = runs.get(quorum)
        yield ApprovalRow(
            cid_text(release),
            len(members & set(quorum.keys)),
            quorum.k,
            -(-quorum.notice_ms // 1_000),
            None if run is None else _moment(run.since_ms),
            None if run is None else _moment(run.until_ms),
            "" if application is None else application.manifest.package,
            "" if application is None else application.manifest.version,
        )


def _moment(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso_time(time_ms / 1_000)


def charter_rules(
    context: str, charter: Charter, installed: _Installed = lambda _: None
) -> RulesRow:
    """The rules that a charter gives, before anything of the context is known.

    installed: a release, where it is here.
    """
    said = sentences(charter, charter.constraints, ())
    first = installed(charter.release)
    return RulesRow(
        id=context,
        is_current=False,
        package="" if first is None else first.manifest.package,
        admission=charter.admission.value,
        verification=charter.verification.value,
        encryption=charter.encryption.value,
        roles=(ADMIN_ROLE, *charter.roles),
        admin_quorum=charter.admin_quorum,
        fuel_budget=charter.fuel_budget,
        constraints=tuple(constraint_row(constraint) for constraint in charter.constraints),
        number=0,
        release=cid_text(charter.release),
        version="",
        members=tuple(
            MemberRow(did_text(admin.member), did_text(admin.device), (ADMIN_ROLE,))
            for admin in charter.admins
        ),
        votes=(),
        approvals=(),
        can=said.can,
        never=said.never,
        unpromised=said.unpromised,
    )
