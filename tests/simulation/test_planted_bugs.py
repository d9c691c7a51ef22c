"""The simulator can see: each bug that is planted here is found within the first 50 seeds.

A check that never failed proves nothing; these are the proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from covey.merge import Stamp, decode_entry
from covey.merge.fold import _fold_version
from covey.model import Denied, Rule, Table, limits
from covey.sync import (
    Admissible,
    Broadcast,
    Claims,
    Delayed,
    Judge,
    Ledger,
    LocalWrites,
    Replica,
    Standing,
    parents_of,
)
from covey.sync.session.streaming import Stream
from covey.testkit.sim import plan_of, simulate

SEEDS = range(1, 151)
Plant = Callable[[pytest.MonkeyPatch], None]


def commit_without_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own deltas leave before they are safe."""
    original = Replica._commit
    monkeypatch.setattr(Replica, "_commit", lambda self, *, durable: original(self, durable=False))


def release_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The delta is on its way before it is on the disk."""
    original = Replica._finish

    def finish(self: Replica, *args: Any) -> list[Any]:
        effects = original(self, *args)
        return sorted(effects, key=lambda effect: not isinstance(effect, Broadcast))

    monkeypatch.setattr(Replica, "_finish", finish)


def stream_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session sends what is applied while its commit is still under way."""
    monkeypatch.setattr(Ledger, "committed", property(lambda self: self.view))


def look_at_previous_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delta counts as ready before the other heads that it follows are here."""
    monkeypatch.setattr(
        "covey.sync.judge.parents_of", lambda delta: parents_of(delta)[: delta.core.sequence > 1]
    )


def last_to_arrive_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The winner depends on the order of arrival."""

    def older(row: bytes) -> Any:
        entry = decode_entry(row)
        return replace(entry, stamp=Stamp(type(entry.stamp.time)(0), entry.stamp.delta, 0))

    monkeypatch.setattr("covey.merge.fold.decode_entry", older)


def forget_tombstones(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old put brings a deleted entry back."""
    monkeypatch.setattr("covey.merge.fold._strongest_tombstone", lambda *_: None)


def apply_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes again is applied again."""
    original = Judge.judge
    said: dict[tuple[Judge, Any], Admissible] = {}

    def judge(self: Judge, delta: Any, now_ms: int) -> Any:
        word = original(self, delta, now_ms)
        if isinstance(word, Admissible):
            said[self, delta.id] = word
        return said.get((self, delta.id), word)

    monkeypatch.setattr(Judge, "judge", judge)


def believe_frontiers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """In sync with whoever claims the same deltas, whatever state it claims."""
    original = Claims.standing

    def standing(self: Claims, *args: Any) -> Standing:
        told = original(self, *args)
        return replace(told, in_sync_with=(*told.in_sync_with, *told.diverged), diverged=())

    monkeypatch.setattr(Claims, "standing", standing)


def let_others_take_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's key is not looked at."""
    monkeypatch.setattr("covey.rules.effects._check_owner", lambda *_: None)


def judge_by_all_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen entry that exists here, but not at the delta's cut, makes a node refuse it."""

    def exists(self: Judge, collection: str, key: bytes, cut: object) -> bool:
        return self._ledger.view.get(Table.ENTRY, (collection.encode(), key)) is not None

    monkeypatch.setattr(Judge, "_exists", exists)


def apply_while_executing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cut of a batch moves while the engine runs."""
    monkeypatch.setattr(LocalWrites, "is_executing", property(lambda self: False))


def forget_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart the device's time may go back."""
    original = Ledger._load

    def load(self: Ledger) -> None:
        original(self)
        self.clock = type(self.clock)(0)

    monkeypatch.setattr(Ledger, "_load", load)


def refuse_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that runs ahead makes its deltas inadmissible on some nodes."""
    original = Judge.judge

    def judge(self: Judge, delta: Any, now_ms: int) -> Any:
        judged = original(self, delta, now_ms)
        if isinstance(judged, Delayed):
            return self._refuse(delta, Denied("wrong-time", "too far ahead"))
        return judged

    monkeypatch.setattr(Judge, "judge", judge)


def keep_old_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads on the disk are not removed when something follows them."""
    original = Ledger.save

    def save(self: Ledger) -> tuple[Any, ...]:
        return tuple(w for w in original(self) if w.table is not Table.HEAD or w.value is not None)

    monkeypatch.setattr(Ledger, "save", save)


def thaw_frozen_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of concurrent puts on a frozen entry the greatest stays, as in a register."""

    def fold(draft: Any, digest: Any, rule: Rule, *rest: Any) -> None:
        _fold_version(draft, digest, Rule.REGISTER, *rest)

    monkeypatch.setattr("covey.merge.fold._fold_version", fold)


def leave_gaps_in_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream leaves out the first delta of each page, and nobody answers who asks for it."""
    original = Stream.page

    def page(self: Stream) -> Any:
        return iter(list(original(self))[1:])

    monkeypatch.setattr(Stream, "page", page)
    monkeypatch.setattr(limits, "ASK_IDS_MAX", 0)


PLANTS: tuple[Plant, ...] = (
    commit_without_sync,
    release_before_commit,
    stream_before_commit,
    look_at_previous_only,
    last_to_arrive_wins,
    forget_tombstones,
    apply_twice,
    believe_frontiers_alone,
    let_others_take_entries,
    judge_by_all_that_is_known,
    apply_while_executing,
    forget_the_clock,
    refuse_the_future,
    keep_old_heads,
    thaw_frozen_entries,
    leave_gaps_in_streams,
)


def broken_promise(seed: int) -> str:
    """What a checker, or an assertion of the machines themselves, says of a seed; or empty."""
    try:
        simulate(plan_of(seed))
    except AssertionError as failure:
        if not isinstance(failure.__cause__, AssertionError):
            raise  # a mistake in the plant, not a finding
        return str(failure)
    return ""


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some seed breaks a promise that the checkers watch."""
    plant(monkeypatch)
    found = next((seed for seed in SEEDS if broken_promise(seed)), None)
    assert found is not None, f"no seed of {SEEDS} finds it"
