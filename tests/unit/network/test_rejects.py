"""Counting what no honest peer sends, and forgiving it."""

from __future__ import annotations

from covey.model import limits
from covey.network.rejects import Allowance, Rejects


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_peer_is_shunned_and_forgiven():
    """A peer that was broken for a while comes back by itself."""
    clock = _Clock()
    rejects = Rejects(clock)
    for _ in range(int(limits.GOSSIP_REJECTS_MAX)):
        rejects.add("eve")
    assert not rejects.is_shunned("eve")
    rejects.add("eve")
    assert rejects.is_shunned("eve")
    assert not rejects.is_shunned("bob")
    clock.now += limits.GOSSIP_REJECTS_HALVED_S
    assert not rejects.is_shunned("eve")
    assert 0 < rejects.count("eve") < limits.GOSSIP_REJECTS_MAX


def test_only_so_many_peers_are_counted(monkeypatch):
    """Peer ids cost nothing, so the table is bounded."""
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 2)
    rejects = Rejects(_Clock())
    for peer in ("a", "b", "c"):
        rejects.add(peer)
    assert [rejects.count(peer) for peer in ("a", "b", "c")] == [0, 1, 1]


def test_peer_within_its_rate_does_not_wait_and_beyond_it_does():
    """Reading waits, so that a flood fills the sender's buffers and not ours."""
    clock = _Clock()
    allowance = Allowance(clock)
    assert allowance.spend(limits.GOSSIP_MESSAGES_PER_S_MAX) == 0
    assert allowance.spend(limits.GOSSIP_MESSAGES_PER_S_MAX // 2) == 0.5
    clock.now += 10
    assert allowance.spend(10) == 0
