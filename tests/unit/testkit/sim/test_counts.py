"""How much of a run was concurrent: counted on a history small enough to count by hand."""

from __future__ import annotations

from covey.model import Add, Delete, DeltaId, Effect, Put
from covey.testkit.history import History as Writing
from covey.testkit.identities import COLLECTIONS, Identity, found, identity
from covey.testkit.oracle.history import History
from covey.testkit.sim.counts import EffectCount, count_effects, count_forks

ANN, BEN = identity("ann"), identity("ben")


class Told:
    """A history that is written by hand and told to the counter delta by delta."""

    def __init__(self) -> None:
        self._writing = Writing(found(ANN, BEN))
        self.history = History()

    def write(self, author: Identity, after: tuple[DeltaId, ...], *effects: Effect) -> DeltaId:
        """A delta that follows these, each effect in a call of its own."""
        delta = self._writing.write(author, after, *((effect,) for effect in effects))
        self.history.record(delta)
        return delta.id

    def counts(self) -> dict[str, EffectCount]:
        """By rule, but those that nothing happened to."""
        counts = count_effects(self.history, COLLECTIONS)
        return {rule: count for rule, count in counts.items() if count.total}


def note(key: bytes, value: bytes = b"v") -> Put:
    """An effect on a register."""
    return Put("notes", key, value)


def test_effects_that_see_each_other_are_not_concurrent() -> None:
    """A chain over two devices, each of which had seen the other's last delta."""
    told = Told()
    first = told.write(ANN, (), note(b"k"))
    second = told.write(BEN, (first,), note(b"k"))
    told.write(ANN, (second,), note(b"k"), Delete("notes", b"l"))
    assert told.counts() == {"register": EffectCount(4, 0)}


def test_effects_on_one_entry_that_do_not_see_each_other_are_concurrent() -> None:
    """Both of them, and what follows only one of them too; not what follows both."""
    told = Told()
    before = told.write(ANN, (), note(b"k"))
    one = told.write(ANN, (before,), note(b"k"))
    other = told.write(BEN, (before,), note(b"k"))
    further = told.write(BEN, (other,), note(b"k"))
    told.write(ANN, (one, further), note(b"k"))
    assert told.counts() == {"register": EffectCount(5, 3)}


def test_concurrent_deltas_on_other_entries_do_not_count() -> None:
    """Nothing has to be merged where the keys or the collections differ."""
    told = Told()
    told.write(ANN, (), note(b"k"), Add("likes", b"k", 1))
    told.write(BEN, (), note(b"l"), Put("profiles", bytes(BEN.member_id), b"v"))
    assert {rule: count.concurrent for rule, count in told.counts().items()} == {
        "register": 0,
        "counter": 0,
        "owned": 0,
    }


def test_each_rule_is_counted_apart() -> None:
    """And every effect, also where one delta has two on one entry."""
    told = Told()
    told.write(ANN, (), Add("likes", b"k", 1), Put("posts", b"shared", b"1"))
    told.write(BEN, (), Add("likes", b"k", 2), Add("likes", b"k", 3))
    assert told.counts() == {"counter": EffectCount(3, 3), "frozen": EffectCount(1, 0)}


def test_rules_without_effects_are_there_with_zero() -> None:
    """A summary shows what a workload does not touch."""
    assert count_effects(History(), COLLECTIONS) == dict.fromkeys(
        ("counter", "frozen", "owned", "register"), EffectCount()
    )


def test_forks_are_counted_by_their_place() -> None:
    """Three deltas at one place of a chain are one fork; the same sequence of others is none."""
    told = Told()
    first = told.write(ANN, (), note(b"k"))
    told.write(BEN, (), note(b"k"))
    assert count_forks(told.history) == 0
    for value in (b"1", b"2", b"3"):
        told.write(ANN, (first,), note(b"k", value))
    assert count_forks(told.history) == 1
