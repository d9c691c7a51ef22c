"""A delta is judged by its own cut alone: every way to be inadmissible, with its code."""

from __future__ import annotations

import pytest

from covey.codec import cid_of, pack
from covey.crypto import sha256
from covey.model import (
    Add,
    Admission,
    Delete,
    Delta,
    Denied,
    HybridTime,
    Merge,
    Put,
    ReleaseId,
    limits,
    time_at,
)
from covey.sync import Admissible, Delayed, Known, Missing
from covey.testkit.history import START_MS, History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage

ANN, BEN, EVE = identity("ann"), identity("ben"), identity("eve")
FOUNDING = found(ANN)
CONTEXT = FOUNDING.context


def begun() -> tuple[History, Delta]:
    """A history in which ann admitted ben."""
    history = History(FOUNDING)
    return history, history.write(ANN, (), governance=(BEN.admit(CONTEXT),))


def code_of(history: History, delta: Delta, *, now_ms: int = START_MS) -> str | None:
    """The code with which a node that holds the history denies a delta; None if it does not."""
    stage = Stage(history.founding, EVE)
    stage.receive(*(written.delta for written in history.deltas.values()))
    assert stage.replica.ledger.count == len(history.deltas), "the history itself is admissible"
    judged = stage.replica.judge.judge(delta, now_ms)
    assert isinstance(judged, Denied | Admissible), judged
    return judged.code if isinstance(judged, Denied) else None


def test_honest_delta_is_admissible():
    """Otherwise none of the refusals below would mean anything."""
    history, admit = begun()
    delta = history.write(BEN, (admit.id,), [Put("notes", b"k", b"v")], keep=False)
    assert code_of(history, delta) is None


def test_first_delta_that_follows_one_of_its_own_author_is_refused():
    """A second beginning would be a second chain of one device."""
    history, admit = begun()
    wrong = history.write(
        ANN, (admit.id,), [Put("notes", b"k", b"v")],
        previous=None, sequence=1, parents=(admit.id,), keep=False,
    )  # fmt: skip
    assert code_of(history, wrong) == "wrong-chain"


def test_sequence_that_skips_is_refused():
    """Frontiers count on sequences without gaps."""
    history, admit = begun()
    wrong = history.write(ANN, (admit.id,), [Put("notes", b"k", b"v")], sequence=3, keep=False)
    assert code_of(history, wrong) == "wrong-chain"


def test_previous_of_another_device_is_refused():
    """A chain is one device's."""
    history, admit = begun()
    wrong = history.write(
        BEN, (admit.id,), [Put("notes", b"k", b"v")],
        previous=admit.id, sequence=2, parents=(), keep=False,
    )  # fmt: skip
    assert code_of(history, wrong) == "wrong-chain"


def test_later_delta_of_its_own_author_among_the_parents_is_refused():
    """The cut would hold what the chain says does not exist yet."""
    history, admit = begun()
    second = history.write(ANN, (admit.id,), [Put("notes", b"k", b"1")])
    wrong = history.write(
        ANN, (second.id,), [Put("notes", b"k", b"2")],
        previous=admit.id, sequence=2, parents=(second.id,), keep=False,
    )  # fmt: skip
    assert code_of(history, wrong) == "wrong-chain"


def test_fork_of_its_own_author_in_the_cut_is_refused():
    """Nobody continues both branches of its own fork."""
    history, admit = begun()
    left = history.write(ANN, (admit.id,), [Put("notes", b"k", b"1")])
    right = history.write(ANN, (admit.id,), [Put("notes", b"k", b"2")])
    ben = history.write(BEN, (right.id,), [Put("notes", b"k", b"3")])
    wrong = history.write(
        ANN, (left.id, ben.id), [Put("notes", b"k", b"4")],
        previous=left.id, sequence=3, parents=(ben.id,), keep=False,
    )  # fmt: skip
    assert code_of(history, wrong) == "own-fork"


def test_fork_of_another_author_in_the_cut_is_no_reason():
    """Both branches of a fork are kept, and merge as concurrent."""
    history, admit = begun()
    left = history.write(ANN, (admit.id,), [Put("notes", b"k", b"1")])
    right = history.write(ANN, (admit.id,), [Put("notes", b"k", b"2")])
    delta = history.write(BEN, (left.id, right.id), [Put("notes", b"k", b"3")], keep=False)
    assert code_of(history, delta) is None


def test_parent_that_is_an_ancestor_of_another_is_refused():
    """One cut has one name."""
    history, admit = begun()
    ben = history.write(BEN, (admit.id,), [Put("notes", b"k", b"1")])
    wrong = history.write(ANN, (ben.id,), [Put("notes", b"k", b"2")], keep=False)
    carol = identity("carol")
    admit_carol = history.write(ANN, (ben.id,), governance=(carol.admit(CONTEXT),))
    wrong = history.write(
        carol, (admit_carol.id,), [Put("notes", b"k", b"2")],
        parents=tuple(sorted((ben.id, admit_carol.id))), keep=False,
    )  # fmt: skip
    assert code_of(history, wrong) == "tangled-parents"


def test_parent_that_is_an_ancestor_of_previous_is_refused():
    """What `previous` follows is in the cut already."""
    history, admit = begun()
    ben = history.write(BEN, (admit.id,), [Put("notes", b"k", b"1")])
    second = history.write(ANN, (ben.id,), [Put("notes", b"k", b"2")])
    wrong = history.write(
        ANN, (second.id,), [Put("notes", b"k", b"3")], parents=(ben.id,), keep=False
    )
    assert code_of(history, wrong) == "tangled-parents"


def test_previous_among_the_parents_is_refused():
    """One cut has one name."""
    history, admit = begun()
    wrong = history.write(
        ANN, (admit.id,), [Put("notes", b"k", b"v")], parents=(admit.id,), keep=False
    )
    assert code_of(history, wrong) == "tangled-parents"


@pytest.mark.parametrize("late", [0, 1])
def test_time_that_does_not_exceed_every_parents_is_refused(late: int):
    """A value written later would lose to the one it replaced."""
    history, admit = begun()
    time = HybridTime(admit.core.time - late)
    wrong = history.write(BEN, (admit.id,), [Put("notes", b"k", b"v")], time=time, keep=False)
    assert code_of(history, wrong) == "wrong-time"


def test_future_time_is_delayed_without_blame_and_judged_when_it_has_come():
    """Clocks differ: that is nobody's fault, and no verdict about the delta."""
    history, admit = begun()
    ahead_ms = START_MS + limits.DRIFT_MS_MAX
    early = history.write(
        BEN, (admit.id,), [Put("notes", b"k", b"v")], time=time_at(ahead_ms + 1), keep=False
    )
    stage = Stage(FOUNDING, EVE)
    stage.receive(admit)
    assert stage.replica.judge.judge(early, START_MS) == Delayed()
    assert isinstance(stage.replica.judge.judge(early, START_MS + 1), Admissible)


def test_other_release_is_refused():
    """Calls count under the release in force at their cut."""
    history, admit = begun()
    other = ReleaseId(cid_of(b"another release"))
    wrong = history.write(BEN, (admit.id,), [Put("notes", b"k", b"v")], release=other, keep=False)
    assert code_of(history, wrong) == "wrong-release"


def test_epochs_without_encryption_are_refused():
    """There is no payload key to name."""
    history, admit = begun()
    wrong = history.write(
        BEN, (admit.id,), [Put("notes", b"k", b"v")], epochs=(bytes(32),), keep=False
    )
    assert code_of(history, wrong) == "wrong-epochs"


def test_author_that_nobody_admitted_is_refused():
    """Who knows the context id may carry, not write."""
    history, _ = begun()
    wrong = history.write(EVE, (), [Put("notes", b"k", b"v")], keep=False)
    assert code_of(history, wrong) == "not-admitted"


def test_author_whose_admission_is_not_in_its_cut_is_refused():
    """Grants reach forward: only the cut counts, not what the node knows."""
    history, admit = begun()
    late = history.write(ANN, (admit.id,), governance=(EVE.admit(CONTEXT),))
    before = history.write(EVE, (admit.id,), [Put("notes", b"k", b"v")], keep=False)
    after = history.write(EVE, (late.id,), [Put("notes", b"k", b"v")], keep=False)
    assert code_of(history, before) == "not-admitted"
    assert code_of(history, after) is None


def test_missing_governance_heads_are_refused():
    """Governance must be readable without the data between its deltas."""
    history, admit = begun()
    wrong = history.write(BEN, (admit.id,), [Put("notes", b"k", b"v")], gov_parents=(), keep=False)
    assert code_of(history, wrong) == "wrong-gov-parents"


def test_data_delta_as_governance_head_is_refused():
    """Only governance deltas have a place among them."""
    history, admit = begun()
    ben = history.write(BEN, (admit.id,), [Put("notes", b"k", b"1")])
    wrong = history.write(
        ANN, (ben.id,), [Put("notes", b"k", b"v")], gov_parents=(ben.id,), keep=False
    )
    assert code_of(history, wrong) == "wrong-gov-parents"


ALLOWED = {
    "a register is put": Put("notes", b"k", b"v"),
    "a register is deleted": Delete("notes", b"k"),
    "a counter grows": Add("likes", b"k", 1),
    "a counter falls as far as one add can": Add("likes", b"k", -(2**63)),
    "a frozen entry under its author": Put("posts", BEN.member_id + b"1", b"v"),
    "a frozen entry under its hash": Put("posts", sha256(b"v"), b"v"),
    "an owned entry": Put("profiles", BEN.member_id, b"v"),
    "an owned entry is deleted": Delete("profiles", BEN.member_id + b"x"),
}


@pytest.mark.parametrize("effect", ALLOWED.values(), ids=ALLOWED.keys())
def test_effect_that_its_rule_allows_is_admissible(effect):
    """The refusals below must not refuse too much."""
    history, admit = begun()
    assert code_of(history, history.write(BEN, (admit.id,), [effect], keep=False)) is None


FORBIDDEN = {
    "unknown collection": (Put("nowhere", b"k", b"v"), "unknown-collection"),
    "add to a register": (Add("notes", b"k", 1), "effect-forbidden"),
    "put to a counter": (Put("likes", b"k", b"v"), "effect-forbidden"),
    "delete of a counter": (Delete("likes", b"k"), "effect-forbidden"),
    "delete of a frozen entry": (Delete("posts", BEN.member_id + b"1"), "effect-forbidden"),
    "add to an owned entry": (Add("profiles", BEN.member_id, 1), "effect-forbidden"),
    "frozen under another's key": (Put("posts", ANN.member_id + b"1", b"v"), "not-owner"),
    "frozen under another hash": (Put("posts", sha256(b"w"), b"v"), "not-owner"),
    "owned by another": (Put("profiles", ANN.member_id, b"v"), "not-owner"),
    "owned by another, deleted": (Delete("profiles", ANN.member_id), "not-owner"),
    "owned by nobody": (Put("profiles", b"k", b"v"), "not-owner"),
    "empty key": (Put("notes", b"", b"v"), "empty-key"),
    "role missing": (Put("rules", b"k", b"v"), "role-missing"),
}


@pytest.mark.parametrize(("effect", "code"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_effect_that_its_rule_forbids_is_refused(effect, code: str):
    """A doctored node cannot write what the rules do not allow."""
    history, admit = begun()
    assert code_of(history, history.write(BEN, (admit.id,), [effect], keep=False)) == code


def test_founder_holds_the_role_of_admins():
    """Collections may name the roles that may write."""
    history, admit = begun()
    delta = history.write(ANN, (admit.id,), [Put("rules", b"k", b"v")], keep=False)
    assert code_of(history, delta) is None


def test_frozen_put_on_an_entry_of_its_cut_is_refused():
    """What is frozen never changes, not even by its author."""
    history, admit = begun()
    key = BEN.member_id + b"1"
    first = history.write(BEN, (admit.id,), [Put("posts", key, b"v")])
    again = history.write(BEN, (first.id,), [Put("posts", key, b"w")], keep=False)
    assert code_of(history, again) == "frozen"


def test_frozen_put_after_another_of_the_same_delta_is_refused():
    """Earlier calls of a delta count as what is there."""
    history, admit = begun()
    key = BEN.member_id + b"1"
    twice = history.write(
        BEN, (admit.id,), [Put("posts", key, b"v")], [Put("posts", key, b"w")], keep=False
    )
    assert code_of(history, twice) == "frozen"


def test_frozen_put_on_an_entry_beyond_its_cut_is_admissible():
    """Nothing known beyond the cut makes a node refuse: the earlier one stays."""
    history, admit = begun()
    key = BEN.member_id + b"1"
    phone = identity("ben", "phone")
    admit_phone = history.write(ANN, (admit.id,), governance=(phone.admit(CONTEXT),))
    history.write(BEN, (admit_phone.id,), [Put("posts", key, b"v")])
    other = history.write(phone, (admit_phone.id,), [Put("posts", key, b"w")], keep=False)
    assert code_of(history, other) is None


@pytest.mark.parametrize("fuel", [(), (1, 1), (limits.CALL_FUEL_MAX + 1,)])
def test_wrong_fuel_is_refused(fuel: tuple[int, ...]):
    """Fuel is declared for each call, and bounded over a delta."""
    history, admit = begun()
    wrong = history.write(BEN, (admit.id,), [Put("notes", b"k", b"v")], fuel=fuel, keep=False)
    assert code_of(history, wrong) == "wrong-fuel"


def test_delta_that_says_nothing_is_refused():
    """It would cost every node a row and say nothing; a merge says what it is."""
    history, admit = begun()
    assert code_of(history, history.write(BEN, (admit.id,), keep=False)) == "empty"


def test_merge_stands_alone():
    """What has an effect is no merge."""
    history, admit = begun()
    alone = history.write(BEN, (admit.id,), governance=(Merge(),), keep=False)
    calls = history.write(
        BEN, (admit.id,), [Put("notes", b"k", b"v")], governance=(Merge(),), keep=False
    )
    both = history.write(BEN, (admit.id,), governance=(EVE.admit(CONTEXT), Merge()), keep=False)
    twice = history.write(BEN, (admit.id,), governance=(Merge(), Merge()), keep=False)
    assert [code_of(history, d) for d in (alone, calls, both, twice)] == [
        None, "wrong-merge", "wrong-merge", "wrong-merge",
    ]  # fmt: skip


def test_device_admitted_twice_is_refused():
    """In one delta, or where its cut shows the first time."""
    history, admit = begun()
    eve = EVE.admit(CONTEXT)
    twice = history.write(ANN, (admit.id,), governance=(eve, eve), keep=False)
    again = history.write(ANN, (admit.id,), governance=(BEN.admit(CONTEXT),), keep=False)
    founder = history.write(ANN, (admit.id,), governance=(ANN.admit(CONTEXT),), keep=False)
    assert {code_of(history, d) for d in (twice, again, founder)} == {"admitted-already"}


def test_admission_where_the_charter_does_not_leave_it_open():
    """By invitation nobody enters yet; where it is closed admins admit, and others refuse."""
    invited = found(ANN, admission=Admission.INVITE)
    history = History(invited)
    wrong = history.write(ANN, (), governance=(BEN.admit(invited.context),), keep=False)
    assert code_of(history, wrong) == "admission"
    closed = found(ANN, admission=Admission.CLOSED)
    history = History(closed)
    ben = BEN.admit(closed.context)
    assert code_of(history, history.write(ANN, (), governance=(ben,), keep=False)) is None
    admit = history.write(ANN, (), governance=(ben,))
    eve = identity("eve").admit(closed.context)
    wrong = history.write(BEN, (admit.id,), governance=(eve,), keep=False)
    assert code_of(history, wrong) == "no-admin"


def test_payload_that_does_not_decode_is_refused_with_its_code():
    """The bytes are the author's own: every node refuses them alike."""
    history, admit = begun()
    shape = history.write(BEN, (admit.id,), payload=pack(((), ())), keep=False)
    loose = history.write(BEN, (admit.id,), payload=b"\x93\x90\x90\xdc\x00\x00", keep=False)
    junk = history.write(BEN, (admit.id,), payload=b"\xc1", keep=False)
    codes = [code_of(history, d) for d in (shape, loose, junk)]
    assert codes == ["wrong-shape", "non-canonical", "malformed"]


def test_what_follows_a_refused_delta_is_refused():
    """For ever, and without looking at it."""
    history, admit = begun()
    wrong = history.write(EVE, (), [Put("notes", b"k", b"v")])
    after = history.write(ANN, (admit.id, wrong.id), [Put("notes", b"k", b"v")], keep=False)
    stage = Stage(FOUNDING, BEN)
    stage.receive(admit, wrong)
    judged = stage.replica.judge.judge(after, START_MS)
    assert isinstance(judged, Denied)
    assert judged.code == "follows-refused"


def test_missing_parents_are_named_and_applied_deltas_known():
    """What waits says for what."""
    history, admit = begun()
    ben = history.write(BEN, (admit.id,), [Put("notes", b"k", b"v")])
    stage = Stage(FOUNDING, EVE)
    assert stage.replica.judge.judge(ben, START_MS) == Missing((admit.id,))
    stage.receive(admit, ben)
    assert stage.replica.judge.judge(ben, START_MS) == Known()
