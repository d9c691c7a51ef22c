"""Which deltas show that a notice has run, for who puts a release in force."""

from __future__ import annotations

from covey.governance.authority import Authority
from covey.governance.code_rule import is_witness
from covey.governance.governor import Governor
from covey.governance.rows import Placed, approvals
from covey.model import DeltaId, HybridTime, Quorum, ReleaseId, Table, Tip, limits, milliseconds

__all__ = ["witnesses_for"]


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
    reader = authority.past.reader
    given = {
        row.at: row.member
        for row in approvals(reader)
        if (row.number, row.release) == wanted
        and row.member in quorum.keys
        and authority.holds(row.at)
    }
    if len(set(given.values())) < quorum.k:
        return None
    arrivals = [governor.past.arrival(at) for at in given]
    for _, name in reader.scan(Table.LOG, (), after=min(arrivals)):
        core = authority.past.delta(DeltaId(name)).core
        if milliseconds(time) - milliseconds(core.time) < quorum.notice_ms:
            continue
        at = Placed(core.author, Tip(core.sequence, DeltaId(name)))
        if is_witness(governor, authority, at, given, quorum):
            return at.id
    return None
