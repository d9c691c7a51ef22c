"""What must hold of every admissible delta, by its own cut."""

from __future__ import annotations

from collections.abc import Iterator

from covey.codec import application_id, decode_manifest
from covey.errors import ProtocolViolation
from covey.model import (
    ADMIN_ROLE,
    Admit,
    Approve,
    Close,
    Demote,
    DeviceId,
    Evidence,
    Governance,
    Promote,
    Quorum,
    Tighten,
    Upgrade,
    Vote,
)
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.writing import Writing

__all__ = ["form_faults"]


def form_faults(writing: Writing, mask: Mask) -> Iterator[str]:
    """Which admissible deltas of a set should not have been; and honest ones that were refused."""
    if writing.honest & writing.refused:
        yield "R0 honest refused"
    for known in writing.history.within(mask):
        core, j = known.delta.core, writing.judge(known.past)
        own = [k for k in writing.history.within(known.past) if k.delta.core.author == core.author]
        if len(own) != core.sequence - 1:
            yield "R3 own fork in the cut"
        if core.author not in j.members:
            yield "R1 author no member at its cut"
        if core.release != j.release:
            yield "R6 release of the cut"
        kinds = [type(effect).__name__ for effect in core.governance]
        is_alone = len(kinds) == 1 and not known.payload.calls
        has_migration = kinds == ["Upgrade"] and [c.method for c in known.payload.calls] in (
            [],
            ["migrate"],
        )
        if "Merge" in kinds and not is_alone:
            yield "R0 a merge with others"
        if "Upgrade" in kinds and not has_migration:
            yield "R0 an upgrade with others"
        if kinds and known.payload.calls and not has_migration:
            yield "R0 governance with calls"
        if len({_about(effect) for effect in core.governance}) < len(kinds):
            yield "R0 said twice"
        for effect in core.governance:
            yield from _effect_faults(writing, known, j, effect)


def _about(effect: Governance) -> object:
    match effect:
        case Admit(certificate):
            return "admit", certificate.device
        case Promote(device, role) | Demote(device, role):
            return "role", device, role
        case Close(device) | Vote(device):
            return type(effect), device
    return effect


def _effect_faults(
    writing: Writing, known: Known, j: Judgement, effect: Governance
) -> Iterator[str]:
    match effect:
        case Admit(certificate):
            if certificate.device in j.members:
                yield "R2 admitted again"
            if _is_removed(writing, j, certificate.device, None):
                yield "R2 a closed device admitted"
        case Promote(device, role):
            if role not in (ADMIN_ROLE, *writing.founding.charter.roles):
                yield "R0 a role that is none"
            if device not in j.members or role in j.roles.get(device, ()):
                yield "R0 promoted for nothing"
            if _is_removed(writing, j, device, role):
                yield "R2 a demoted device promoted"
        case Close(device) | Demote(device):
            if effect.tips != writing.tips(known.past, device):
                yield "R0 tips"
            if device not in j.admits and device not in writing.oracle.founders:
                yield "R0 a stranger removed"
        case Tighten(constraint):
            if constraint in j.constraints:
                yield "R6 tightened again"
        case Upgrade():
            yield from _upgrade_faults(writing, known, j, effect)
        case Approve(number):
            member = j.members.get(known.delta.core.author)
            keys = {key for c in j.constraints if isinstance(c, Quorum) for key in c.keys}
            if number != j.number + 1 or member not in keys:
                yield "R6 an approval of nothing"
        case Evidence(one, other):
            pair = [writing.history.known.get(i) for i in (one, other)]
            places = {
                None if p is None else (p.delta.core.author, p.delta.core.sequence) for p in pair
            }
            if any(p is None or not p.bit & known.past for p in pair) or len(places) != 1:
                yield "R3 evidence of nothing"
        case Vote(device):
            seats = writing.oracle.ranks
            if device not in seats or known.delta.core.author not in seats:
                yield "R2 a vote by or on no founder"


def _is_removed(writing: Writing, j: Judgement, device: DeviceId, role: str | None) -> bool:
    """Whether a living close, or demote of a role, stands in the cut of this word."""
    for known in writing.history.within(j.alive):
        for effect in known.delta.core.governance:
            if isinstance(effect, Close) and effect.device == device:
                return True
            if (
                isinstance(effect, Demote)
                and role
                and (effect.device, effect.role)
                == (
                    device,
                    role,
                )
            ):
                return True
    return False


def _upgrade_faults(
    writing: Writing, known: Known, j: Judgement, upgrade: Upgrade
) -> Iterator[str]:
    charter, oracle = writing.founding.charter, writing.oracle
    if upgrade.number != j.number + 1:
        yield "R6 number"
    bits: Mask = 0
    for witness in upgrade.witnesses:
        found = writing.history.known.get(witness)
        bits |= known.bit if found is None else found.bit
    if bits & ~known.past:
        yield "R6 a witness that it did not see"
    try:
        packed = decode_manifest(upgrade.manifest)
    except ProtocolViolation:
        yield "R6 a manifest that is none"
        return
    if application_id(packed.publisher, packed.package) != charter.application:
        yield "R6 another application"
    if (packed.execution, packed.abi) != (charter.execution, oracle.first.abi):
        yield "R6 another execution"
    if not {*oracle.collections(known.delta.core.release, known.past)} <= {*packed.collections}:
        yield "R6 a collection changed"
