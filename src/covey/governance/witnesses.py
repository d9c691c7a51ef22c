"""Which deltas show that a notice has run, for who puts a release in force."""

from __future__ import annotations

from collections.abc import Iterator

from covey.governance.authority import Authority
from covey.governance.code_rule import is_witness
from covey.governance.governor import Governor
from covey.governance.rows import Placed, approvals
from covey.model import (
    Constraint,
    DeltaId,
    HybridTime,
    MemberId,
    Quorum,
    ReleaseId,
    Table,
    Tip,
    limits,
    milliseconds,
)

__all__ = ["approvals_given", "witnesses_for"]


def witnesses_for(
    governor: Governor, authority: Authority, number: int, release: ReleaseId, time: HybridTime
) -> tuple[DeltaId, ...]:
    """For each quorum with a notice one delta that shows it has run, sorted; none where it has not.

    authority: the word on everything applied. time: of the upgrade. Walks the log from the first
    approval on, as far as deltas are old enough.
    """
    found: dict[DeltaId, None] = {}
    for quorum in governor.rule(authority).constraints:
        if isinstance(quorum, Quorum) and quorum.notice_ms:
            witness = _witness(governor, authority, (number, release), quorum, time)
            if witness is not None:
                found[witness] = None
    return tuple(sorted(found))[: limits.DELTA_WITNESSES_MAX]


def _witness(
    governor: Governor,
    authority: Authority,
    wanted: tuple[int, ReleaseId],
    quorum: Quorum,
    time: HybridTime,
) -> DeltaId | None:
    given = approvals_given(authority, wanted, quorum)
    latest_ms = milliseconds(time) - quorum.notice_ms
    return next(_shown(governor, authority, given, quorum, latest_ms), None) if given else None


def approvals_given(
    authority: Authority, wanted: tuple[int, ReleaseId], constraint: Constraint
) -> dict[Placed, MemberId]:
    """The approvals by keys of a quorum; none where they are too few."""
    if not isinstance(constraint, Quorum):
        return {}
    given = {
        row.at: row.member
        for row in approvals(authority.past.reader)
        if (row.number, row.release) == wanted
        and row.member in constraint.keys
        and authority.holds(row.at)
    }
    return given if len(set(given.values())) >= constraint.k else {}


def _shown(
    governor: Governor,
    authority: Authority,
    given: dict[Placed, MemberId],
    quorum: Quorum,
    latest_ms: int,
) -> Iterator[DeltaId]:
    """The deltas that show the approvals outside the keys, as they came; none that is later."""
    arrivals = [governor.past.arrival(at) for at in given]
    for _, name in authority.past.reader.scan(Table.LOG, (), after=min(arrivals)):
        core = authority.past.delta(DeltaId(name)).core
        if milliseconds(core.time) > latest_ms:
            continue
        at = Placed(core.author, Tip(core.sequence, DeltaId(name)))
        if is_witness(governor, authority, at, given, quorum):
            yield at.id
