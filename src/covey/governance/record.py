"""Governance effects of an admissible delta become rows."""

from __future__ import annotations

from covey.codec import cid_of, decode_manifest
from covey.governance.authority import Authority
from covey.governance.code_rule import Words
from covey.governance.rows import (
    AdmissionRow,
    ApprovalRow,
    EvidenceRow,
    Placed,
    PromotionRow,
    RestrictionRow,
    TightenRow,
    UpgradeRow,
    VoteRow,
    put_admission,
    put_approval,
    put_evidence,
    put_governed,
    put_promotion,
    put_restriction,
    put_tighten,
    put_upgrade,
    put_vote,
)
from covey.model import (
    Admission,
    Admit,
    Approve,
    Close,
    Core,
    Delta,
    Demote,
    DeviceId,
    Draft,
    Evidence,
    Frontier,
    Governance,
    Promote,
    ReleaseId,
    Table,
    Tighten,
    Tip,
    Upgrade,
    Vote,
)

__all__ = ["granted_by", "needs_admin", "record_governance", "restricted_by"]


def needs_admin(authority: Authority, author: DeviceId, effect: Governance) -> bool:
    """Whether an effect needs `admin`; authority: the word on its cut."""
    match effect:
        case Promote() | Upgrade() | Tighten() | Vote():
            return True
        case Close(device) | Demote(device):
            return not authority.is_same_member(author, device)
        case Admit(certificate):
            is_closed = authority.charter.admission is Admission.CLOSED
            return is_closed and certificate.member != authority.member(author)
    return False


def restricted_by(core: Core) -> tuple[DeviceId, ...]:
    """The devices that a delta closes or demotes."""
    return tuple(e.device for e in core.governance if isinstance(e, Close | Demote))


def granted_by(core: Core) -> tuple[DeviceId, ...]:
    """The devices that a delta admits or promotes."""
    admitted = (e.certificate.device for e in core.governance if isinstance(e, Admit))
    return (*admitted, *(e.device for e in core.governance if isinstance(e, Promote)))


def record_governance(
    draft: Draft, words: Words, authority: Authority, cut: Frontier, delta: Delta
) -> None:
    """Record what a delta grants, restricts and says; authority: the word on its cut."""
    core = delta.core
    tip = Tip(core.sequence, delta.id)
    is_for_admins = any(needs_admin(authority, core.author, e) for e in core.governance)
    put_governed(draft, core.author, tip, needs_admin=is_for_admins)
    for index, effect in enumerate(core.governance):
        _record(draft, words, authority, cut, core, Placed(core.author, tip, index), effect)


def _record(
    draft: Draft,
    words: Words,
    authority: Authority,
    cut: Frontier,
    core: Core,
    at: Placed,
    effect: Governance,
) -> None:
    match effect:
        case Admit(certificate):
            above = authority.above(core.author)
            row = AdmissionRow(at, core.time, certificate.member, above)
            chains = authority.alive_admissions(core.author)
            is_founder = authority.is_founder(core.author)
            put_admission(draft, certificate.device, row, () if is_founder else chains)
            draft.put(Table.DEVICE, (certificate.device,), b"")
        case Promote(device, role):
            put_promotion(draft, device, PromotionRow(at, role))
        case Close(device) | Demote(device):
            lost = effect.role if isinstance(effect, Demote) else None
            tips = cut.get(device, ())
            is_own = authority.is_same_member(core.author, device)
            is_whole = is_own or authority.is_founder(core.author)
            put_restriction(draft, RestrictionRow(at, device, lost, is_whole, tips))
        case Upgrade(number, manifest):
            release, version = ReleaseId(cid_of(manifest)), decode_manifest(manifest).version
            replaced = words.terms(words.rule(authority).release).version
            put_upgrade(draft, UpgradeRow(at, core.time, number, release, version, replaced))
        case Approve(number, release):
            member = authority.member(core.author)
            assert member is not None, "the author of an admissible delta is a member's device"
            put_approval(draft, ApprovalRow(at, number, release, member))
        case Tighten(constraint):
            put_tighten(draft, TightenRow(at, constraint))
        case Evidence(one):
            put_evidence(draft, EvidenceRow(at, authority.past.delta(one).core.author))
        case Vote(device):
            put_vote(draft, VoteRow(at, device))
