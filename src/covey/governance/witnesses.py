"""Which deltas show that a notice has run, for who puts a release in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from covey.governance.authority import Authority
from covey.governance.code_rule import is_witness
from covey.governance.governor import Governor
from covey.governance.rows import Placed, approvals
from covey.model import (
    Constraint,
    DeltaId,
    DeviceId,
    Frontier,
    HybridTime,
    MemberId,
    Quorum,
    ReleaseId,
    Table,
    Tip,
    limits,
    milliseconds,
)

__all__ = ["Notice", "notices_of", "witnesses_for"]


@dataclass(frozen=True, slots=True)
class Notice:
    """How far the notice of an approved release is. since_ms: when it began; None: it has not."""

    quorum: Quorum
    since_ms: int | None

    @property
    def until_ms(self) -> int | None:
        """The earliest time of an upgrade that this quorum allows."""
        return None if self.since_ms is None else self.since_ms + self.quorum.notice_ms


def notices_of(
    governor: Governor, authority: Authority, number: int, release: ReleaseId
) -> tuple[Notice, ...]:
    """For each quorum with a notice that approved a release: how far it is, for people.

    A notice begins with the delta that shows it and has the earliest time, whenever it came: an
    upgrade may name any, and who wants to leave before must not be told a later time.
    """
    found = []
    for quorum in governor.rule(authority).constraints:
        given = _given(authority, (number, release), quorum)
        if isinstance(quorum, Quorum) and quorum.notice_ms and given:
            found.append(Notice(quorum, _since_ms(governor, authority, given, quorum)))
    return tuple(found)


def _since_ms(
    governor: Governor, authority: Authority, given: dict[Placed, MemberId], quorum: Quorum
) -> int | None:
    """The earliest time of what shows the approvals outside the keys.

    Walks the chain of each device from where an approval had seen it, and only as long as it is
    earlier than what was found: of most chains that is one delta.
    """
    pasts = [authority.past.upto(at.id).frontier for at in given]
    since: int | None = None
    for device in _authors(authority):
        if _has_only_keys(authority, device, quorum):
            continue
        for at in _since_approved(authority, device, pasts):
            time_ms = milliseconds(authority.past.delta(at.id).core.time)
            if since is not None and time_ms >= since:
                if device in governor.forked:
                    continue
                break  # Times grow along a chain.
            if is_witness(governor, authority, at, given, quorum):
                since = time_ms
    return since


def _authors(authority: Authority) -> Iterator[DeviceId]:
    """Every device of which a delta is applied; those that were closed meanwhile too."""
    before = None
    for (device, *_), _ in authority.past.reader.scan(Table.TIP):
        assert isinstance(device, bytes)
        if device != before:
            yield DeviceId(device)
        before = device


def _has_only_keys(authority: Authority, device: DeviceId, quorum: Quorum) -> bool:
    """Whether a device can never have been anybody's but of a member with a key."""
    members = {row.member for row in authority.admissions(device)}
    members |= {admin.member for admin in authority.charter.admins if admin.device == device}
    return members <= set(quorum.keys)


def _since_approved(
    authority: Authority, device: DeviceId, pasts: list[Frontier]
) -> Iterator[Placed]:
    """A device's deltas that can follow one of some approvals at least, in the order of its chain.

    pasts: of the approvals. What lies in one of them cannot follow it.
    """
    seen = min(min((tip.sequence for tip in past.get(device, ())), default=0) for past in pasts)
    for (_, sequence, name), _ in authority.past.reader.scan(Table.CHAIN, (device,), after=seen):
        assert isinstance(sequence, int)
        assert isinstance(name, bytes)
        yield Placed(device, Tip(sequence, DeltaId(name)))


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
    given = _given(authority, wanted, quorum)
    latest_ms = milliseconds(time) - quorum.notice_ms
    return next(_shown(governor, authority, given, quorum, latest_ms), None) if given else None


def _given(
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
