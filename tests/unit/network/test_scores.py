"""Holding against peers what no honest peer does, and forgiving it."""

from __future__ import annotations

import pytest

from covey.model import limits
from covey.network.scores import Misdeed, Scores


def _until(scores: Scores[str], is_over) -> int:
    for count in range(1, 1000):
        scores.add("eve", Misdeed.REJECTED_FRAME)
        if is_over():
            return count
    raise AssertionError


def test_peer_loses_its_places_then_its_readers_then_its_connection(clock):
    """In this order, and nobody else loses anything."""
    scores: Scores[str] = Scores(clock)
    pruned = _until(scores, lambda: not scores.is_meshable("eve"))
    assert scores.is_read("eve")
    unread = pruned + _until(scores, lambda: not scores.is_read("eve"))
    assert not scores.is_banned("eve")
    banned = unread + _until(scores, lambda: scores.is_banned("eve"))
    assert [pruned, unread, banned] == [
        limits.GOSSIP_PRUNED_DEMERITS + 1,
        limits.GOSSIP_REJECTS_MAX + 1,
        limits.GOSSIP_BANNED_DEMERITS + 1,
    ]
    assert scores.score("bob") == 0
    assert scores.is_meshable("bob")
    assert scores.is_read("bob")
    assert not scores.is_banned("bob")


def test_what_is_held_against_a_peer_halves_every_minute(clock):
    """A peer that was broken for a while comes back by itself."""
    scores: Scores[str] = Scores(clock)
    for _ in range(20):
        scores.add("eve", Misdeed.REJECTED_FRAME)
    assert scores.score("eve") == -20
    clock.now += limits.GOSSIP_REJECTS_HALVED_S
    assert scores.score("eve") == pytest.approx(-10)
    assert scores.is_read("eve")
    clock.now += 2 * limits.GOSSIP_REJECTS_HALVED_S
    assert scores.is_meshable("eve")


def test_ban_ends_by_itself_and_then_the_peer_is_an_ordinary_one(clock):
    """Whoever was refused may try again; what is left of its misdeeds no longer costs it much."""
    scores: Scores[str] = Scores(clock)
    _until(scores, lambda: scores.is_banned("eve"))
    clock.now += limits.GOSSIP_BANNED_S - 1
    assert scores.is_banned("eve")
    clock.now += 1
    assert not scores.is_banned("eve")
    assert scores.is_meshable("eve")


def test_no_misdeed_bans_at_once(clock):
    """Whatever it is, an honest peer may seem to do it once."""
    for misdeed in Misdeed:
        scores: Scores[str] = Scores(clock)
        scores.add("eve", misdeed)
        assert scores.score("eve") == -misdeed.weight < 0
        assert scores.is_meshable("eve")


def test_only_so_many_peers_are_held_to_account(clock, monkeypatch):
    """Peer ids cost nothing, so the table is bounded; the oldest is forgotten."""
    monkeypatch.setattr(limits, "PEERS_REMEMBERED_MAX", 2)
    scores: Scores[str] = Scores(clock)
    for peer in ("a", "b", "a", "c"):
        scores.add(peer, Misdeed.REJECTED_FRAME)
    assert [scores.score(peer) for peer in ("a", "b", "c")] == [-2, 0, -1]
