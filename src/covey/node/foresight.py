"""What a node does not write though the rules would let it, and what a refusal leaves open."""

from __future__ import annotations

from collections.abc import Iterable

from covey.codec import cid_text, did_text, version_rank
from covey.errors import Refused
from covey.governance import collection_fault, notices_of, voters
from covey.model import (
    Close,
    Denied,
    DeviceId,
    Governance,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
)
from covey.node.notices import iso_time
from covey.node.records import Application
from covey.node.sentences import span_text
from covey.sync import Ledger

__all__ = ["RuleForbids", "check_approval", "in_force_already", "notice_told", "way_out"]


class RuleForbids(Refused):
    """A rule said no to what this node wished to write. code: the rule's."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(f"{denied.code}: {denied.reason}")
        self.code = denied.code


def in_force_already(ledger: Ledger, release: ReleaseId) -> Denied | None:
    """Why a release is not put in force again: nothing would change but its number."""
    rule = ledger.governor.rule(ledger.authority)
    if release != rule.release:
        return None
    version = ledger.governor.terms(release).version
    return Denied("in-force", f"version {version} is in force already, as number {rule.number}")


def check_approval(ledger: Ledger, release: ReleaseId, application: Application | None) -> None:
    """Refuse to approve what could never come into force, as far as it is known here.

    application: the release, where it is installed. An approval is for good, and tells others that
    somebody looked at it. Raises RuleForbids.
    """
    denied = _locked(ledger) or in_force_already(ledger, release)
    if denied is None and application is not None:
        denied = _misfit(ledger, application)
    if denied := denied or _unneeded(ledger, release):
        raise RuleForbids(denied)


def _locked(ledger: Ledger) -> Denied | None:
    if Never() not in ledger.governor.rule(ledger.authority).constraints:
        return None
    return Denied("locked", "the code of this context can never change")


def _unneeded(ledger: Ledger, release: ReleaseId) -> Denied | None:
    rule = ledger.governor.rule(ledger.authority)
    if any(isinstance(each, Quorum) for each in rule.constraints):
        return None
    command = f"covey context upgrade CONTEXT {cid_text(release)}"
    return Denied("not-needed", f"no approval is needed there: an admin runs `{command}` next")


def _misfit(ledger: Ledger, application: Application) -> Denied | None:
    """As the judgement of the upgrade would say, but for approvals and notice."""
    rule, charter = ledger.governor.rule(ledger.authority), ledger.charter
    now, then = ledger.governor.terms(rule.release), application.manifest
    if application.application_id != charter.application:
        return Denied("other-application", f"that is a release of {then.package}, another one")
    if (then.execution, then.abi) != (charter.execution, now.abi):
        return Denied("other-execution", "that release is for another execution version")
    kept = {(c.name, c.rule, c.roles) for c in then.collections}
    for collection in now.collections:
        if (collection.name, collection.rule, collection.roles) not in kept:
            why = collection_fault(collection.name, now, then.terms)
            return Denied("collection-changed", why)
    is_newer = version_rank(then.version) > version_rank(now.version)
    if not is_newer and Publisher() in rule.constraints:
        why = f"{then.version} is not newer than {now.version}, which is in force"
        return Denied("no-newer-version", why)
    return None


def way_out(ledger: Ledger, own: DeviceId, effects: Iterable[Governance], denied: Denied) -> Denied:
    """A denial that names what may be done instead, where something may."""
    authority, quorum = ledger.authority, ledger.charter.admin_quorum
    if denied.code != "rank" or not quorum or not authority.is_founder(own):
        return denied
    for effect in effects:
        if isinstance(effect, Close) and authority.is_founder(effect.device):
            command = f"covey context vote CONTEXT {did_text(effect.device)}"
            why = f"{quorum} admins of the charter can remove it together: `{command}`"
            given = voters(authority).get(effect.device, frozenset())
            if authority.member(own) in given:
                why = (
                    f"this member has voted already ({len(given)} of {quorum} votes so far): "
                    f"another admin of the charter must vote, `{command}`"
                )
            return Denied(denied.code, f"{denied.reason}; {why}")
    return denied


def notice_told(ledger: Ledger, release: ReleaseId) -> Denied:
    """Why an approved release has to wait for its notice: what begins it, or when it is over."""
    number = ledger.governor.rule(ledger.authority).number + 1
    told = []
    for notice in notices_of(ledger.governor, ledger.authority, number, release):
        span = span_text(-(-notice.quorum.notice_ms // 1_000))
        if notice.since_ms is None or notice.until_ms is None:
            told.append(
                f"the notice of {span} has not begun: it begins when a member without any key of "
                "the quorum, who has seen the approvals, writes something"
            )
        else:
            since = iso_time(notice.since_ms / 1_000)
            over = iso_time(notice.until_ms / 1_000)
            told.append(f"the notice of {span} runs from {since} until {over}: try again then")
    return Denied("notice", "; ".join(told))
