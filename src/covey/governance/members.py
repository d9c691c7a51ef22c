"""Who is here, for people: members' devices by everything a node holds."""

from __future__ import annotations

from covey.governance.authority import Authority
from covey.governance.rows import approvals, votes
from covey.model import ADMIN_ROLE, DeviceId, MemberId, ReleaseId, Table, limits

__all__ = ["approvers", "devices", "named_member", "voters"]


def devices(authority: Authority) -> tuple[tuple[DeviceId, MemberId], ...]:
    """The devices that are members' at a cut, founders first; a count for people."""
    candidates = [admin.device for admin in authority.charter.admins]
    for key, _ in authority.past.reader.scan(Table.DEVICE):
        assert isinstance(key[0], bytes)
        candidates.append(DeviceId(key[0]))
        if len(candidates) >= limits.SYNC_FRONTIER_DEVICES_MAX:
            break
    known = {device: authority.member(device) for device in candidates}
    return tuple((device, member) for device, member in known.items() if member is not None)


def named_member(authority: Authority, device: DeviceId) -> MemberId | None:
    """Whose a device is or was, whatever became of it; None where it was never admitted."""
    member = authority.member(device)
    if member is not None:
        return member
    for admin in authority.charter.admins:
        if admin.device == device:
            return admin.member
    rows = authority.admissions(device)
    return min(rows, key=lambda row: (row.time, row.at.id)).member if rows else None


def voters(authority: Authority) -> dict[DeviceId, frozenset[MemberId]]:
    """The founders' devices that somebody votes to remove, and the members whose votes count."""
    found: dict[DeviceId, frozenset[MemberId]] = {}
    for row in votes(authority.past.reader):
        member = authority.member(row.at.author)
        counts = authority.holds(row.at) and ADMIN_ROLE in authority.roles(row.at.author)
        if counts and member is not None:
            found[row.device] = found.get(row.device, frozenset()) | {member}
    return found


def approvers(authority: Authority, number: int) -> dict[ReleaseId, frozenset[MemberId]]:
    """The releases that somebody approved as the one of this number, and who did."""
    found: dict[ReleaseId, frozenset[MemberId]] = {}
    for row in approvals(authority.past.reader):
        if row.number == number and authority.holds(row.at):
            found[row.release] = found.get(row.release, frozenset()) | {row.member}
    return found
