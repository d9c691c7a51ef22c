"""R0: may a delta be part of the history, by its own cut alone; the reason where it may not.

Source: protocols/governance.md. What is judged here is authority: chain, clock, form, the rules of
entries and the replay of calls are others' part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from covey.codec import (
    application_id,
    decode_manifest,
    is_certificate_valid,
    is_join_valid,
)
from covey.errors import ProtocolViolation
from covey.model import (
    ADMIN_ROLE,
    Admission,
    Admit,
    Approve,
    Close,
    DeltaId,
    Demote,
    DeviceId,
    Evidence,
    Governance,
    Merge,
    Promote,
    Quorum,
    Tighten,
    Upgrade,
    Vote,
    limits,
)
from covey.testkit.oracle.oracle import upgrade_of

if TYPE_CHECKING:
    from covey.model import ContextId
    from covey.testkit.oracle.history import Known
    from covey.testkit.oracle.judgement import Judgement
    from covey.testkit.oracle.oracle import Oracle

__all__ = ["refusal"]


def refusal(oracle: Oracle, context: ContextId, known: Known) -> str:
    """The code of the first rule of authority that a delta breaks; empty: none."""
    core = known.delta.core
    j = oracle.judge(known.past)
    if core.author in j.forked:
        return "own-fork"
    if core.release != j.release:
        return "wrong-release"
    if core.author not in j.members:
        return "not-admitted"
    shape = _shape(known)
    if shape:
        return shape
    if core.governance and not all(group & j.roles[core.author] for group in oracle.needs(known)):
        return "no-admin"
    for index, effect in enumerate(core.governance):
        if any(_topic(effect) == _topic(other) for other in core.governance[:index]):
            return "admitted-already" if isinstance(effect, Admit) else "said-twice"
        code = _effect(oracle, context, j, known, effect)
        if code:
            return code
    if not core.governance and not all(
        group & j.roles[core.author] for group in oracle.needs(known)
    ):
        return "role-missing"
    return ""


def _shape(known: Known) -> str:
    governance, calls = known.delta.core.governance, known.payload.calls
    alone = len(governance) == 1
    if any(isinstance(effect, Merge) for effect in governance) and (calls or not alone):
        return "wrong-merge"
    if upgrade_of(known) is not None:
        is_migration = not calls or [call.method for call in calls] == ["migrate"]
        return "" if alone and is_migration else "wrong-upgrade"
    return "mixed" if governance and calls else ""


def _topic(effect: Governance) -> tuple[object, ...]:
    """What at most one effect of a delta is about."""
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


def _effect(
    oracle: Oracle, context: ContextId, j: Judgement, known: Known, effect: Governance
) -> str:
    match effect:
        case Admit():
            return _admit(oracle, context, j, effect)
        case Promote():
            return _promote(oracle, j, effect)
        case Close() | Demote():
            return _restriction(oracle, j, known, effect)
        case Tighten(constraint):
            if constraint in j.constraints:
                return "tightened-already"
            return "too-many" if len(j.constraints) >= limits.CONSTRAINTS_MAX else ""
        case Upgrade():
            return _upgrade(oracle, j, known, effect)
        case Approve():
            return _approve(oracle, j, known, effect)
        case Evidence():
            return _evidence(oracle, known, effect)
        case Vote(device):
            charter = oracle.charter
            is_seat = known.delta.core.author in oracle.ranks and device in oracle.ranks
            return "" if charter.admin_quorum and is_seat else "no-quorum"
    return ""


def _admit(oracle: Oracle, context: ContextId, j: Judgement, effect: Admit) -> str:
    certificate = effect.certificate
    if oracle.charter.admission is Admission.INVITE or effect.join.invitation is not None:
        return "admission"
    if not is_certificate_valid(certificate):
        return "bad-certificate"
    if not is_join_valid(context, certificate, effect.join):
        return "bad-join"
    if certificate.device in j.members:
        return "admitted-already"
    if any(r.role is None for r in j.limits.get(certificate.device, ())):
        return "closed"
    return ""


def _promote(oracle: Oracle, j: Judgement, effect: Promote) -> str:
    if effect.role not in (ADMIN_ROLE, *oracle.charter.roles):
        return "unknown-role"
    if effect.device not in j.members:
        return "no-member"
    if effect.role in j.roles[effect.device]:
        return "held-already"
    if any(r.role in (None, effect.role) for r in j.limits.get(effect.device, ())):
        return "demoted"
    return ""


def _restriction(oracle: Oracle, j: Judgement, known: Known, effect: Close | Demote) -> str:
    if isinstance(effect, Demote) and effect.role not in (ADMIN_ROLE, *oracle.charter.roles):
        return "unknown-role"
    if effect.device not in oracle.founders and effect.device not in j.admits:
        return "no-member"
    if effect.tips != _tips(oracle, known, effect.device):
        return "wrong-tips"
    if oracle.is_own(known, effect.device) or _ranks_above(oracle, j, known, effect.device):
        return ""
    return "rank"


def _tips(oracle: Oracle, known: Known, device: DeviceId) -> tuple[DeltaId, ...]:
    """The first of the sorted ids of a device's deltas that none of it in the cut continues."""
    own = [d for d in oracle.history.within(known.past) if d.delta.core.author == device]
    continued = {d.delta.core.previous for d in own}
    tips = sorted(d.delta.id for d in own if d.delta.id not in continued)
    return tuple(tips[: limits.DELTA_TIPS_MAX])


def _ranks_above(oracle: Oracle, j: Judgement, known: Known, target: DeviceId) -> bool:
    """R2, at the actor's cut: may it close or demote the target?"""
    actor = known.delta.core.author
    if actor in oracle.ranks:
        if target not in oracle.ranks or oracle.ranks[actor] < oracle.ranks[target]:
            return True
        return _is_voted(oracle, j, known, target)
    chains = [
        j.above[grant.known.delta.id]
        for grant in j.admits.get(target, ())
        if j.alive & grant.known.bit
    ]
    return target not in oracle.founders and bool(chains) and all(actor in c for c in chains)


def _is_voted(oracle: Oracle, j: Judgement, known: Known, target: DeviceId) -> bool:
    """Whether enough charter admins, the actor among them, want the target closed."""
    if not oracle.charter.admin_quorum:
        return False
    for_it = {known.delta.core.author} | {
        each.delta.core.author
        for each in oracle.history.within(j.alive)
        if Vote(target) in each.delta.core.governance
    }
    seats = {device for device in for_it if ADMIN_ROLE in j.roles.get(device, ())}
    return len({j.members[device] for device in seats}) >= oracle.charter.admin_quorum


def _upgrade(oracle: Oracle, j: Judgement, known: Known, effect: Upgrade) -> str:
    if effect.number != j.number + 1:
        return "wrong-number"
    try:
        manifest = decode_manifest(effect.manifest)
    except ProtocolViolation:
        return "bad-manifest"
    if application_id(manifest.publisher, manifest.package) != oracle.charter.application:
        return "other-application"
    if (manifest.execution, manifest.abi) != (oracle.charter.execution, oracle.first.abi):
        return "other-execution"
    kept = {(c.name, c.rule, c.roles) for c in manifest.collections}
    for collection in oracle.collections(known.delta.core.release, known.past):
        if (collection.name, collection.rule, collection.roles) not in kept:
            return "collection-changed"
    if not all(oracle.history.known[w].bit & known.past for w in _held(oracle, effect)):
        return "wrong-witness"
    if len(_held(oracle, effect)) != len(effect.witnesses):
        return "wrong-witness"
    codes = [oracle.refusal(known, effect, c) for c in j.constraints]
    for code in ("locked", "no-newer-version", "not-approved", "notice"):
        if code in codes:
            return code
    return ""


def _held(oracle: Oracle, effect: Upgrade) -> list[DeltaId]:
    return [witness for witness in effect.witnesses if witness in oracle.history.known]


def _approve(oracle: Oracle, j: Judgement, known: Known, effect: Approve) -> str:
    if effect.number != j.number + 1:
        return "wrong-number"
    member = j.members[known.delta.core.author]
    quorums = [c for c in j.constraints if isinstance(c, Quorum)]
    if not any(member in quorum.keys for quorum in quorums):
        return "no-key"
    if any(
        effect in each.delta.core.governance and oracle.author_of(each) == member
        for each in oracle.history.within(j.alive)
    ):
        return "approved-already"
    return ""


def _evidence(oracle: Oracle, known: Known, effect: Evidence) -> str:
    pair = [oracle.history.known.get(DeltaId(i)) for i in (effect.one, effect.other)]
    if any(each is None or not each.bit & known.past for each in pair):
        return "wrong-evidence"
    chains = {
        (each.delta.core.author, each.delta.core.sequence) for each in pair if each is not None
    }
    if len(chains) != 1:
        return "wrong-evidence"
    guilty = next(iter(chains))[0]
    told = [
        other
        for each in oracle.history.within(known.past)
        for other in each.delta.core.governance
        if isinstance(other, Evidence)
    ]
    if any(oracle.history.known[other.one].delta.core.author == guilty for other in told):
        return "known-already"
    return ""
