"""Bugs in which release is in force, who may bring it there, and under which one calls run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.governance import Silence, code_rule, rows
from covey.sync import replays, replica
from covey.sync.author import Author
from covey.sync.local import LocalWrites
from covey.sync.replays import Replays


def take_the_rival_that_came_first(patch: pytest.MonkeyPatch) -> None:
    """Of two rival upgrades the one that arrived first is in force."""
    original = code_rule.code_rule_at

    def at(words: Any, authority: Any) -> Any:
        rule = original(words, authority)
        rivals = [row for row in rule.standing if row.number == rule.number]
        if len(rivals) < 2:
            return rule
        first = min(rivals, key=lambda row: words.past.arrival(row.at))
        return replace(rule, release=first.release)

    patch.setattr("covey.governance.governor.code_rule_at", at)


def wait_for_no_notice(patch: pytest.MonkeyPatch) -> None:
    """Approved releases come into force before the notice has run."""
    _ask_for_less(patch, notice_ms=0)


def ask_for_one_key(patch: pytest.MonkeyPatch) -> None:
    """One approval is enough, whatever the quorum."""
    _ask_for_less(patch, k=1)


def _ask_for_less(patch: pytest.MonkeyPatch, **less: int) -> None:
    original = code_rule._unmet_quorum

    def unmet(words: Any, authority: Any, core: Any, upgrade: Any, quorum: Any) -> Any:
        return original(words, authority, core, upgrade, replace(quorum, **less))

    patch.setattr(code_rule, "_unmet_quorum", unmet)


def approve_for_every_number(patch: pytest.MonkeyPatch) -> None:
    """An approval counts for the same release whatever came into force since."""
    original = rows.approvals

    def approvals(reader: Any) -> Any:
        given = tuple(original(reader))
        return [replace(row, number=number) for row in given for number in range(1, 5)]

    patch.setattr(code_rule, "approvals", approvals)


def stand_against_a_tighten(patch: pytest.MonkeyPatch) -> None:
    """An upgrade that did not know of a tighten stands all the same."""
    patch.setattr("covey.governance.governor.is_met", lambda *_: True)


def let_calls_outlive_their_release(patch: pytest.MonkeyPatch) -> None:
    """What ran under an upgrade that does not stand keeps its effects."""
    patch.setattr(Silence, "_is_mute", lambda *_: False)


def believe_any_release(patch: pytest.MonkeyPatch) -> None:
    """A call may run under another release than that in force."""
    patch.setattr("covey.sync.judge.check_release", lambda *_: None)


def run_under_the_first_release(patch: pytest.MonkeyPatch) -> None:
    """Calls of this node run under the charter's release, whatever is in force."""
    original = Author.batch

    def batch(self: Author, draughted: Any, release: Any = None) -> Any:
        first = self._ledger.charter.release
        return original(self, draughted, first if release is None else release)

    patch.setattr(Author, "batch", batch)


def run_before_the_code_is_there(patch: pytest.MonkeyPatch) -> None:
    """Calls are not held until the release in force is ready."""
    original = LocalWrites.begin

    class Everything(dict[Any, None]):
        def __contains__(self, release: object) -> bool:
            return True

    def begin(self: LocalWrites, now: float) -> Any:
        ready, self._ready = self._ready, Everything()
        try:
            return original(self, now)
        finally:
            self._ready = ready

    patch.setattr(LocalWrites, "begin", begin)


def look_for_no_release(patch: pytest.MonkeyPatch) -> None:
    """Nobody asks for the module of a release that came into force."""
    patch.setattr(replica.Replica, "_need_release", lambda *_: [])


def believe_migrations(patch: pytest.MonkeyPatch) -> None:
    """The call of an upgrade is not run again."""
    original = Replays.lacks

    def lacks(self: Replays, delta: Any, admissible: Any) -> bool:
        return not delta.core.governance and original(self, delta, admissible)

    patch.setattr(Replays, "lacks", lacks)


def migrate_under_the_old_release(patch: pytest.MonkeyPatch) -> None:
    """A migration is run again under the release that was in force before it."""
    patch.setattr(replays, "release_of_calls", lambda core: core.release)
