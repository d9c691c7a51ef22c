"""Bugs in the order of deltas: parents, heads, tips, sequences and clocks."""

from __future__ import annotations

from typing import Any

import pytest

from covey.model import DeltaId, Table, time_at
from covey.sync import Ledger, Replica, parents_of
from covey.sync.following import Following


def look_at_previous_only(patch: pytest.MonkeyPatch) -> None:
    """A delta counts as ready before the other heads that it follows are here."""
    patch.setattr(
        "covey.sync.judge.parents_of", lambda delta: parents_of(delta)[: delta.core.sequence > 1]
    )


def leave_out_a_head(patch: pytest.MonkeyPatch) -> None:
    """Of several heads that an author has seen its delta does not follow the last."""
    original = Following.heads

    def heads(self: Following) -> Any:
        found = original(self)
        return found[:-1] if len(found) > 1 else found

    patch.setattr(Following, "heads", heads)


def follow_too_many_heads(patch: pytest.MonkeyPatch) -> None:
    """More heads than one delta may follow are not merged first."""
    patch.setattr(Following, "excess", lambda _: None)


def apply_while_executing(patch: pytest.MonkeyPatch) -> None:
    """The state that a batch reads moves while the engine runs."""

    def receive(self: Replica, event: Any, now: float) -> Any:
        effects = self.intake.take(event, now)
        return [*self._commit(durable=False), *effects, *self._after_change(effects, now)]

    patch.setattr(Replica, "_receive", receive)


def keep_old_heads(patch: pytest.MonkeyPatch) -> None:
    """Heads on the disk are not removed when something follows them."""
    _leave_out(patch, lambda w: w.table is Table.HEAD and w.value is None)


def keep_old_tips(patch: pytest.MonkeyPatch) -> None:
    """Tips on the disk are not removed when their device goes on."""
    _leave_out(patch, lambda w: w.table is Table.TIP and w.value is None)


def lose_tips(patch: pytest.MonkeyPatch) -> None:
    """The last delta of a device is forgotten in a crash, and its sequence used again."""
    _leave_out(patch, lambda w: w.table is Table.TIP and w.value is not None)


def _leave_out(patch: pytest.MonkeyPatch, is_left_out: Any) -> None:
    original = Ledger.save

    def save(self: Ledger) -> Any:
        return tuple(write for write in original(self) if not is_left_out(write))

    patch.setattr(Ledger, "save", save)


def lose_branches(patch: pytest.MonkeyPatch) -> None:
    """Of a forked device only the longest branch stays in the frontier."""
    original = Ledger._move_heads

    def move(self: Ledger, draft: Any, delta: Any, *rest: Any) -> None:
        original(self, draft, delta, *rest)
        author = delta.core.author
        last = max(self.frontier[author])
        for tip in self.frontier[author]:
            if tip != last:
                draft.delete(Table.TIP, (author, tip.id))
        self.frontier[author] = (last,)

    patch.setattr(Ledger, "_move_heads", move)


def keep_followed_governance(patch: pytest.MonkeyPatch) -> None:
    """An admission counts as a head of governance although another one follows it."""

    def heads(self: Ledger, parents: Any) -> Any:
        found: set[DeltaId] = set()
        for parent in parents:
            summary = self.summary(parent)
            assert summary is not None
            found.update((parent,) if summary.is_governance else summary.gov_parents)
        return tuple(sorted(found))

    patch.setattr(Ledger, "governance_heads", heads)


def trust_the_wall_clock(patch: pytest.MonkeyPatch) -> None:
    """A delta has the time of the clock, though what it follows may be later."""
    patch.setattr("covey.sync.author.next_time", lambda now_ms, _floor: time_at(now_ms))


def forget_the_clock(patch: pytest.MonkeyPatch) -> None:
    """After a restart the device's time may go back."""
    original = Ledger._load

    def load(self: Ledger) -> None:
        original(self)
        self.clock = type(self.clock)(0)

    patch.setattr(Ledger, "_load", load)
