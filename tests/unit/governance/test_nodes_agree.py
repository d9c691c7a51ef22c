"""Replicas beside the oracle: a few random histories, each in several orders of arrival."""

from __future__ import annotations

import pytest

from covey.model import DeltaId
from covey.sync import Ledger
from covey.testkit.oracle import Judgement, nodes
from covey.testkit.oracle.nodes import differences


@pytest.mark.parametrize("seed", [1, 5, 11, 23])
def test_replicas_say_what_the_oracle_says(seed: int):
    """Of deltas, members, roles, releases, the code rule, silence and the digest."""
    writing, found = differences(seed)
    assert found == []
    assert len(writing.deltas) > 20


def test_a_difference_is_told(monkeypatch: pytest.MonkeyPatch):
    """Otherwise that there is none means nothing: the digest of a replica is changed."""
    monkeypatch.setattr(nodes.Ledger, "digest", lambda _: bytes(32))
    _, found = differences(1, 20)
    assert found
    assert all("another digest" in line for line in found)


def test_a_difference_on_the_way_is_told(monkeypatch: pytest.MonkeyPatch):
    """One that later deltas cover up; nobody asks on the way in the last order."""
    real = nodes.disagreement

    def doubtful(ledger: Ledger, j: Judgement, silent: frozenset[DeltaId]) -> str:
        return "another word" if j.s.bit_count() == 3 else real(ledger, j, silent)

    monkeypatch.setattr(nodes, "disagreement", doubtful)
    _, found = differences(1, 20)
    assert found == [f"history 1, order {n}: another word, after delta 3" for n in range(3)]
