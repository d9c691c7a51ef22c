"""Replicas beside the oracle: a few random histories, each in several orders of arrival."""

from __future__ import annotations

import pytest

from covey.testkit.oracle import nodes
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
