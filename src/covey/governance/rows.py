"""Rows of governance: what was granted, restricted and said, by whom, and where it stands.

These rows are local to a node; what they say is protocols/governance.md's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from covey.codec import Packed, constraint_of, constraint_packed, pack, shape, unpack
from covey.governance.above import above_fields, above_of, admission_fields
from covey.model import (
    TIME_MAX,
    Constraint,
    DeltaId,
    DeviceId,
    Draft,
    HybridTime,
    MemberId,
    Reader,
    ReleaseId,
    RowKey,
    Table,
    Tip,
    limits,
)

__all__ = [
    "AdmissionRow",
    "ApprovalRow",
    "EvidenceRow",
    "Placed",
    "PromotionRow",
    "RestrictionRow",
    "TightenRow",
    "UpgradeRow",
    "VoteRow",
    "admissions_of",
    "approvals",
    "evidence",
    "governed_by",
    "is_for_admins",
    "promotions_of",
    "put_admission",
    "put_approval",
    "put_evidence",
    "put_governed",
    "put_promotion",
    "put_restriction",
    "put_tighten",
    "put_upgrade",
    "put_vote",
    "restrictions",
    "tightens",
    "upgrades",
    "votes",
]

_UPGRADE, _APPROVE, _TIGHTEN, _EVIDENCE, _VOTE = 6, 7, 8, 9, 10


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an effect stands: its delta, by author and tip, and its index there."""

    author: DeviceId
    tip: Tip
    index: int = 0

    @property
    def id(self) -> DeltaId:
        """The delta's id."""
        return self.tip.id


@dataclass(frozen=True, slots=True)
class AdmissionRow:
    """One admission of a device. above: devices through which every chain of it passes."""

    at: Placed
    time: HybridTime
    member: MemberId
    above: frozenset[DeviceId]


@dataclass(frozen=True, slots=True)
class PromotionRow:
    """One promotion of a device to one role."""

    at: Placed
    role: str


@dataclass(frozen=True, slots=True)
class RestrictionRow:
    """One close (role None), or one demote of a role.

    is_whole: it takes its target whatever that rests on; else only admissions that pass through
    its author. tips: the last of the target's deltas that it spares, where its author never forks.
    """

    at: Placed
    target: DeviceId
    role: str | None
    is_whole: bool
    tips: tuple[Tip, ...]


@dataclass(frozen=True, slots=True)
class UpgradeRow:
    """One upgrade; version: of its manifest.

    replaced: the version that was in force at its cut. None: a covey wrote the row that did not
    keep it.
    """

    at: Placed
    time: HybridTime
    number: int
    release: ReleaseId
    version: str
    replaced: str | None


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """One approval; member: whose key it is, at its cut."""

    at: Placed
    number: int
    release: ReleaseId
    member: MemberId


@dataclass(frozen=True, slots=True)
class TightenRow:
    """One further constraint."""

    at: Placed
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One proof that a device forked."""

    at: Placed
    guilty: DeviceId


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One vote to close a founder."""

    at: Placed
    device: DeviceId


# -- admissions and promotions -----------------------------------------------------------------


def put_admission(
    draft: Draft, device: DeviceId, row: AdmissionRow, chains: Iterable[AdmissionRow] = ()
) -> None:
    """Record an admission of a device. chains: those of its author that `above` comes from."""
    sets = {chain.at.tip: chain.above for chain in chains}
    above = above_fields(draft, row.at.author, row.above, sets)
    packed = pack((row.at.author, row.time, row.member, *above))
    draft.put(Table.ADMISSION, (device, row.at.tip.sequence, row.at.tip.id), packed)


def admissions_of(reader: Reader, device: DeviceId) -> tuple[AdmissionRow, ...]:
    """All admissions of a device that this node holds."""
    rows = []
    for key, value in reader.scan(Table.ADMISSION, (device,)):
        fields = admission_fields(value)
        author, time, member = fields[:3]
        rows.append(
            AdmissionRow(
                Placed(_device(author), _tip(key, 1)),
                HybridTime(shape.integer(time, 0, TIME_MAX, "time")),
                MemberId(shape.exactly(member, 32, "member")),
                above_of(reader, fields),
            )
        )
    return tuple(rows)


def put_promotion(draft: Draft, device: DeviceId, row: PromotionRow) -> None:
    """Record a promotion of a device."""
    key = (device, row.role.encode(), row.at.tip.sequence, row.at.tip.id)
    draft.put(Table.PROMOTION, key, pack((row.at.author,)))


def promotions_of(reader: Reader, device: DeviceId) -> tuple[PromotionRow, ...]:
    """All promotions of a device that this node holds."""
    rows = []
    for key, value in reader.scan(Table.PROMOTION, (device,)):
        (author,) = _fields(value, 1)
        role = key[1]
        assert isinstance(role, bytes)
        rows.append(PromotionRow(Placed(_device(author), _tip(key, 2)), role.decode()))
    return tuple(rows)


# -- restrictions ------------------------------------------------------------------------------


def put_restriction(draft: Draft, row: RestrictionRow) -> None:
    """Record a close or a demote."""
    key = (row.target, row.at.tip.sequence, row.at.tip.id, row.at.index)
    tips = tuple((tip.sequence, tip.id) for tip in row.tips)
    draft.put(Table.RESTRICTION, key, pack((row.at.author, row.role, int(row.is_whole), tips)))


def restrictions(reader: Reader, target: DeviceId | None = None) -> Iterator[RestrictionRow]:
    """The restrictions of one device, or all, that this node holds."""
    for key, value in reader.scan(Table.RESTRICTION, () if target is None else (target,)):
        author, role, whole, tips = _fields(value, 4)
        assert isinstance(key[0], bytes)
        assert isinstance(key[3], int)
        yield RestrictionRow(
            Placed(_device(author), _tip(key, 1), key[3]),
            DeviceId(key[0]),
            None if role is None else shape.text(role, 64, "role"),
            whole == 1,
            tuple(_tip_of(each) for each in _array(tips)),
        )


# -- who governs -------------------------------------------------------------------------------


def put_governed(draft: Draft, author: DeviceId, tip: Tip, *, needs_admin: bool) -> None:
    """Record that a delta holds governance, and whether it needs `admin`."""
    draft.put(Table.GOVERNED, (author, tip.sequence, tip.id), pack((int(needs_admin),)))


def governed_by(reader: Reader, author: DeviceId) -> Iterator[tuple[Tip, bool]]:
    """The governance deltas of a device, the last first, each with whether it needs `admin`."""
    for key, value in reader.scan(Table.GOVERNED, (author,), reverse=True):
        (needs_admin,) = _fields(value, 1)
        yield _tip(key, 1), needs_admin == 1


def is_for_admins(reader: Reader, at: Placed) -> bool:
    """Whether a governance delta needs `admin`."""
    value = reader.get(Table.GOVERNED, (at.author, at.tip.sequence, at.tip.id))
    assert value is not None, "a governance delta has its row"
    return _fields(value, 1)[0] == 1


# -- the code rule, evidence, votes ------------------------------------------------------------


def put_upgrade(draft: Draft, row: UpgradeRow) -> None:
    """Record an upgrade."""
    rest = (row.time, row.number, row.release, row.version, row.replaced)
    _put(draft, _UPGRADE, row.at, rest if row.replaced is not None else rest[:-1])


def upgrades(reader: Reader) -> Iterator[UpgradeRow]:
    """All upgrades that this node holds."""
    for at, (time, number, release, version, *replaced) in _rows(reader, _UPGRADE, 4, 5):
        yield UpgradeRow(
            at,
            HybridTime(shape.integer(time, 0, TIME_MAX, "time")),
            shape.integer(number, 1, limits.SEQUENCE_MAX, "number"),
            ReleaseId(shape.exactly(release, 36, "release")),
            shape.text(version, 128, "version"),
            shape.text(replaced[0], 128, "version") if replaced else None,
        )


def put_approval(draft: Draft, row: ApprovalRow) -> None:
    """Record an approval."""
    _put(draft, _APPROVE, row.at, (row.number, row.release, row.member))


def approvals(reader: Reader) -> Iterator[ApprovalRow]:
    """All approvals that this node holds."""
    for at, (number, release, member) in _rows(reader, _APPROVE, 3):
        yield ApprovalRow(
            at,
            shape.integer(number, 1, limits.SEQUENCE_MAX, "number"),
            ReleaseId(shape.exactly(release, 36, "release")),
            MemberId(shape.exactly(member, 32, "member")),
        )


def put_tighten(draft: Draft, row: TightenRow) -> None:
    """Record a further constraint."""
    _put(draft, _TIGHTEN, row.at, (constraint_packed(row.constraint),))


def tightens(reader: Reader) -> Iterator[TightenRow]:
    """All further constraints that this node holds."""
    for at, (constraint,) in _rows(reader, _TIGHTEN, 1):
        yield TightenRow(at, constraint_of(constraint))


def put_evidence(draft: Draft, row: EvidenceRow) -> None:
    """Record a proof of a fork."""
    _put(draft, _EVIDENCE, row.at, (row.guilty,))


def evidence(reader: Reader) -> Iterator[EvidenceRow]:
    """All proofs of forks that this node holds."""
    for at, (guilty,) in _rows(reader, _EVIDENCE, 1):
        yield EvidenceRow(at, _device(guilty))


def put_vote(draft: Draft, row: VoteRow) -> None:
    """Record a vote."""
    _put(draft, _VOTE, row.at, (row.device,))


def votes(reader: Reader) -> Iterator[VoteRow]:
    """All votes that this node holds."""
    for at, (device,) in _rows(reader, _VOTE, 1):
        yield VoteRow(at, _device(device))


# -- shapes ------------------------------------------------------------------------------------


def _put(draft: Draft, kind: int, at: Placed, rest: tuple[Packed, ...]) -> None:
    row = pack((at.author, at.tip.sequence, *rest))
    draft.put(Table.CODE_RULE, (kind, at.tip.id, at.index), row)


def _rows(reader: Reader, kind: int, *counts: int) -> Iterator[tuple[Placed, tuple[Packed, ...]]]:
    """Where each row of a kind stands, and its other fields. counts: how many these can be."""
    for key, value in reader.scan(Table.CODE_RULE, (kind,)):
        fields = _array(unpack(value, len(value)))
        given = len(fields) - 2
        count = given if given in counts else counts[0]
        author, sequence, *rest = shape.fields(fields, count + 2, "governance row")
        assert isinstance(key[1], bytes)
        assert isinstance(key[2], int)
        number = shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence")
        yield Placed(_device(author), Tip(number, DeltaId(key[1])), key[2]), tuple(rest)


def _fields(value: bytes, count: int) -> tuple[Packed, ...]:
    return shape.fields(unpack(value, len(value)), count, "governance row")


def _array(value: Packed) -> tuple[Packed, ...]:
    return shape.array(value, limits.SEQUENCE_MAX, "governance row")


def _device(value: Packed) -> DeviceId:
    return DeviceId(shape.exactly(value, 32, "device"))


def _tip(key: RowKey, place: int) -> Tip:
    sequence, delta = key[place], key[place + 1]
    assert isinstance(sequence, int)
    assert isinstance(delta, bytes)
    return Tip(sequence, DeltaId(delta))


def _tip_of(value: Packed) -> Tip:
    sequence, delta = shape.fields(value, 2, "tip")
    return Tip(
        shape.integer(sequence, 1, limits.SEQUENCE_MAX, "sequence"),
        DeltaId(shape.exactly(delta, 32, "tip")),
    )
