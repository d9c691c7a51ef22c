"""May a delta's governance be, at its own cut: protocols/governance.md, "admissible"."""

from __future__ import annotations

from covey.codec import (
    application_id,
    decode_manifest,
    is_certificate_valid,
    is_join_valid,
    version_rank,
)
from covey.errors import ProtocolViolation
from covey.governance.authority import ADMIN, Authority
from covey.governance.code_rule import Words, unmet
from covey.governance.record import needs_admin
from covey.governance.rows import approvals, evidence, votes
from covey.model import (
    ADMIN_ROLE,
    Admission,
    Admit,
    Approve,
    Close,
    ContextId,
    Core,
    DeltaId,
    Demote,
    Denied,
    DeviceId,
    Evidence,
    Frontier,
    Governance,
    Merge,
    Payload,
    Promote,
    Quorum,
    ReleaseTerms,
    Table,
    Tighten,
    Tip,
    Upgrade,
    Vote,
    limits,
)
from covey.rules import Cut

__all__ = ["check_admit", "check_governance", "check_shape", "collection_fault", "last_ids"]

_MIGRATION = "migrate"


def check_shape(core: Core, payload: Payload) -> Denied | None:
    """What may stand together in one delta."""
    is_alone = len(core.governance) == 1
    if Merge() in core.governance and (payload.calls or not is_alone):
        return Denied("wrong-merge", "a merge stands alone")
    if any(isinstance(effect, Upgrade) for effect in core.governance):
        methods = [call.method for call in payload.calls]
        if is_alone and methods in ([], [_MIGRATION]):
            return None
        return Denied("wrong-upgrade", "an upgrade stands alone, with its migration at most")
    if core.governance and payload.calls:
        return Denied("mixed", "a delta has calls or governance, not both")
    return None


def check_governance(
    words: Words, context: ContextId, authority: Authority, cut: Cut, core: Core
) -> Denied | None:
    """Whether all governance of a delta is allowed; authority: the word on its cut.

    cut: the delta's own; other cuts may share the word.
    """
    author = core.author
    if any(needs_admin(authority, author, effect) for effect in core.governance) and (
        not authority.may(author, ADMIN)
    ):
        return Denied("no-admin", "only an admin may do this")
    topics: list[tuple[object, ...]] = []
    for effect in core.governance:
        topic = _topic(effect)
        if topic in topics:
            if isinstance(effect, Admit):
                return Denied("admitted-already", "one delta admits a device twice")
            return Denied("said-twice", "one delta says two things about the same")
        topics.append(topic)
        denied = _check(words, context, authority, cut, core, effect)
        if denied is not None:
            return denied
    return None


def _topic(effect: Governance) -> tuple[object, ...]:
    match effect:
        case Admit(certificate):
            return ("admit", certificate.device)
        case Promote(device, role) | Demote(device, role):
            return ("role", device, role)
        case Close(device):
            return ("close", device)
        case Vote(device):
            return ("vote", device)
    return (type(effect), effect)


def _check(
    words: Words,
    context: ContextId,
    authority: Authority,
    cut: Cut,
    core: Core,
    effect: Governance,
) -> Denied | None:
    match effect:
        case Admit():
            return check_admit(context, authority, effect)
        case Promote():
            return _check_promote(authority, effect)
        case Close() | Demote():
            return _check_restriction(authority, cut, core.author, effect)
        case Tighten():
            return _check_tighten(words, authority, effect)
        case Upgrade():
            return _check_upgrade(words, authority, cut, core, effect)
        case Approve():
            return _check_approve(words, authority, core.author, effect)
        case Evidence():
            return _check_evidence(authority, cut, effect)
        case Vote(device):
            is_seat = authority.is_founder(core.author) and authority.is_founder(device)
            if authority.charter.admin_quorum and is_seat:
                return None
            why = "the charter has no quorum of admins: nobody votes there"
            if authority.charter.admin_quorum:
                why = "only admins of the charter vote, and only on admins of the charter"
            return Denied("no-quorum", why)
    return None


def check_admit(context: ContextId, authority: Authority, admit: Admit) -> Denied | None:
    """Whether an admission is allowed at a cut, by an author who may admit."""
    certificate, join = admit.certificate, admit.join
    if authority.charter.admission is Admission.INVITE or join.invitation is not None:
        return Denied("admission", "invitations are not known to this version")
    if not is_certificate_valid(certificate):
        return Denied("bad-certificate", "the device's certificate does not verify")
    if not is_join_valid(context, certificate, join):
        return Denied("bad-join", "the device did not sign to join this context")
    if authority.member(certificate.device) is not None:
        return Denied("admitted-already", "the device is a member at this cut already")
    if authority.is_closed(certificate.device):
        return Denied("closed", "the device was closed: the member needs a new one")
    return None


def _check_promote(authority: Authority, effect: Promote) -> Denied | None:
    if effect.role not in (ADMIN_ROLE, *authority.charter.roles):
        return Denied("unknown-role", f"this context has no role {effect.role!r}")
    if authority.member(effect.device) is None:
        return Denied("no-member", "the device is no member's")
    if effect.role in authority.roles(effect.device):
        return Denied("held-already", "the device has that role")
    if any(row.role in (None, effect.role) for row in authority.standing(effect.device)):
        return Denied("demoted", "a role that was taken is never given again to that device")
    return None


def _check_restriction(
    authority: Authority, cut: Cut, author: DeviceId, effect: Close | Demote
) -> Denied | None:
    if isinstance(effect, Demote) and effect.role not in (ADMIN_ROLE, *authority.charter.roles):
        return Denied("unknown-role", f"this context has no role {effect.role!r}")
    device = effect.device
    if not authority.is_founder(device) and not authority.admissions(device):
        return Denied("no-member", "the device was never admitted")
    if effect.tips != last_ids(cut.frontier, device):
        return Denied("wrong-tips", "these are not the device's last deltas in the cut")
    if authority.is_same_member(author, device) or _ranks_above(authority, author, device):
        return None
    return Denied("rank", "the author's rank does not reach that device")


def last_ids(frontier: Frontier, device: DeviceId) -> tuple[DeltaId, ...]:
    """What a close of a device names at a cut."""
    return tuple(sorted(tip.id for tip in frontier.get(device, ())))[: limits.DELTA_TIPS_MAX]


def _ranks_above(authority: Authority, author: DeviceId, target: DeviceId) -> bool:
    """R2, at the author's cut."""
    mine, its = authority.rank(author), authority.rank(target)
    if mine is not None:
        return its is None or mine < its or _is_voted(authority, author, target)
    chains = [row.above for row in authority.alive_admissions(target)]
    return its is None and bool(chains) and all(author in chain for chain in chains)


def _is_voted(authority: Authority, author: DeviceId, target: DeviceId) -> bool:
    if not authority.charter.admin_quorum:
        return False
    for_it = {author: None}
    for row in votes(authority.past.reader):
        if row.device == target and authority.holds(row.at):
            for_it[row.at.author] = None
    members = {
        authority.member(device) for device in for_it if ADMIN_ROLE in authority.roles(device)
    }
    return len(members) >= authority.charter.admin_quorum


def _check_tighten(words: Words, authority: Authority, effect: Tighten) -> Denied | None:
    constraints = words.rule(authority).constraints
    if effect.constraint in constraints:
        return Denied("tightened-already", "that constraint binds already")
    if len(constraints) >= limits.CONSTRAINTS_MAX:
        return Denied("too-many", "the code rule has as many constraints as it can")
    return None


def _check_upgrade(
    words: Words, authority: Authority, cut: Cut, core: Core, effect: Upgrade
) -> Denied | None:
    rule, charter = words.rule(authority), authority.charter
    if effect.number != rule.number + 1:
        return Denied("wrong-number", f"the next release has number {rule.number + 1}")
    try:
        manifest = decode_manifest(effect.manifest)
    except ProtocolViolation as violation:
        return Denied("bad-manifest", violation.reason)
    if application_id(manifest.publisher, manifest.package) != charter.application:
        return Denied("other-application", "that is a release of another application")
    now = words.terms(rule.release)
    if (manifest.execution, manifest.abi) != (charter.execution, now.abi):
        return Denied("other-execution", "that release is for another execution version")
    kept = {(c.name, c.rule, c.roles) for c in manifest.collections}
    for collection in now.collections:
        if (collection.name, collection.rule, collection.roles) not in kept:
            why = collection_fault(collection.name, now, manifest.terms)
            return Denied("collection-changed", why)
    if not all(_is_in(authority, cut, witness) for witness in effect.witnesses):
        return Denied("wrong-witness", "a witness is not in the cut")
    faults = [unmet(words, authority, core, effect, each) for each in rule.constraints]
    found = [fault for fault in faults if fault is not None]
    return min(found, key=lambda fault: _UNMET.index(fault.code), default=None)


def collection_fault(name: str, now: ReleaseTerms, then: ReleaseTerms) -> str:
    """What a release does to a collection that it should keep, in a sentence.

    now: of the one in force; then: of the one that is to follow.
    """
    is_there = any(each.name == name for each in then.collections)
    why = f"it {'changes' if is_there else 'drops'} the collection {name}"
    if version_rank(then.version) < version_rank(now.version):
        why += f", and {then.version} is older than {now.version}, which is in force"
    return why


_UNMET = ("locked", "no-newer-version", "not-approved", "notice")


def _is_in(authority: Authority, cut: Cut, delta: DeltaId) -> bool:
    if authority.past.reader.get(Table.DELTA, (delta,)) is None:
        return False
    core = authority.past.delta(delta).core
    return cut.holds(core.author, Tip(core.sequence, delta))


def _check_approve(
    words: Words, authority: Authority, author: DeviceId, effect: Approve
) -> Denied | None:
    rule, member = words.rule(authority), authority.member(author)
    if effect.number != rule.number + 1:
        return Denied("wrong-number", f"the next release has number {rule.number + 1}")
    if not any(isinstance(c, Quorum) and member in c.keys for c in rule.constraints):
        return Denied("no-key", "the author holds no key of a quorum")
    if any(
        (row.number, row.release, row.member) == (effect.number, effect.release, member)
        and authority.holds(row.at)
        for row in approvals(authority.past.reader)
    ):
        return Denied("approved-already", "the member has approved it")
    return None


def _check_evidence(authority: Authority, cut: Cut, effect: Evidence) -> Denied | None:
    if not all(_is_in(authority, cut, delta) for delta in (effect.one, effect.other)):
        return Denied("wrong-evidence", "not both deltas are in the cut")
    one, other = (authority.past.delta(delta).core for delta in (effect.one, effect.other))
    if (one.author, one.sequence) != (other.author, other.sequence):
        return Denied("wrong-evidence", "the two deltas are no fork")
    if any(
        row.guilty == one.author and authority.cut.holds(row.at.author, row.at.tip)
        for row in evidence(authority.past.reader)
    ):
        return Denied("known-already", "the cut holds evidence against that device")
    return None
