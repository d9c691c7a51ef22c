"""The code rule of many upgrades: what each costs, and what is remembered of those before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.governance import Authority, CodeRule
from covey.governance.code_rule import Words, code_rule_at
from covey.governance.rows import put_upgrade, upgrades
from covey.model import Draft, Publisher, Tighten, Upgrade, limits
from covey.sync.ledger import Ledger
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.people import manifest, start
from tests.unit.governance.told import ANN, BEN, CARA, Told


def begun() -> Told:
    """ann, ben and cara founded."""
    return Told(start(ANN, BEN, CARA))


def put(told: Told, who: Identity, version: str, number: int, **where: int) -> Known:
    """An upgrade to a version."""
    return told.say(who, Upgrade(number, manifest(version), ()), **where)


def asked(monkeypatch: pytest.MonkeyPatch, words_remembered: int) -> list[Authority]:
    """The cuts whose code rule is worked out from now on, with room for so many words."""
    cuts: list[Authority] = []

    def at(words: Words, authority: Authority) -> CodeRule:
        cuts.append(authority)
        return code_rule_at(words, authority)

    monkeypatch.setattr(limits, "AUTHORITIES_CACHED_MAX", words_remembered)
    monkeypatch.setattr("covey.governance.governor.code_rule_at", at)
    return cuts


@pytest.mark.parametrize("is_first", [True, False])
def test_many_upgrades_under_a_tighten_cost_no_more_each(
    monkeypatch: pytest.MonkeyPatch, is_first: bool
):
    """What was in force before each is not asked of all before it, again and again."""
    told = begun()
    base = told.now
    if is_first:
        told.say(ANN, Tighten(Publisher()))
    cuts = asked(monkeypatch, 3)
    for number in range(1, 11):
        cuts.clear()
        put(told, ANN, f"1.{number}.0", number)
        assert len(cuts) <= 2
    if not is_first:
        cuts.clear()
        told.say(BEN, Tighten(Publisher()), cut=base)
        assert len(cuts) <= 2
    cuts.clear()
    again = told.stage.restarted().replica.ledger
    assert again.governor.rule(again.authority) == told.rule
    assert told.rule.number == 10
    assert len(cuts) <= 2


def test_upgrades_kept_without_what_they_replaced_are_judged_alike():
    """A store from before that was kept: it is asked, once."""
    told = begun()
    before = told.now
    put(told, ANN, "1.4.0", 1, cut=before)
    older = put(told, ANN, "1.3.0", 2)
    told.say(BEN, Tighten(Publisher()), cut=before)
    newer = put(told, CARA, "1.5.0", 2)
    rule, ledger = told.rule, told.stage.replica.ledger
    assert [row.at.id for row in rule.fallen] == [older.delta.id]
    assert newer.delta.id in {row.at.id for row in rule.standing}
    rows = Draft(ledger.view)
    for row in upgrades(ledger.view):
        put_upgrade(rows, replace(row, replaced=None))
    kept = Ledger(told.founding.context, told.founding.charter, told.founding.first, rows)
    found = kept.governor.rule(kept.authority)
    assert [row.at.id for row in found.standing] == [row.at.id for row in rule.standing]
    assert [row.at.id for row in found.fallen] == [row.at.id for row in rule.fallen]


def test_memory_of_what_upgrades_satisfy_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """What is forgotten is worked out again."""
    monkeypatch.setattr(limits, "FACTS_REMEMBERED_MAX", 2)
    told = begun()
    told.say(ANN, Tighten(Publisher()))
    for number in range(1, 6):
        put(told, ANN, f"1.{number}.0", number)
    assert told.rule.number == 5
    assert len(told.stage.replica.ledger.governor._met) == 2
