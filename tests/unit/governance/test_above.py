"""Above whom admissions stand: kept in few bytes, read back as it was."""

from __future__ import annotations

import random

import pytest

from covey.codec import cid_of, pack
from covey.errors import ProtocolViolation
from covey.governance.rows import AdmissionRow, Placed, admissions_of, put_admission
from covey.model import (
    ContextId,
    DeltaId,
    DeviceId,
    Draft,
    HybridTime,
    MemberId,
    Put,
    Table,
    Tip,
    limits,
)
from covey.store import MemoryStore
from covey.testkit.oracle.people import device, start
from tests.unit.governance.told import ANN, Told

MEMBER = MemberId(b"m" * 32)


def name(number: int) -> DeviceId:
    """A device."""
    return DeviceId(number.to_bytes(32, "big"))


def row_of(author: DeviceId, number: int, above: frozenset[DeviceId]) -> AdmissionRow:
    """An admission by somebody, told apart by its number."""
    tip = Tip(1, DeltaId(number.to_bytes(32, "little")))
    return AdmissionRow(Placed(author, tip), HybridTime(number), MEMBER, above)


@pytest.fixture
def draft() -> Draft:
    """Rows over an empty store."""
    return Draft(MemoryStore().reader(ContextId(cid_of(b"a context"))))


def size_bytes(draft: Draft) -> int:
    """Of all admissions."""
    return sum(len(value) for _, value in draft.scan(Table.ADMISSION))


def test_chain_is_read_back_and_does_not_grow_as_its_square(draft: Draft):
    """Each device lets the next one in."""
    count, above, chains = 400, frozenset({name(0)}), []
    for number in range(count):
        row = row_of(name(number), number, above)
        put_admission(draft, name(number + 1), row, chains)
        chains = list(admissions_of(draft, name(number + 1)))
        assert chains == [row]
        above |= {name(number + 1)}
    whole = sum(34 * (number + 1) for number in range(count))
    assert size_bytes(draft) < whole / 15


def test_devices_with_several_chains_are_read_back(draft: Draft):
    """The sets are what all chains have in common: whichever of them a row is kept by."""
    chosen = random.Random(7)
    made: dict[DeviceId, list[AdmissionRow]] = {name(0): []}
    for number in range(1, 300):
        recent = sorted(made)[-6:]
        for turn in range(chosen.choice((1, 1, 1, 2))):
            author = chosen.choice(recent)
            chains = [r for r in made[author] if chosen.random() < 0.9] or made[author]
            common = frozenset.intersection(*(r.above for r in chains)) if chains else frozenset()
            row = row_of(author, 2 * number + turn, common | {author})
            put_admission(draft, name(number), row, chains)
            made.setdefault(name(number), []).append(row)
    for number in range(1, 300):
        found = admissions_of(draft, name(number))
        assert sorted(found, key=repr) == sorted(made[name(number)], key=repr)
    whole = sum(34 * len(row.above) for rows in made.values() for row in rows)
    assert size_bytes(draft) < whole


def test_whole_sets_are_read(draft: Draft):
    """Stores from before that were kept whole, however large; and newer rows rest on them."""
    many = frozenset(name(number) for number in range(200))
    old = row_of(name(199), 1, many)
    fields = (old.at.author, old.time, MEMBER, tuple(sorted(many)))
    draft.put(Table.ADMISSION, (name(200), 1, old.at.tip.id), pack(fields))
    assert admissions_of(draft, name(200)) == (old,)
    new = row_of(name(200), 2, many | {name(200)})
    before = size_bytes(draft)
    put_admission(draft, name(201), new, [old])
    assert admissions_of(draft, name(201)) == (new,)
    assert size_bytes(draft) - before < 200


@pytest.mark.parametrize("count", [3, 5, 7])
def test_row_with_other_fields_is_no_row(draft: Draft, count: int):
    """A damaged store is told, not guessed at."""
    draft.put(Table.ADMISSION, (name(1), 1, DeltaId(bytes(32))), pack((b"",) * count))
    with pytest.raises(ProtocolViolation):
        admissions_of(draft, name(1))


def test_replica_keeps_a_chain_in_few_bytes(monkeypatch: pytest.MonkeyPatch):
    """And says of it what the oracle says, also after a restart."""
    monkeypatch.setattr(limits, "FRONTIER_FULL_EVERY", 8)
    told = Told(start(ANN))
    who, people = ANN, []
    for number in range(20):
        last, who = who, device("eve", f"{number}")
        told.admit(last, who)
        people.append(who)
    ledger = told.stage.restarted().replica.ledger
    above = {ANN.device, *(one.device for one in people)}
    assert ledger.authority.above(who.device) == above
    (value,) = (row for _, row in ledger.view.scan(Table.ADMISSION, (who.device,)))
    assert len(value) < 200
    assert told.code(told.close(ANN, people[3])) == ""
    assert told.code(told.say(who, entries=(Put("notes", b"k", b"v"),))) == ""
