"""Who is a member at a cut, and what an admission changes.

Source: protocols/membership.md. A charter admin is a member from the start; every other device
enters by `admit`, and is a member in cuts that hold such an admission.
"""

from __future__ import annotations

from dataclasses import dataclass

from covey.codec import is_certificate_valid, is_join_valid, pack, shape, unpack
from covey.model import (
    Admission,
    Admit,
    Charter,
    ContextId,
    DeltaId,
    Denied,
    DeviceId,
    Draft,
    HybridTime,
    MemberId,
    Reader,
    Table,
    Tip,
    limits,
)
from covey.rules import Cut

__all__ = [
    "AdmissionRow",
    "MembershipChange",
    "admissions_of",
    "admitted_member",
    "check_admit",
    "devices",
    "fold_admit",
    "is_known_device",
    "member_at",
    "roles_at",
]

ADMIN_ROLE = "admin"


@dataclass(frozen=True, slots=True)
class AdmissionRow:
    """One admission of a device: the delta that holds it, and whose device it says it is."""

    author: DeviceId
    tip: Tip
    time: HybridTime
    member: MemberId


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """What a device's standing was and is, for the state digest; None: not a member."""

    device: DeviceId
    before: MemberId | None
    after: MemberId


def member_at(reader: Reader, charter: Charter, device: DeviceId, cut: Cut) -> MemberId | None:
    """Whose device this is at a cut, or None where it is not admitted there."""
    founder = _founder(charter, device)
    if founder is not None:
        return founder
    rows = [row for row in admissions_of(reader, device) if cut.holds(row.author, row.tip)]
    return _first(rows)


def admitted_member(reader: Reader, charter: Charter, device: DeviceId) -> MemberId | None:
    """Whose device this is by everything this node holds."""
    return _founder(charter, device) or _first(list(admissions_of(reader, device)))


def is_known_device(reader: Reader, charter: Charter, device: DeviceId) -> bool:
    """Whether some cut knows this device."""
    return admitted_member(reader, charter, device) is not None


def roles_at(charter: Charter, device: DeviceId) -> tuple[str, ...]:
    """The roles of a device at any cut: until roles are given, charter admins hold `admin`."""
    return (ADMIN_ROLE,) if _founder(charter, device) is not None else ()


def admissions_of(reader: Reader, device: DeviceId) -> tuple[AdmissionRow, ...]:
    """All admissions of a device that this node holds."""
    rows = []
    for key, value in reader.scan(Table.ADMISSION, (device,)):
        author, time, member = shape.fields(unpack(value, 256), 3, "admission row")
        assert isinstance(key[1], int)
        assert isinstance(key[2], bytes)
        rows.append(
            AdmissionRow(
                DeviceId(shape.exactly(author, 32, "author")),
                Tip(key[1], DeltaId(key[2])),
                HybridTime(shape.integer(time, 0, 2**64 - 1, "time")),
                MemberId(shape.exactly(member, 32, "member")),
            )
        )
    return tuple(rows)


def check_admit(
    reader: Reader, context: ContextId, charter: Charter, admit: Admit, cut: Cut
) -> Denied | None:
    """Whether an admission is allowed at the cut of the delta that holds it."""
    certificate, join = admit.certificate, admit.join
    if charter.admission is not Admission.OPEN:
        return Denied("admission", f"admission {charter.admission.value} is not supported here")
    if join.invitation is not None:
        return Denied("admission", "an open context takes no invitations")
    if not is_certificate_valid(certificate):
        return Denied("bad-certificate", "the device's certificate does not verify")
    if not is_join_valid(context, certificate, join):
        return Denied("bad-join", "the device did not sign to join this context")
    if member_at(reader, charter, certificate.device, cut) is not None:
        return Denied("admitted-already", "the device is a member at this cut already")
    return None


def fold_admit(
    draft: Draft, charter: Charter, author: DeviceId, tip: Tip, time: HybridTime, admit: Admit
) -> MembershipChange:
    """Record an admission."""
    device = admit.certificate.device
    before = admitted_member(draft, charter, device)
    draft.put(
        Table.ADMISSION,
        (device, tip.sequence, tip.id),
        pack((author, time, admit.certificate.member)),
    )
    after = admitted_member(draft, charter, device)
    assert after is not None
    if before is None:
        draft.put(Table.DEVICE, (device,), b"")
    return MembershipChange(device, before, after)


def devices(reader: Reader, charter: Charter) -> tuple[tuple[DeviceId, MemberId], ...]:
    """All devices this node knows as members', founders first; a count for people."""
    known = {admin.device: admin.member for admin in charter.admins}
    for key, _ in reader.scan(Table.DEVICE):
        assert isinstance(key[0], bytes)
        device = DeviceId(key[0])
        member = admitted_member(reader, charter, device)
        assert member is not None
        known[device] = member
        if len(known) >= limits.SYNC_FRONTIER_DEVICES_MAX:
            break
    return tuple(known.items())


def _founder(charter: Charter, device: DeviceId) -> MemberId | None:
    return next((a.member for a in charter.admins if a.device == device), None)


def _first(rows: list[AdmissionRow]) -> MemberId | None:
    # Concurrent admissions may differ on the member; everybody takes the earliest.
    if not rows:
        return None
    return min(rows, key=lambda row: (row.time, row.tip.id)).member
