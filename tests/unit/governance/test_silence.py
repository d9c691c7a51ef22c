"""What has no effect on entries: void and mute deltas, folded out and in again."""

from __future__ import annotations

import pytest

from covey.governance import silence_at
from covey.merge import StateReader
from covey.model import ADMIN_ROLE, Add, Never, Promote, Put, Tighten, Upgrade
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.nodes import digest_of
from covey.testkit.oracle.people import device, manifest, start
from tests.unit.governance.told import ANN, BEN, CARA, DORA, EMIL, FRED, Told, placed

NEXT = manifest("1.2.0")


def begun() -> Told:
    """ann, ben and cara founded; dora, an admin, is there through ben, emil through ann."""
    told = Told(start(ANN, BEN, CARA))
    told.admit(BEN, DORA)
    told.say(BEN, Promote(DORA.device, ADMIN_ROLE))
    told.admit(ANN, EMIL)
    return told


def value(told: Told, collection: str = "notes", key: bytes = b"k") -> bytes | None:
    """What the replica's state holds."""
    ledger = told.stage.replica.ledger
    return StateReader(ledger.view, told.founding.collections).get(collection, key)


def puts(told: Told, who: Identity, value_put: bytes, cut: int, **when: int) -> Known:
    """A note under the one key."""
    return told.say(who, cut=cut, entries=(Put("notes", b"k", value_put),), **when)


def test_quiet_context_asks_nobody():
    """Nothing can be silent where nobody forked, was restricted or fell."""
    told = begun()
    governor = told.stage.replica.ledger.governor
    assert silence_at(governor, told.authority) is None
    told.close(ANN, EMIL)
    silence = silence_at(governor, told.authority)
    assert silence is not None
    assert silence is silence_at(governor, told.authority)
    assert silence.touches(EMIL.device)
    assert not silence.touches(ANN.device)
    assert silence.fallen == ()


@pytest.mark.parametrize("other", [NEXT, manifest("1.2.0", "another")], ids=["same", "rival"])
def test_migrations_of_two_admins_at_once_both_count(other: bytes):
    """Each runs once; what one puts anew the other puts, too, and what they add is added twice."""
    told = begun()
    before = told.now
    migrated = (Add("likes", b"migrated", 1), Put("notes", b"k", b"second form"))
    told.say(ANN, Upgrade(1, NEXT, ()), cut=before, entries=migrated)
    told.say(BEN, Upgrade(1, other, ()), cut=before, entries=migrated)
    assert told.rule.number == 1
    assert told.silent() == set()
    assert value(told) == b"second form"
    assert value(told, "likes", b"migrated") == (2).to_bytes(8, "little")


def test_void_value_gives_way_to_the_one_below_it():
    """Also where the void one had won."""
    told = begun()
    first = puts(told, ANN, b"first", told.now)
    before = told.now
    last = puts(told, DORA, b"last", before, at_ms=500)
    assert value(told) == b"last"
    told.close(ANN, DORA, cut=before)
    assert value(told) == b"first"
    assert told.silent() == {last.delta.id}
    assert not told.is_silent(first)


def test_void_add_is_taken_off_the_sum():
    """And what was added before stays."""
    told = begun()
    told.say(DORA, entries=(Add("likes", b"k", 5),))
    before = told.now
    told.say(DORA, entries=(Add("likes", b"k", 100),), cut=before)
    assert value(told, "likes") == (105).to_bytes(8, "little")
    told.close(ANN, DORA, cut=before)
    assert value(told, "likes") == (5).to_bytes(8, "little")


def test_void_frozen_entry_gives_its_place_to_another():
    """The first put that counts is it."""
    told = begun()
    key = EMIL.member_id + b"1"
    second = device("emil", "second")
    told.admit(EMIL, second)
    before = told.now
    told.say(EMIL, entries=(Put("posts", key, b"first"),), cut=before)
    told.say(second, entries=(Put("posts", key, b"second"),), cut=before, at_ms=900)
    assert value(told, "posts", key) == b"first"
    told.close(ANN, EMIL, cut=before)
    assert value(told, "posts", key) == b"second"


def test_what_was_void_counts_again_when_its_removal_falls():
    """ben's close of emil is voided by ann's of ben."""
    told = begun()
    before = told.now
    note = puts(told, EMIL, b"emil", before)
    told.close(BEN, EMIL, cut=before)
    assert value(told) is None
    assert told.is_silent(note)
    told.close(ANN, BEN, cut=before)
    assert value(told) == b"emil"
    assert not told.is_silent(note)


def test_void_delta_is_kept_in_chain_log_and_frontier():
    """It does nothing, and is not forgotten."""
    told = begun()
    before = told.now
    note = puts(told, EMIL, b"emil", before)
    told.close(ANN, EMIL, cut=before)
    ledger = told.stage.replica.ledger
    assert told.is_silent(note)
    assert ledger.frame(note.delta.id) == note.delta.frame
    assert placed(note).tip in ledger.frontier[EMIL.device]


@pytest.mark.parametrize("saw_close", [True, False])
def test_state_at_a_cut_has_what_counted_there(saw_close: bool):
    """A frozen entry whose author was closed aside is there for who did not see the close."""
    told = begun()
    second = device("emil", "second")
    told.admit(ANN, second)
    key = EMIL.member_id + b"1"
    before = told.now
    first = told.say(EMIL, entries=(Put("posts", key, b"first"),), cut=before)
    told.close(ANN, EMIL, cut=before)
    cut = told.now if saw_close else told.upto(first)
    again = told.writing.write(second, cut, (), (Put("posts", key, b"second"),))
    told.stage.receive(again.delta)
    assert told.code(again) == ("" if saw_close else "frozen")
    assert value(told, "posts", key) == (b"second" if saw_close else None)


# -- mute --------------------------------------------------------------------------------------


def test_mute_call_says_nothing_and_its_governance_stands():
    """fred came in under a release that fell: he is in."""
    told = begun()
    before = told.now
    upgraded = told.say(DORA, Upgrade(1, NEXT, ()), cut=before)
    call = puts(told, EMIL, b"mute", told.upto(upgraded))
    admitted = told.admit(EMIL, FRED, cut=told.upto(call))
    told.say(ANN, Tighten(Never()), cut=before)
    assert value(told) is None
    assert told.is_silent(call)
    assert told.is_member(FRED)
    assert told.authority.holds(placed(admitted))
    silence = silence_at(told.stage.replica.ledger.governor, told.authority)
    assert silence is not None
    assert [row.at.id for row in silence.fallen] == [upgraded.delta.id]
    assert silence.touches(FRED.device), "any call may have run under it"


@pytest.mark.parametrize("is_fallen", [True, False])
def test_migration_is_mute_with_its_own_upgrade(is_fallen: bool):
    """Its effects are the new release's, though its header names the old one."""
    told = begun()
    puts(told, ANN, b"old", told.now)
    before = told.now
    made = told.say(
        DORA, Upgrade(1, NEXT, ()), cut=before, entries=(Put("notes", b"k", b"migrated"),)
    )
    assert value(told) == b"migrated"
    if is_fallen:
        told.say(ANN, Tighten(Never()), cut=before)
    assert told.is_silent(made) == is_fallen
    assert value(told) == (b"old" if is_fallen else b"migrated")


def test_call_that_follows_one_upgrade_that_stands_is_not_mute():
    """The release was put in force twice: one fell, the other counts for what follows it."""
    told = begun()
    before = told.now
    one = told.say(DORA, Upgrade(1, NEXT, ()), cut=before)
    other = told.say(BEN, Upgrade(1, NEXT, ()), cut=before)
    by_one = puts(told, EMIL, b"one", told.upto(one))
    by_both = puts(told, EMIL, b"both", told.upto(by_one, other))
    told.demote(ANN, DORA, ADMIN_ROLE, cut=before)
    assert told.silent() == {one.delta.id, by_one.delta.id}
    assert not told.is_silent(by_both)
    assert value(told) == b"both"


def test_value_of_a_collection_that_fell_is_gone():
    """A later release added it; with its upgrade it says nothing."""
    told = begun()
    before = told.now
    made = told.say(DORA, Upgrade(1, manifest("1.2.0", kind="more"), ()), cut=before)
    call = told.say(EMIL, entries=(Put("extras", b"k", b"v"),), cut=told.upto(made))
    assert told.code(call) == ""
    told.say(ANN, Tighten(Never()), cut=before)
    assert told.is_silent(call)
    assert told.stage.restarted().replica.ledger.digest() == told.stage.replica.ledger.digest()


def test_collections_of_one_name_and_two_rules_are_folded_out_each():
    """Two rival releases declare it differently; both fall in one step, with their values."""
    told = begun()
    before = told.now
    made = [
        told.say(author, Upgrade(1, manifest("1.2.0", kind=kind), ()), cut=before)
        for author, kind in ((BEN, "rival"), (DORA, "more"))
    ]
    said = [
        told.say(EMIL, entries=(Add("extras", b"k", 5),), cut=told.upto(made[0])),
        told.say(CARA, entries=(Put("extras", b"k", b"v"),), cut=told.upto(made[1])),
    ]
    assert [told.code(known) for known in said] == ["", ""]
    told.say(ANN, Tighten(Never()), cut=before)
    assert {known.delta.id for known in said} <= told.silent()
    judgement = told.writing.judge(told.now)
    assert told.stage.replica.ledger.digest() == digest_of(told.writing, judgement)
    assert value(told) is None
