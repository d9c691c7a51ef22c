"""Rows of governance: what is put comes back, by whom it is about, and as what it was."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from covey.codec import cid_of
from covey.errors import ProtocolViolation
from covey.governance.rows import (
    AdmissionRow,
    ApprovalRow,
    EvidenceRow,
    Placed,
    PromotionRow,
    RestrictionRow,
    TightenRow,
    UpgradeRow,
    VoteRow,
    admissions_of,
    approvals,
    evidence,
    governed_by,
    is_for_admins,
    promotions_of,
    put_admission,
    put_approval,
    put_evidence,
    put_governed,
    put_promotion,
    put_restriction,
    put_tighten,
    put_upgrade,
    put_vote,
    restrictions,
    tightens,
    upgrades,
    votes,
)
from covey.model import (
    ContextId,
    DeltaId,
    DeviceId,
    Draft,
    HybridTime,
    MemberId,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
    Table,
    Tip,
)
from covey.store import MemoryStore

ANN, BEN, CARA = (DeviceId(bytes((n,)) * 32) for n in (1, 2, 3))
MEMBER = MemberId(b"m" * 32)
RELEASE = ReleaseId(cid_of(b"a release"))


@pytest.fixture
def draft() -> Draft:
    """Rows over an empty store."""
    return Draft(MemoryStore().reader(ContextId(cid_of(b"a context"))))


def at(author: DeviceId, sequence: int, index: int = 0) -> Placed:
    """A place whose id says it too."""
    name = author[:1] + sequence.to_bytes(31, "big")
    return Placed(author, Tip(sequence, DeltaId(name)), index)


def same(found: Iterable[object], *expected: object) -> None:
    """The rows, in whatever order."""
    rows = list(found)
    assert len(rows) == len(expected)
    assert all(row in rows for row in expected), rows


def test_admissions_are_those_of_the_device(draft: Draft):
    """With their time, member and whom they pass through."""
    one = AdmissionRow(at(ANN, 7), HybridTime(9), MEMBER, frozenset({ANN, BEN}))
    other = AdmissionRow(at(BEN, 2), HybridTime(2**63), MemberId(b"n" * 32), frozenset({BEN}))
    elsewhere = AdmissionRow(at(ANN, 8), HybridTime(1), MEMBER, frozenset())
    for device, row in ((CARA, one), (CARA, other), (BEN, elsewhere)):
        put_admission(draft, device, row)
    same(admissions_of(draft, CARA), one, other)
    same(admissions_of(draft, BEN), elsewhere)
    same(admissions_of(draft, ANN))


def test_two_promotions_of_one_delta_are_two(draft: Draft):
    """One device may get several roles at once, and another role from another."""
    rows = [
        PromotionRow(at(ANN, 1), "admin"),
        PromotionRow(at(ANN, 1), "éditeur"),
        PromotionRow(at(BEN, 1), "admin"),
    ]
    for row in rows:
        put_promotion(draft, CARA, row)
    same(promotions_of(draft, CARA), *rows)
    same(promotions_of(draft, ANN))


def test_restrictions_by_target_and_all(draft: Draft):
    """Closes and demotes of one delta stand side by side."""
    tips = (Tip(4, DeltaId(b"t" * 32)), Tip(9, DeltaId(b"u" * 32)))
    rows = [
        RestrictionRow(at(ANN, 1, 0), CARA, None, True, tips),
        RestrictionRow(at(ANN, 1, 1), CARA, "admin", False, ()),
        RestrictionRow(at(ANN, 1, 2), BEN, "admin", True, ()),
    ]
    for row in rows:
        put_restriction(draft, row)
    same(restrictions(draft, CARA), *rows[:2])
    same(restrictions(draft, BEN), rows[2])
    same(restrictions(draft), *rows)


def test_governance_of_a_device_comes_the_last_first(draft: Draft):
    """That is how far back removals look."""
    for sequence in (3, 300, 20):
        place = at(ANN, sequence)
        put_governed(draft, ANN, place.tip, needs_admin=sequence == 20)
    put_governed(draft, BEN, at(BEN, 1).tip, needs_admin=True)
    assert [(tip.sequence, needs) for tip, needs in governed_by(draft, ANN)] == [
        (300, False),
        (20, True),
        (3, False),
    ]
    assert is_for_admins(draft, at(ANN, 20))
    assert not is_for_admins(draft, at(ANN, 3))


def test_what_is_said_of_code_comes_back_by_its_kind(draft: Draft):
    """Each reader sees its own rows alone."""
    upgrade = UpgradeRow(at(ANN, 1), HybridTime(5), 2**63 - 1, RELEASE, "1.0.0-rc.1", "0.9.0")
    approval = ApprovalRow(at(ANN, 2), 1, RELEASE, MEMBER)
    quorum = Quorum(1, (MEMBER,), 1000)
    bound = [
        TightenRow(at(BEN, 1, index), constraint)
        for index, constraint in enumerate((Never(), Publisher(), quorum))
    ]
    proof, vote = EvidenceRow(at(BEN, 2), CARA), VoteRow(at(BEN, 3), ANN)
    put_upgrade(draft, upgrade)
    put_approval(draft, approval)
    put_evidence(draft, proof)
    put_vote(draft, vote)
    for row in bound:
        put_tighten(draft, row)
    same(upgrades(draft), upgrade)
    same(approvals(draft), approval)
    same(tightens(draft), *bound)
    same(evidence(draft), proof)
    same(votes(draft), vote)


def test_upgrade_without_what_it_replaced_is_read(draft: Draft):
    """Stores from before that was kept have such rows."""
    old = UpgradeRow(at(ANN, 1), HybridTime(5), 1, RELEASE, "1.1.0", None)
    new = UpgradeRow(at(ANN, 2), HybridTime(6), 2, RELEASE, "1.2.0", "1.1.0")
    put_upgrade(draft, old)
    put_upgrade(draft, new)
    same(upgrades(draft), old, new)


@pytest.mark.parametrize("count", [5, 8])
def test_upgrade_with_other_fields_is_no_row(draft: Draft, count: int):
    """Neither too few nor too many."""
    draft.put(Table.CODE_RULE, (6, at(ANN, 1).id, 0), bytes((0x90 | count,)) + bytes(count))
    with pytest.raises(ProtocolViolation, match="governance row"):
        list(upgrades(draft))


def test_row_of_another_shape_is_no_row(draft: Draft):
    """A damaged store is told, not guessed at."""
    place = at(ANN, 1)
    draft.put(Table.ADMISSION, (CARA, place.tip.sequence, place.id), b"\x91\x01")
    with pytest.raises(ProtocolViolation, match="governance row"):
        admissions_of(draft, CARA)


def test_a_place_is_named_by_its_delta():
    """The id of a place is its tip's."""
    assert at(ANN, 4).id == at(ANN, 4).tip.id
