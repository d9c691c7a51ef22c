"""Bugs in running again what others wrote, and in what their devices may use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.model import Failed
from covey.runtime import BlockingExecutor
from covey.sync import Judge
from covey.sync.before import StateBefore
from covey.sync.replays import Replays, _Row


def believe_calls(patch: pytest.MonkeyPatch) -> None:
    """Calls are not run again."""
    patch.setattr(Replays, "lacks", lambda *_: False)


def believe_effects(patch: pytest.MonkeyPatch) -> None:
    """Effects are not compared."""
    _compare_with(patch, lambda signed, ran: replace(signed, effects=ran[0]))


def believe_events(patch: pytest.MonkeyPatch) -> None:
    """Events are not compared."""
    _compare_with(patch, lambda signed, ran: replace(signed, events=ran[1]))


def believe_fuel(patch: pytest.MonkeyPatch) -> None:
    """Declared fuel is not compared."""
    _compare_with(patch, lambda signed, ran: replace(signed, fuel=ran[2]))


def _compare_with(patch: pytest.MonkeyPatch, corrected: Any) -> None:
    """Before it is compared, a part of what was signed is made to be what the code does."""
    original = BlockingExecutor.replay

    def replay(self: BlockingExecutor, row: Any, base: Any, interrupt: Any = None) -> Any:
        first = row[0]
        outcomes = self.run_batch(first.batch, base)
        if len(outcomes) == len(first.batch.calls) and not any(
            isinstance(outcome, Failed) for outcome in outcomes
        ):
            parts = tuple(
                tuple(getattr(outcome, part) for outcome in outcomes)
                for part in ("effects", "events", "fuel")
            )
            first = corrected(first, parts)
        return original(self, (first,), base, interrupt)

    patch.setattr(BlockingExecutor, "replay", replay)


def run_on_the_present(patch: pytest.MonkeyPatch) -> None:
    """Calls are run again on the state that this node has, not on that of their cut."""
    original = StateBefore.entries

    def entries(self: StateBefore, reader: Any) -> Any:
        return original(replace(self, frontier=None), reader)

    patch.setattr(StateBefore, "entries", entries)


def forget_silence_before(patch: pytest.MonkeyPatch) -> None:
    """What was void at a cut counts where calls are run again on it."""
    original = StateBefore.entries

    def entries(self: StateBefore, reader: Any) -> Any:
        return original(replace(self, silences=None), reader)

    patch.setattr(StateBefore, "entries", entries)


def put_anything_in_a_row(patch: pytest.MonkeyPatch) -> None:
    """Deltas are run on one another that do not follow each other."""
    patch.setattr(_Row, "_continues", lambda *_: True)


def run_as_somebody_without_roles(patch: pytest.MonkeyPatch) -> None:
    """Calls are run again without the roles of their author."""
    from covey.sync import replays  # the name is patched where it is looked up

    original = replays.signed_of

    def signed(*args: Any) -> Any:
        made = original(*args)
        return replace(made, batch=replace(made.batch, roles=()))

    patch.setattr(replays, "signed_of", signed)


def judge_by_host_faults(patch: pytest.MonkeyPatch) -> None:
    """A word that never came counts as agreement."""
    original = Replays.finish

    def finish(self: Replays, words: Any, now: float) -> None:
        original(self, (None,) * len(words), now)

    patch.setattr(Replays, "finish", finish)


def spend_without_end(patch: pytest.MonkeyPatch) -> None:
    """A fuel budget binds nobody."""
    patch.setattr(Judge, "_check_budget", lambda *_: None)


def count_no_bytes(patch: pytest.MonkeyPatch) -> None:
    """Of a device's budget a delta takes its fuel alone."""
    for place in ("covey.sync.judge.cost_of", "covey.sync.ledger.cost_of"):
        patch.setattr(place, lambda core, _size: sum(core.fuel))
