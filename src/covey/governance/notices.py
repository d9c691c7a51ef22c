"""How far the notice of an approved release is, for people who may want to leave before it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from covey.governance.authority import Authority
from covey.governance.code_rule import is_witness
from covey.governance.governor import Governor
from covey.governance.rows import Placed
from covey.governance.witnesses import approvals_given
from covey.model import (
    DeltaId,
    DeviceId,
    Frontier,
    MemberId,
    Quorum,
    ReleaseId,
    Table,
    Tip,
    milliseconds,
)

__all__ = ["Notice", "notices_of"]


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
        given = approvals_given(authority, (number, release), quorum)
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
